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

// Registry holds the receivers of one database, and what sends need from the database.
type Registry struct {
	Config

	DB      *gorm.DB          // a session of the database without conditions
	Pools   *pool.Pools       // wraps connection pools, to see the end of transactions
	Rows    rows.Models       // reads and compares rows
	Catalog relations.Catalog // tells what the database deletes by itself
	Seq     atomic.Uint64     // connection order over all signals
	mu      sync.Mutex
	known   []*Signal                                 // every signal of the database; mu guards it, named and wide
	bound   map[reflect.Type]any                      // the public value made for a model or an interface; guarded by mu
	named   map[reflect.Type][]*Signal                // signals of one model
	wide    []*Signal                                 // signals of interfaces
	unique  map[*schema.Schema][]relations.Constraint // unique constraints of models; guarded by mu
	planning
	doubts
}

// Config is the configuration of the plugin, with defaults filled in.
type Config struct {
	BatchSize int                                  // rows that an update or delete by a condition handles at once
	MaxDepth  int                                  // how deep sends of model signals may be nested
	Observer  Observer                             // nil means none
	Explicit  bool                                 // of explicit transactions, the plugin follows only those of signals.Transaction
	Untracked Policy                               // for receivers that wait for a transaction whose end the plugin cannot see
	Handle    func(ctx context.Context, err error) // gets errors that can no longer fail a write
	Errors    *Errors                              // makes the public errors
	Strict    bool                                 // likely mistakes are errors
}

// New returns the registry of a database.
func New(db *gorm.DB, c Config) *Registry {
	return &Registry{
		Config: c, DB: db.Session(&gorm.Session{NewDB: true}),
		bound: map[reflect.Type]any{}, named: map[reflect.Type][]*Signal{}, unique: map[*schema.Schema][]relations.Constraint{},
	}
}

// Signal holds the receivers of one signal of a model, of an interface, or of a custom signal.
type Signal struct {
	Name    string                 // "pre_save", or the name of a custom signal
	List    receivers.List[*Entry] // the connected receivers
	Kind    Kind                   // 0 for a custom signal
	Scope   Scope                  // zero for a custom signal
	counted int                    // number of its receivers in planning.connected
}

// Scope says which models a signal belongs to.
type Scope struct {
	Type    reflect.Type                  // the model or the interface
	Name    string                        // name of the type
	Schema  *schema.Schema                // nil for an interface
	Matches func(model reflect.Type) bool // whether writes of a model send the signals
}

// Bind returns the public value of a scope. The first call makes it with build, which also returns the signals in the order of kinds.
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

// collectLocked returns the receivers that listen to a model, in the order in which they run.
func (r *Registry) collectLocked(model reflect.Type) [Kinds][]*Entry {
	heard := slices.Clip(r.named[model])
	for _, s := range r.wide {
		if s.Scope.Matches(model) {
			heard = append(heard, s)
		}
	}
	return sorted(heard)
}

// sorted returns the receivers of some signals by kind, in the order in which they run.
func sorted(signals []*Signal) (entries [Kinds][]*Entry) {
	for _, s := range signals {
		entries[s.Kind] = append(entries[s.Kind], s.List.Items()...)
	}
	for k := range entries {
		slices.SortFunc(entries[k], receivers.Compare[*Entry])
	}
	return entries
}
