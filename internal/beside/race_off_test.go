//go:build !race

package beside_test

// share says which part of the calls runs; SIGNALS_TEST_BESIDE=all runs all of them.
const share = 4
