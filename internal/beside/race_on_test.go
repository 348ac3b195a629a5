//go:build race

package beside_test

// share is which part of the calls runs. The race detector makes the suite many times slower, and each call has one goroutine.
const share = 16
