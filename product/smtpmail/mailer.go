package smtpmail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-signals/signals/product"
	"github.com/wneessen/go-mail"
)

// Mailer sends mails through a mail server. It is a product.Mailer and opens one connection per mail. It is safe for use by several goroutines.
type Mailer struct {
	Addr     string        // host and port of the server, "mail.example.com:587"; required
	Username string        // user name of the log-in; empty means no log-in
	Password string        // password of the log-in, sent only over an encrypted connection
	TLS      *tls.Config   // if set, encryption is required and uses it; nil means encryption if the server offers it
	Timeout  time.Duration // limit for a whole Send; 0 means 30 seconds
	Options  []mail.Option // further options of the client, such as mail.WithSSL; they are applied last
}

const defaultTimeout = 30 * time.Second

// Send gives the mail to the server and returns nil when the server has accepted it. It returns an error when ctx ends.
func (s Mailer) Send(ctx context.Context, m product.Mail) error {
	message, err := build(m)
	if err != nil {
		return err
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := s.deliver(ctx, timeout, message); err != nil {
		err = errors.Join(context.Cause(ctx), err)
		return fmt.Errorf("smtpmail: mail server %s did not take the mail %q: %w", s.Addr, m.Subject, err)
	}
	return nil
}

// build returns the message of a mail.
func build(m product.Mail) (*mail.Msg, error) {
	from, to, err := m.Addresses()
	if err != nil {
		return nil, err
	}
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	message.FromMailAddress(from)
	message.ToMailAddress(to...)
	message.Subject(m.SubjectLine())
	message.SetBodyString(mail.TypeTextPlain, m.Body)
	_, domain, _ := strings.Cut(from.Address, "@")
	message.SetMessageIDWithValue(rand.Text() + "@" + domain) // the default contains the name of this machine
	return message, nil
}

// deliver talks to the server.
func (s Mailer) deliver(ctx context.Context, timeout time.Duration, message *mail.Msg) error {
	options, host, err := s.options(timeout)
	if err != nil {
		return err
	}
	var conn net.Conn
	dial := func(dialing context.Context, network, addr string) (_ net.Conn, err error) {
		conn, err = new(net.Dialer).DialContext(dialing, network, addr)
		if err == nil { // The client waits for answers without a context: closing the connection ends the wait.
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
	client, err := mail.NewClient(host, append([]mail.Option{mail.WithDialContextFunc(dial)}, options...)...)
	if err != nil {
		return err
	}
	defer func() {
		if conn != nil { // the client leaves it open if the server refuses the greeting or the login
			_ = conn.Close()
		}
	}()
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	err = client.SendWithSMTPClient(server, message)
	if !message.IsDelivered() {
		return err
	}
	_ = client.CloseWithSMTPClient(server) // The mail is delivered: returning an error now would send it again.
	return nil
}

// options returns the options of the client, and the host of the server.
func (s Mailer) options(timeout time.Duration) (options []mail.Option, host string, err error) {
	host, text, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, "", err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, "", fmt.Errorf("the port %q of Addr is no number: %w", text, err)
	}
	options = []mail.Option{
		mail.WithPort(port), mail.WithTimeout(timeout), mail.WithoutNoop(), mail.WithTLSPolicy(mail.TLSOpportunistic),
	}
	if s.TLS != nil {
		options = append(options, mail.WithTLSConfig(s.TLS), mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.Username != "" {
		options = append(options,
			mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.Username), mail.WithPassword(s.Password))
	}
	return append(options, s.Options...), host, nil
}
