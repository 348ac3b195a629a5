//go:build race

package beside_test

// share says which part of the calls runs: few, because the race detector makes the suite many times slower, and each call has only one goroutine.
const share = 16
