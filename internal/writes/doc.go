// Package writes sends signals around GORM's statements. Each kind of statement is a struct: insert, update, save and remove. All of them embed
// write. UPDATE and DELETE, whose rows are found by conditions, embed conditional too.
//
// Read engine.go first, whose methods GORM's callbacks call, then write.go, and then the file of a kind from top to bottom.
package writes
