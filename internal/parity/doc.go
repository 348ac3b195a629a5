// Package parity tests that the plugin changes nothing and tells the truth: one long script of GORM calls runs on two
// databases, with and without it, and everything that a caller or a table can see is compared. What was sent is compared
// with what triggers of the database have seen.
package parity
