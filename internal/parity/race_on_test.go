//go:build race

package parity_test

// underRace tells that the race detector is on, which makes the script many times slower.
const underRace = true
