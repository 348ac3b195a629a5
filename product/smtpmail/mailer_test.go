package smtpmail_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/gorm-signals/signals/product"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wneessen/go-mail"

	"github.com/gorm-signals/signals/product/smtpmail"
)

// mailServer speaks as much SMTP as a mail needs, on the loopback interface.
type mailServer struct {
	addr   string
	answer map[string]string // instead of the usual answer to a command
	silent bool              // say nothing at all
	tls    *tls.Config       // offer STARTTLS
	met    chan struct{}     // closed when somebody has connected

	mu       sync.Mutex
	commands []string
	message  []byte
}

func startMailServer(t *testing.T, s *mailServer) *mailServer {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr, s.met = listener.Addr().String(), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		close(s.met)
		s.serve(conn)
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return s
}

func (s *mailServer) serve(plain net.Conn) {
	defer func() { _ = plain.Close() }()
	conn := textproto.NewConn(plain)
	if s.silent {
		_, _ = conn.ReadLine() // until the client hangs up
		return
	}
	_ = conn.PrintfLine("220 ready")
	for {
		line, err := conn.ReadLine()
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(line, " ")
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		if answer, given := s.answer[verb]; given {
			_ = conn.PrintfLine("%s", answer)
			continue
		}
		switch verb {
		case "EHLO":
			_ = conn.PrintfLine("250-here")
			if s.tls != nil {
				_ = conn.PrintfLine("250-STARTTLS")
			}
			_ = conn.PrintfLine("250 AUTH PLAIN")
		case "STARTTLS":
			_ = conn.PrintfLine("220 go on")
			conn = textproto.NewConn(tls.Server(plain, s.tls))
		case "AUTH":
			_ = conn.PrintfLine("235 welcome")
		case "DATA":
			_ = conn.PrintfLine("354 go on")
			message, _ := conn.ReadDotBytes()
			s.mu.Lock()
			s.message = message
			s.mu.Unlock()
			_ = conn.PrintfLine("250 taken")
		case "QUIT":
			_ = conn.PrintfLine("221 bye")
			return
		default:
			_ = conn.PrintfLine("250 ok")
		}
	}
}

func (s *mailServer) heard() ([]string, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commands, s.message
}

func testMail(subject string) product.Mail {
	return product.Mail{From: "shop@example.com", To: []string{"ann@example.com"}, Subject: subject, Body: "Hello"}
}

// parsed is a mail as its reader sees it.
type parsed struct {
	header        netmail.Header
	subject, body string
}

