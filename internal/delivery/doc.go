// Package delivery runs what waits for the end of a transaction: receivers in their phases, functions that a program has queued, net events, and
// events that a store has kept.
//
// Read deferred.go (what waits) and transactions.go (how ends are seen) first, then delivery.go (what runs then).
package delivery
