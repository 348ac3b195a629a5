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
//	db.Unscoped().Delete(&mug)                        // image files and rows removed, then the product
//	product.Viewed.Send(ctx, product.View{...})       // recorded with the user, and counted
//
// # Where to look
//
// Connect shows on one page which signal calls which receiver. The receivers are in receivers.go, price.go and view.go;
// each is a short method of a struct that holds what it needs. The program in the folder demo runs all of it on a real
// database with real image files:
//
//	go run ./product/demo
package product
