// Package bench measures what signals cost, beside plain GORM, GORM's own hooks and code written by hand. make bench runs it.
package bench
