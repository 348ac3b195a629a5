// Package programs holds the programs of docs/outbox.md, one folder for each. The page shows whole files, and a test builds and runs them.
package programs
