// Package delivery runs receivers and functions that wait for the end of a transaction, makes net events, and converts the events that a store keeps.
//
// Read deferred.go (the sends that wait) and transactions.go (how a transaction ends) first, then delivery.go (the calls at the end).
package delivery
