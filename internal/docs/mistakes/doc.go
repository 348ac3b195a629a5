// Package mistakes makes the mistakes of docs/mistakes.md. Its tests compare the messages on the page with what the library prints, and run the cures.
package mistakes
