package product

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

// Mail is a message in plain text.
type Mail struct {
	From    string   // one address, "shop@example.com" or "The shop <shop@example.com>"
	To      []string // at least one address
	Subject string   // any text: line breaks become spaces
	Body    string   // any text
}

// Mailer sends mails. DirMailer is one, and so is the Mailer of module product/smtpmail. A test can have its own.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Message returns the mail as it is sent, headers and body. No text can add a header or a recipient: addresses are parsed and written anew, and the
// subject is encoded as in RFC 2047.
func (m Mail) Message() ([]byte, error) {
	from, to, err := m.Addresses()
	if err != nil {
		return nil, err
	}
	recipients := make([]string, len(to))
	for i, address := range to {
		recipients[i] = address.String()
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	var b bytes.Buffer
	for _, header := range [][2]string{
		{"From", from.String()},
		{"To", strings.Join(recipients, ",\r\n ")},
		{"Subject", m.subject()},
		{"Date", time.Now().Format(time.RFC1123Z)},
		{"Message-ID", "<" + rand.Text() + "@" + domain + ">"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", header[0], header[1])
	}
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	if _, err := body.Write([]byte(m.Body)); err != nil {
		return nil, fmt.Errorf("product: cannot encode the body of a mail: %w", err)
	}
	if err := body.Close(); err != nil {
		return nil, fmt.Errorf("product: cannot encode the body of a mail: %w", err)
	}
	b.WriteString("\r\n")
	return b.Bytes(), nil
}

// Addresses parses the sender and the recipients.
func (m Mail) Addresses() (from *mail.Address, to []*mail.Address, err error) {
	if from, err = mail.ParseAddress(m.From); err != nil {
		return nil, nil, fmt.Errorf("product: a mail needs one sender like \"shop@example.com\", not %q: %w", m.From, err)
	}
	if len(m.To) == 0 {
		return nil, nil, fmt.Errorf("product: the mail %q has no recipient: name one in To", m.Subject)
	}
	for _, text := range m.To {
		address, err := mail.ParseAddress(text)
		if err != nil {
			return nil, nil, fmt.Errorf("product: a mail needs recipients like \"ann@example.com\", not %q: %w", text, err)
		}
		to = append(to, address)
	}
	return from, to, nil
}

// maxSubject is the number of characters of a subject; longer ones are cut. A line of a mail has at most 998 bytes.
const maxSubject = 200

// SubjectLine returns the subject as a reader should see it, for mail programs that encode it themselves: one line, without control characters, of
// 200 characters at most. A text that looks like an encoded word gets a space, so that the reader sees the text and not what it decodes to.
func (m Mail) SubjectLine() string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, m.Subject)
	if runes := []rune(text); len(runes) > maxSubject {
		text = string(runes[:maxSubject-1]) + "…"
	}
	return strings.ReplaceAll(strings.TrimSpace(text), "=?", "= ?")
}

// subject returns the value of the header.
func (m Mail) subject() string {
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", m.SubjectLine()), "?= =?", "?=\r\n =?")
}
