// Package smtpmail sends the mails of package product through a mail server. It is a module of its own because of its client,
// github.com/wneessen/go-mail.
//
//	shop := &product.Shop{Mailer: smtpmail.Mailer{Addr: "mail.example.com:587", Username: "shop", Password: secret}, ...}
package smtpmail
