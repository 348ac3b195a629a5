// Package statement answers questions about a GORM statement alone, without receivers: which table it names, whether DB.Save made it, and what its
// database can do.
package statement
