package dispatch

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/receivers"
	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// Registry holds the receivers of one database, and what sends need to know of the database.
type Registry struct {
	Config

	DB      *gorm.DB          // a session of the database without conditions
	Pools   *pool.Pools       // wraps connection pools so that the end of transactions is seen
	Rows    rows.Models       // reads and compares rows
	Catalog relations.Catalog // what the database deletes by itself
	Seq     atomic.Uint64     // connection order over all signals
	mu      sync.Mutex
	known   []*Signal                                 // every signal of the database, guarded by mu as named and wide
	bound   map[reflect.Type]any                      // what was made of the signals of a model or an interface, guarded by mu
	named   map[reflect.Type][]*Signal                // those of one model
	wide    []*Signal                                 // those of interfaces
	unique  map[*schema.Schema][]relations.Constraint // what is unique of models, guarded by mu
	planning
	doubts
}

// Config is what the plugin was told, with defaults filled in.
type Config struct {
	BatchSize int                                  // rows that a conditional write resolves at once
	MaxDepth  int                                  // of sends of model signals within one another
	Observer  Observer                             // nil means none
	Explicit  bool                                 // of explicit transactions only those of signals.Transaction are followed
	Untracked Policy                               // what receivers that wait do in a transaction whose end cannot be seen
	Handle    func(ctx context.Context, err error) // gets the errors that can no longer abort anything
	Errors    *Errors                              // makes the errors that callers see
	Strict    bool                                 // what is probably wrong is an error
}

// New returns the registry of a database.
func New(db *gorm.DB, c Config) *Registry {
	return &Registry{
		Config: c, DB: db.Session(&gorm.Session{NewDB: true}),
		bound: map[reflect.Type]any{}, named: map[reflect.Type][]*Signal{}, unique: map[*schema.Schema][]relations.Constraint{},
	}
}

// Signal is the receivers of one signal of a model, of an interface, or of a custom signal.
type Signal struct {
	Name    string                 // "pre_save", or what a custom signal was called
	List    receivers.List[*Entry] // who is connected
	Kind    Kind                   // 0 of a custom signal
	Scope   Scope                  // zero of a custom signal
	counted int                    // receivers that the registry has counted
}

// Scope says which models a signal belongs to.
type Scope struct {
	Type    reflect.Type                  // the model or the interface
	Name    string                        // of the type
	Schema  *schema.Schema                // nil for an interface
	Matches func(model reflect.Type) bool // reports whether writes of a model send the signals
}

// Bind returns what is bound to a scope, made by build at the first call. build also returns the signals in the order of kinds.
func (r *Registry) Bind(s Scope, build func() (any, [Kinds]*Signal)) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if made, ok := r.bound[s.Type]; ok {
		return made
	}
	made, signals := build()
	r.bound[s.Type] = made
	for k, of := range signals {
		of.Name, of.Scope, of.Kind = kindNames[k], s, Kind(k)
		r.known = append(r.known, of)
		if s.Schema == nil {
			r.wide = append(r.wide, of)
		} else {
			r.named[s.Type] = append(r.named[s.Type], of)
		}
	}
	return made
}

// Collect returns the receivers of all signals of the database, in the order in which they run.
func (r *Registry) Collect() [Kinds][]*Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return sorted(r.known)
}

// collectLocked returns the receivers that hear a model, in the order in which they run.
func (r *Registry) collectLocked(model reflect.Type) [Kinds][]*Entry {
	heard := slices.Clip(r.named[model])
	for _, s := range r.wide {
		if s.Scope.Matches(model) {
			heard = append(heard, s)
		}
	}
	return sorted(heard)
}

// sorted returns the receivers of some signals by kind.
func sorted(signals []*Signal) (entries [Kinds][]*Entry) {
	for _, s := range signals {
		entries[s.Kind] = append(entries[s.Kind], s.List.Items()...)
	}
	for k := range entries {
		slices.SortFunc(entries[k], receivers.Compare[*Entry])
	}
	return entries
}
