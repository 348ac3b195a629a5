// Package writes sends signals around the statements of GORM. Each kind of statement is a struct: insert, update, save and remove. What they share
// is write; what UPDATE and DELETE share, whose rows are found by conditions, is conditional.
//
// Read engine.go first, which GORM's callbacks call, then write.go, and then the file of a kind from top to bottom.
package writes
