package product_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/product"
)

// parsed is a mail as its reader sees it.
type parsed struct {
	header                  mail.Header
	subject, body, from, to string
}

func parse(t *testing.T, message []byte) parsed {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(message))
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	require.NoError(t, err)
	return parsed{
		header: m.Header, subject: subject, from: m.Header.Get("From"), to: m.Header.Get("To"),
		body: strings.TrimSuffix(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n"),
	}
}

func TestMessageIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	m := product.Mail{
		From: "Müllers Shop <shop@example.com>", To: []string{"ann@example.com", "Bob <bob@example.com>"},
		Subject: "Größe 42 – now 19.90", Body: "A line = that is long. " + strings.Repeat("ä", 200) + "\n.\nEnd",
	}
	message, err := m.Message()
	require.NoError(t, err)
	got := parse(t, message)
	assert.Equal(t, m.Subject, got.subject)
	assert.Equal(t, m.Body, got.body)
	from, err := mail.ParseAddress(got.from)
	require.NoError(t, err)
	assert.Equal(t, mail.Address{Name: "Müllers Shop", Address: "shop@example.com"}, *from)
	to, err := mail.ParseAddressList(got.to)
	require.NoError(t, err)
	require.Len(t, to, 2)
	assert.Equal(t, "bob@example.com", to[1].Address)
	for _, name := range []string{"Date", "Message-Id", "Mime-Version", "Content-Type"} {
		assert.NotEmpty(t, got.header.Get(name), name)
	}
	for line := range strings.SplitSeq(string(message), "\r\n") {
		assert.LessOrEqual(t, len(line), 200, "no line is longer than servers take")
		assert.NotContains(t, line, "\n")
	}
}

func TestTextsCannotAddHeaders(t *testing.T) {
	t.Parallel()
	for name, subject := range map[string]string{
		"line break":   "Mug\r\nBcc: evil@example.com",
		"line feed":    "Mug\nBcc: evil@example.com\n\nbody",
		"return":       "Mug\rBcc: evil@example.com",
		"zero":         "Mug\x00\r\nBcc: evil@example.com",
		"unicode":      "Mug\u2028\u0085Bcc: evil@example.com",
		"encoded":      "=?utf-8?q?Mug=0D=0ABcc:_evil@example.com?=",
		"invalid utf8": "Mug\xff\xfe\r\nBcc: evil@example.com",
		"long":         strings.Repeat("ü", 5000) + "\r\nBcc: evil@example.com",
		"long ascii":   strings.Repeat("u", 5000) + "\r\nBcc: evil@example.com",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message, err := product.Mail{
				From: "shop@example.com", To: []string{"ann@example.com"}, Subject: subject, Body: "safe",
			}.Message()
			require.NoError(t, err)
			got := parse(t, message)
			assert.Empty(t, got.header.Get("Bcc"))
			assert.Len(t, got.header, 8)
			assert.Equal(t, "safe", got.body)
			assert.NotContains(t, got.subject, "\n")
			assert.NotContains(t, got.subject, "\r")
			assert.NotEmpty(t, got.subject)
		})
	}
}

func TestAddressesCannotAddHeaders(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "nobody", "a@example.com\r\nBcc: evil@example.com", "a@example.com, b@example.com", "a@example.com\x00",
	} {
		t.Run(fmt.Sprintf("%q", address), func(t *testing.T) {
			t.Parallel()
			_, err := product.Mail{From: address, To: []string{"ann@example.com"}}.Message()
			require.ErrorContains(t, err, "product: a mail needs one sender")
			_, err = product.Mail{From: "ann@example.com", To: []string{address}}.Message()
			require.ErrorContains(t, err, "product: a mail needs recipients")
		})
	}
	_, err := product.Mail{From: "ann@example.com"}.Message()
	require.ErrorContains(t, err, "no recipient")
}

func TestDirMailerWritesNumberedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 { // a second mailer goes on where the first one ended
		mailer, err := product.OpenDirMailer(dir)
		require.NoError(t, err)
		require.NoError(t, mailer.Send(t.Context(), testMail("../../New: Blue / mug\r\n")))
		require.NoError(t, mailer.Send(t.Context(), testMail("…")))
		require.NoError(t, mailer.Close())
	}
	mailer, err := product.OpenDirMailer(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, mailer.Close()) }()
	names, err := mailer.List()
	require.NoError(t, err)
	assert.Equal(t, []string{"0001-new-blue-mug.eml", "0002-mail.eml", "0003-new-blue-mug.eml", "0004-mail.eml"}, names)
	message, err := mailer.ReadFile(names[0])
	require.NoError(t, err)
	assert.Equal(t, "../../New: Blue / mug", parse(t, message).subject)
}

func TestDirMailersShareADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		mailer, err := product.OpenDirMailer(dir)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, mailer.Close()) })
		wg.Go(func() {
			for range 10 {
				assert.NoError(t, mailer.Send(t.Context(), testMail("same")))
			}
		})
	}
	wg.Wait()
	mailer, err := product.OpenDirMailer(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, mailer.Close()) }()
	names, err := mailer.List()
	require.NoError(t, err)
	assert.Len(t, names, 40)
}

func TestDirMailerSendsNothingBad(t *testing.T) {
	t.Parallel()
	mailer, err := product.OpenDirMailer(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, mailer.Close()) }()
	require.Error(t, mailer.Send(t.Context(), product.Mail{Subject: "to nobody"}))
	require.ErrorContains(t, mailer.Send(cancelled(t), testMail("late")), "context canceled")
	names, err := mailer.List()
	require.NoError(t, err)
	assert.Empty(t, names)
}

func testMail(subject string) product.Mail {
	return product.Mail{From: "shop@example.com", To: []string{"ann@example.com"}, Subject: subject, Body: "Hello"}
}

func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
