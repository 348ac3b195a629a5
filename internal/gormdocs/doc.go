// Package gormdocs tests what is sent for every way to write that GORM's documentation shows, page by page.
package gormdocs
