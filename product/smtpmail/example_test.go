package smtpmail_test

import (
	"context"
	"fmt"

	"github.com/gorm-signals/signals/product"

	"github.com/gorm-signals/signals/product/smtpmail"
)

// A mail without a recipient is refused before the server is asked.
func Example() {
	var mailer product.Mailer = smtpmail.Mailer{Addr: "mail.example.com:587", Username: "shop", Password: "secret"}
	err := mailer.Send(context.Background(), product.Mail{From: "The shop <shop@example.com>", Subject: "Blue mug"})
	fmt.Println(err)
	// Output:
	// product: the mail "Blue mug" has no recipient: name one in To
}
