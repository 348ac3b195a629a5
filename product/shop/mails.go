package main

import (
	"bytes"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
)

// sentMail is a mail as a reader sees it.
type sentMail struct {
	Subject, From, To, Date, Body string
}

// sentMails returns the latest mails, the newest first, and the number of all mails.
func (s *shop) sentMails() (mails []sentMail, total int, err error) {
	names, err := s.mails.List()
	if err != nil {
		return nil, 0, err
	}
	total = len(names)
	slices.Reverse(names)
	for _, name := range names[:min(total, maxMails)] {
		content, err := s.mails.ReadFile(name)
		if err != nil {
			return nil, 0, err
		}
		m, err := parseMail(content)
		if err != nil { // being written, or changed by hand: show what can be read
			m = sentMail{Subject: name, Body: string(content)}
		}
		mails = append(mails, m)
	}
	return mails, total, nil
}

func parseMail(content []byte) (m sentMail, err error) {
	message, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return m, err
	}
	body, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil {
		return m, err
	}
	var words mime.WordDecoder
	for name, field := range map[string]*string{"Subject": &m.Subject, "From": &m.From, "To": &m.To, "Date": &m.Date} {
		if *field, err = words.DecodeHeader(message.Header.Get(name)); err != nil {
			return m, err
		}
	}
	m.Body = string(bytes.TrimSpace(body))
	return m, nil
}