func parse(t *testing.T, message []byte) parsed {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(message))
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	require.NoError(t, err)
	return parsed{m.Header, subject, strings.TrimSuffix(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n")}
}

// certified returns a configuration of a server, and one of a client that trusts it.
func certified(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	return &tls.Config{Certificates: web.TLS.Certificates}, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

func TestTheMailerHandsOverTheMail(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{})
	m := product.Mail{
		From: "Shop <shop@example.com>", To: []string{"ann@example.com", "bob@example.com"},
		Subject: "Tasse für 9.00\r\nBcc: evil@example.com", Body: "Line\n.\n.dots\nEnd",
	}
	require.NoError(t, smtpmail.Mailer{Addr: server.addr}.Send(t.Context(), m))

	commands, message := server.heard()
	joined := strings.Join(commands, "\n")
	assert.Contains(t, joined, "MAIL FROM:<shop@example.com>")
	assert.Equal(t, 2, strings.Count(joined, "RCPT TO:"))
	assert.NotContains(t, joined, "evil")
	got := parse(t, message)
	assert.Equal(t, "Tasse für 9.00  Bcc: evil@example.com", got.subject)
	assert.Equal(t, m.Body, got.body)
	assert.Empty(t, got.header.Get("Bcc"))
	assert.Regexp(t, `^<\w+@example\.com>$`, got.header.Get("Message-Id"), "it does not name this machine")
}

func TestTheMailerEncryptsWhatItCan(t *testing.T) {
	t.Parallel()
	config, trusting := certified(t)
	server := startMailServer(t, &mailServer{tls: config})
	mailer := smtpmail.Mailer{Addr: server.addr, TLS: trusting}
	require.NoError(t, mailer.Send(t.Context(), testMail("Mug")))
	commands, message := server.heard()
	require.Greater(t, len(commands), 2)
	assert.Equal(t, "STARTTLS", commands[1])
	assert.Equal(t, "Mug", parse(t, message).subject)

	open := startMailServer(t, &mailServer{})
	mailer.Addr = open.addr
	require.ErrorContains(t, mailer.Send(t.Context(), testMail("Mug")), "does not support STARTTLS")

	stranger := startMailServer(t, &mailServer{tls: config})
	var unknown *tls.CertificateVerificationError
	require.ErrorAs(t, smtpmail.Mailer{Addr: stranger.addr}.Send(t.Context(), testMail("Mug")), &unknown)
	_, message = stranger.heard()
	assert.Empty(t, message, "a server that cannot prove who it is gets no mail")
}

func TestAPasswordIsSentOverAnEncryptedConnectionOnly(t *testing.T) {
	t.Parallel()
	config, trusting := certified(t)
	server := startMailServer(t, &mailServer{tls: config})
	mailer := smtpmail.Mailer{Addr: server.addr, TLS: trusting, Username: "shop", Password: "secret"}
	require.NoError(t, mailer.Send(t.Context(), testMail("Mug")))
	commands, _ := server.heard()
	assert.Contains(t, strings.Join(commands, "\n"), "AUTH PLAIN")

	open := startMailServer(t, &mailServer{})
	mailer.Addr, mailer.TLS = open.addr, nil
	require.Error(t, mailer.Send(t.Context(), testMail("Mug")))
	commands, _ = open.heard()
	assert.NotContains(t, strings.Join(commands, "\n"), "AUTH")
}

func TestTheMailerReportsARefusal(t *testing.T) {
	t.Parallel()
	config, trusting := certified(t)
	for verb, answer := range map[string]string{
		"MAIL": "550 not you", "RCPT": "550 no such user", "DATA": "452 disk full", "AUTH": "535 wrong password",
	} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			server := startMailServer(t, &mailServer{tls: config, answer: map[string]string{verb: answer}})
			mailer := smtpmail.Mailer{Addr: server.addr, TLS: trusting, Username: "shop", Password: "secret"}
			err := mailer.Send(t.Context(), testMail("Mug"))
			require.ErrorContains(t, err, answer[4:])
			require.ErrorContains(t, err, server.addr)
			_, message := server.heard()
			assert.Empty(t, message)
		})
	}
}

func TestAMailIsSentOnceTheServerHasTakenIt(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"QUIT", "RSET"} {
		server := startMailServer(t, &mailServer{answer: map[string]string{verb: "421 too busy to say bye"}})
		require.NoError(t, smtpmail.Mailer{Addr: server.addr}.Send(t.Context(), testMail("Mug")), verb)
	}
}

func TestTheMailerDoesNotLogInWhereNoLoginIsOffered(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{answer: map[string]string{"EHLO": "250 here"}})
	mailer := smtpmail.Mailer{Addr: server.addr, Username: "shop", Password: "secret"}
	require.ErrorContains(t, mailer.Send(t.Context(), testMail("Mug")), "does not support SMTP AUTH")
}

func TestTheMailerGivesUpWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{silent: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-server.met
		cancel()
	}()
	require.ErrorIs(t, smtpmail.Mailer{Addr: server.addr}.Send(ctx, testMail("Mug")), context.Canceled)
}

func TestTheMailerGivesUpAfterItsTimeout(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{silent: true})
	mailer := smtpmail.Mailer{Addr: server.addr, Timeout: 1}
	require.ErrorIs(t, mailer.Send(t.Context(), testMail("Mug")), context.DeadlineExceeded)
}

func TestOptionsOfTheClientComeLast(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{})
	mailer := smtpmail.Mailer{Addr: server.addr, Options: []mail.Option{mail.WithHELO("shop.example.com")}}
	require.NoError(t, mailer.Send(t.Context(), testMail("Mug")))
	commands, _ := server.heard()
	assert.Equal(t, "EHLO shop.example.com", commands[0])
}

func TestTheMailerRefusesBadInput(t *testing.T) {
	t.Parallel()
	require.Error(t, smtpmail.Mailer{}.Send(t.Context(), testMail("no server")))
	require.ErrorContains(t, smtpmail.Mailer{Addr: "localhost:smtp"}.Send(t.Context(), testMail("a name")), "no number")
	require.ErrorContains(t, smtpmail.Mailer{}.Send(t.Context(), product.Mail{}), "one sender")
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, smtpmail.Mailer{Addr: "127.0.0.1:1"}.Send(dead, testMail("late")), context.Canceled)
}
