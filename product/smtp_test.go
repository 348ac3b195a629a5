package product_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/product"
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

func TestSMTPMailerHandsOverTheMail(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{})
	m := product.Mail{
		From: "Shop <shop@example.com>", To: []string{"ann@example.com", "bob@example.com"},
		Subject: "Tasse für 9.00\r\nBcc: evil@example.com", Body: "Line\n.\n.dots\nEnd",
	}
	mailer := product.SMTPMailer{Addr: server.addr, Auth: smtp.PlainAuth("", "shop", "secret", "127.0.0.1")}
	require.NoError(t, mailer.Send(t.Context(), m))

	commands, message := server.heard()
	joined := strings.Join(commands, "\n")
	assert.Contains(t, joined, "AUTH PLAIN")
	assert.Contains(t, joined, "MAIL FROM:<shop@example.com>")
	assert.Equal(t, 2, strings.Count(joined, "RCPT TO:"))
	assert.NotContains(t, joined, "evil")
	got := parse(t, message)
	assert.Equal(t, "Tasse für 9.00  Bcc: evil@example.com", got.subject)
	assert.Equal(t, m.Body, got.body)
	assert.Empty(t, got.header.Get("Bcc"))
}

func TestSMTPMailerEncryptsWhatItCan(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	config := &tls.Config{Certificates: web.TLS.Certificates}

	server := startMailServer(t, &mailServer{tls: config})
	mailer := product.SMTPMailer{Addr: server.addr, TLS: &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}}
	require.NoError(t, mailer.Send(t.Context(), testMail("Mug")))
	commands, message := server.heard()
	require.Greater(t, len(commands), 2)
	assert.Equal(t, "STARTTLS", commands[1])
	assert.Equal(t, "Mug", parse(t, message).subject)

	open := startMailServer(t, &mailServer{})
	mailer.Addr = open.addr
	require.ErrorContains(t, mailer.Send(t.Context(), testMail("Mug")), "no encryption")

	stranger := startMailServer(t, &mailServer{tls: config})
	var unknown *tls.CertificateVerificationError
	require.ErrorAs(t, product.SMTPMailer{Addr: stranger.addr}.Send(t.Context(), testMail("Mug")), &unknown)
	_, message = stranger.heard()
	assert.Empty(t, message, "a server that cannot prove who it is gets no mail")
}

func TestSMTPMailerReportsARefusal(t *testing.T) {
	t.Parallel()
	for verb, answer := range map[string]string{
		"MAIL": "550 not you", "RCPT": "550 no such user", "DATA": "452 disk full", "AUTH": "535 wrong password",
	} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			server := startMailServer(t, &mailServer{answer: map[string]string{verb: answer}})
			mailer := product.SMTPMailer{Addr: server.addr, Auth: smtp.PlainAuth("", "shop", "secret", "127.0.0.1")}
			err := mailer.Send(t.Context(), testMail("Mug"))
			var refusal *textproto.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, answer[4:], refusal.Msg)
			assert.ErrorContains(t, err, server.addr)
		})
	}
}

func TestAMailIsSentOnceTheServerHasTakenIt(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{answer: map[string]string{"QUIT": "421 too busy to say bye"}})
	require.NoError(t, product.SMTPMailer{Addr: server.addr}.Send(t.Context(), testMail("Mug")))
}

func TestSMTPMailerDoesNotLogInWhereNoLoginIsOffered(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{answer: map[string]string{"EHLO": "250 here"}})
	mailer := product.SMTPMailer{Addr: server.addr, Auth: smtp.PlainAuth("", "shop", "secret", "127.0.0.1")}
	require.ErrorContains(t, mailer.Send(t.Context(), testMail("Mug")), "no login")
}

func TestSMTPMailerGivesUpWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{silent: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-server.met
		cancel()
	}()
	require.ErrorIs(t, product.SMTPMailer{Addr: server.addr}.Send(ctx, testMail("Mug")), context.Canceled)
}

func TestSMTPMailerGivesUpAfterItsTimeout(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{silent: true})
	mailer := product.SMTPMailer{Addr: server.addr, Timeout: 1}
	require.ErrorIs(t, mailer.Send(t.Context(), testMail("Mug")), context.DeadlineExceeded)
}

func TestSMTPMailerRefusesBadInput(t *testing.T) {
	t.Parallel()
	require.Error(t, product.SMTPMailer{}.Send(t.Context(), testMail("no server")))
	require.ErrorContains(t, product.SMTPMailer{}.Send(t.Context(), product.Mail{}), "one sender")
	require.ErrorIs(t, product.SMTPMailer{Addr: "127.0.0.1:1"}.Send(cancelled(t), testMail("late")), context.Canceled)
}

func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
