// Package goroutines has the program of docs/goroutines.md, and tests of what the page says.
package goroutines
