package product

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"time"
)

// SMTPMailer hands mails to a mail server. It opens one connection per mail.
type SMTPMailer struct {
	Addr    string        // host and port of the server, "mail.example.com:587"; required
	Auth    smtp.Auth     // how to log in, smtp.PlainAuth for most servers; nil means no login
	TLS     *tls.Config   // how to encrypt, which is then required; nil means as usual, when the server can
	Timeout time.Duration // for a whole Send; 0 means 30 seconds
}

const defaultSMTPTimeout = 30 * time.Second

// Send gives the mail to the server and returns nil once the server has taken it. It gives up when ctx ends.
func (s SMTPMailer) Send(ctx context.Context, m Mail) error {
	from, to, err := m.addresses()
	if err != nil {
		return err
	}
	message, err := m.Message()
	if err != nil {
		return err
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = defaultSMTPTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := s.deliver(ctx, from, to, message); err != nil {
		err = errors.Join(context.Cause(ctx), err)
		return fmt.Errorf("product: mail server %s did not take the mail %q: %w", s.Addr, m.Subject, err)
	}
	return nil
}

// deliver speaks to the server.
func (s SMTPMailer) deliver(ctx context.Context, from *mail.Address, to []*mail.Address, message []byte) error {
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// Package smtp knows no context: closing the connection ends whatever it waits for.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if err := s.secure(client, host); err != nil {
		return err
	}
	if err := client.Mail(from.Address); err != nil {
		return err
	}
	for _, recipient := range to {
		if err := client.Rcpt(recipient.Address); err != nil {
			return err
		}
	}
	if err := transmit(client, message); err != nil {
		return err
	}
	_ = client.Quit() // The mail is delivered: an error now must not have it sent again.
	return nil
}

// secure encrypts the connection and logs in.
func (s SMTPMailer) secure(client *smtp.Client, host string) error {
	config := s.TLS
	if config == nil {
		config = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	switch offered, _ := client.Extension("STARTTLS"); {
	case offered:
		if err := client.StartTLS(config); err != nil {
			return err
		}
	case s.TLS != nil:
		return errors.New("the server offers no encryption: leave TLS out, or use a server that does")
	}
	if s.Auth == nil {
		return nil
	}
	if offered, _ := client.Extension("AUTH"); !offered {
		return errors.New("the server offers no login: leave Auth out, or use its submission port")
	}
	return client.Auth(s.Auth)
}

func transmit(client *smtp.Client, message []byte) error {
	data, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := data.Write(message); err != nil {
		return err
	}
	return data.Close()
}
