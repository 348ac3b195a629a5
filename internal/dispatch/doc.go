// Package dispatch keeps the receivers of a database, works out which of them listen to a model, and calls them in order. It also carries what nested
// writes must know. It knows nothing of writes and of how transactions end.
//
// Read registry.go (the connected receivers) and plan.go (the receivers of a model) first, then dispatch.go (a send) and frame.go (the context that
// receivers get).
package dispatch
