// Package pages has the programs of pages below docs that need the outbox. Its tests compare them with the pages, and run them.
package pages
