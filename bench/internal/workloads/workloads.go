// Package workloads has the work of the benchmarks: small and real writes of one model, each done in several ways.
package workloads

import (
	"context"
	"slices"
	"strings"
)

// Names of the ways to do a workload. Every workload has Plain, which comes first, and Signals.
const (
	Plain   = "plain"   // GORM alone; a loop over functions in W5
	Hooks   = "hooks"   // GORM's own hooks
	Hand    = "hand"    // written by hand with GORM: read, look, write, look
	Batches = "batches" // by hand, a thousand rows at a time
	Signals = "signals" // receivers
	Idle    = "idle"    // the plugin without receivers
	Crowd   = "crowd"   // Signals, with receivers of many other models beside
	SQL     = "sql"     // written by hand with database/sql
	Floor   = "floor"   // the least that any code with the same promises has to do
)

// Workload is one line of the table.
type Workload struct {
	ID   string // as in "W2"
	Form string // as in "update"; may be empty
	What string // a description for readers
	On   Backend
	Per  int  // rows or sends in one run; figures are per row or send
	Long bool // left out when time is short
	Ends bool // its context can end, like that of a request
	Ways []Way
}

// Key names the workload among all.
func (w Workload) Key() string {
	key := w.ID
	if w.Form != "" {
		key += " " + w.Form
	}
	return key + " " + string(w.On)
}

// Has reports whether the workload is done in the way with this name.
func (w Workload) Has(way string) bool {
	return slices.ContainsFunc(w.Ways, func(other Way) bool { return other.Name == way })
}

// All returns the workloads in the order of the table.
func All() []Workload {
	return slices.Concat(w0(), w1(), w2(), w2n(), w2post(), w3(), w3post(), w4(), w5(), w6(), w7(), w7post())
}

// Cancellable returns the workload with a context that can end. Its ways take the context from the database.
func (w Workload) Cancellable() Workload {
	ways := make([]Way, len(w.Ways))
	for i, way := range w.Ways {
		ways[i] = Way{way.Name, cancellable(way.Prepare)}
	}
	w.Form, w.Ways, w.Ends = strings.TrimSpace(w.Form+" cancellable"), ways, true
	return w
}

func cancellable(prepare func(e *Env) (Work, error)) func(e *Env) (Work, error) {
	return func(e *Env) (Work, error) {
		work, err := prepare(e)
		if err != nil {
			return Work{}, err
		}
		ctx, cancel := context.WithCancel(e.Context())
		e.DB, e.cancel = e.DB.WithContext(ctx), cancel
		return work, nil
	}
}
