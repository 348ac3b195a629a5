// Package workloads holds the work that the benchmarks do: small and real writes of one model, each in several ways.
package workloads

import "slices"

// Names of the ways of doing a workload. Every workload has Plain, which comes first, and Signals.
const (
	Plain   = "plain"   // GORM alone; a loop over functions in W5
	Hooks   = "hooks"   // GORM's own hooks
	Hand    = "hand"    // written by hand with GORM: read, look, write, look
	Batches = "batches" // by hand, a thousand rows at a time
	Signals = "signals" // receivers
	Idle    = "idle"    // the plugin, and nobody listens
	Crowd   = "crowd"   // Signals, and receivers of many other models
	SQL     = "sql"     // written by hand with database/sql
)

// Workload is one line of the table.
type Workload struct {
	ID   string // as in "W2"
	Form string // as in "update"; may be empty
	What string // what is done, for people
	On   Backend
	Per  int  // rows or sends of one run; figures are for one of them
	Long bool // left out when time is short
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

// Way is one way of doing a workload.
type Way struct {
	Name    string
	Prepare func(e *Env) (Work, error) // is called once, on a database of its own
}

// Work is what is measured.
type Work struct {
	Before func() error // runs before each Run and is not measured; nil means nothing
	Run    func() error
}

// All returns the workloads in the order of the table.
func All() []Workload {
	return slices.Concat(w0(), w1(), w2(), w2n(), w3(), w4(), w5(), w6(), w7())
}
