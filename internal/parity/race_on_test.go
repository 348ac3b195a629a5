//go:build race

package parity_test

// underRace says that the race detector is on, which makes the script many times slower.
const underRace = true
