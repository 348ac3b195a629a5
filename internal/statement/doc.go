// Package statement is what can be known of a statement of GORM without knowing who listens: the table that it names, whether DB.Save has made it,
// and what its database can do.
package statement
