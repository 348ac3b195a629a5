// Package product is a small shop that listens to its own database. It is an example of application code on signals:
// copy it, and change it to your needs. It uses only the public API.
//
// # What happens by itself
//
// Once Connect was called, plain GORM calls are enough. Nobody has to remember what goes with them:
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
// Nothing that cannot be taken back happens before the COMMIT. Mails leave after it. Files of rows that are being deleted
// lie aside until then: a commit removes them, a rollback puts them back, and a file that was written in a transaction
// that is rolled back goes again. What counts in the end is what the rows say: see settle.go, which is short. Sweep does
// the same for what a crash has left.
//
// # Where to look
//
// Connect shows on one page which signal calls which receiver. The receivers are in news.go, files.go and view.go; each is a
// short method of a struct that holds what it needs. The program in the folder demo runs all of it on a real
// database with real image files:
//
//	go run ./product/demo
package product
