// Package dispatch keeps the receivers of a database, knows who hears what of a model, and sends: it calls receivers in their order, with what
// nested writes must know. It knows no write and no end of a transaction.
//
// Read registry.go (who is connected) and plan.go (who hears what) first, then dispatch.go (a send) and frame.go (what receivers get as their
// context).
package dispatch
