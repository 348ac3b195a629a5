// Package transactions has the program of docs/transactions.md.
package transactions
