// Package start holds the program of docs/getting-started.md: its packages, its main function as an example, and a test.
package start
