//go:build !race

package beside_test

// share is which part of the calls runs: all of them.
const share = 1
