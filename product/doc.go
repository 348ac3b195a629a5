// Package product is a small shop that listens to its own database. It is an example of an application that uses signals: copy it, and change it to
// your needs. It uses only the public API.
//
// # What happens by itself
//
// After Connect, plain GORM calls are enough. Nobody has to remember what belongs to them:
//
//	db.Create(&mug)                                   // mail: "New product: Blue mug"
//	db.Model(&mug).Update("price", 990)               // mail when that is less than before
//	db.Delete(&mug)                                   // archived: row marked, image files kept
//	db.Unscoped().Delete(&mug)                        // image rows and files removed, then the product
//	image.File = "mug-2.png"; db.Save(&image)         // the old file is removed
//	product.Viewed.Send(ctx, product.View{...})       // recorded with the user, and counted
//
// # What a transaction changes
//
// Nothing that cannot be undone happens before the COMMIT. Mails are sent after it. Files of rows that are being deleted are moved aside until the
// transaction ends: a commit removes them, a rollback puts them back. A rollback also removes a file that was written in the transaction. In the end
// the rows decide: see settle.go, which is short. Sweep does the same after a crash.
//
// # Where to look
//
// Connect shows on one page which signal calls which receiver. The receivers are in news.go, files.go and view.go; each is a short method of a struct
// that holds what it needs. The program in the folder demo runs all of it on a real database with real image files:
//
//	go run ./product/demo
package product
