package signals

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/receivers"
	"github.com/gorm-signals/signals/internal/rows"
)

// kind is one of the model signals.
type kind uint8

const (
	preSave kind = iota
	postSave
	preDelete
	postDelete
	postLoad
	kinds
)

var kindNames = [kinds]string{"pre_save", "post_save", "pre_delete", "post_delete", "post_load"}

// registry holds the receivers of one database. It lives in the database's plugin map under registryName.
type registry struct {
	Plugin

	db    *gorm.DB
	seq   atomic.Uint64 // connection order over all signals
	mu    sync.Mutex
	bound map[reflect.Type]any // *ModelSignals by model or interface type
	known []*channel           // every signal in bound
	plans atomic.Pointer[map[reflect.Type]*plan]
	rows  rows.Models
	pools *pool.Pools

	failed func(context.Context, error) // handle, made once
}

const registryName = "signals:registry"

// Name is the key of the registry in the database's plugin map.
func (r *registry) Name() string { return registryName }

// Initialize does nothing: a registry is made by Plugin.Initialize, but GORM initializes all plugins of a map.
func (r *registry) Initialize(*gorm.DB) error { return nil }

// registryOf returns the registry of a database, nil when the plugin is not installed.
func registryOf(db *gorm.DB) *registry {
	if db == nil || db.Config == nil {
		return nil
	}
	r, _ := db.Plugins[registryName].(*registry)
	return r
}

func mustRegistry(db *gorm.DB, caller string) *registry {
	if r := registryOf(db); r != nil {
		return r
	}
	panic(fmt.Sprintf("%v, before signals.%s", ErrNotInstalled, caller))
}

// plan is who hears what about one model.
type plan struct {
	sender     string
	entries    [kinds][]*entry // called inside the send
	deferred   [kinds][]*entry // called around the end of the transaction
	net        bool            // one of the deferred wants net events
	saveNeed   Need            // the most that a save receiver needs; 0 when there is none
	deleteNeed Need            // the same of delete receivers
}

// signals returns what is bound to a type, made by build at the first call.
func (r *registry) signals(t reflect.Type, build func() (any, []*channel)) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if made, ok := r.bound[t]; ok {
		return made
	}
	made, channels := build()
	r.bound[t] = made
	r.known = append(r.known, channels...)
	return made
}

// invalidate forgets the plans after a receiver was connected or disconnected.
func (r *registry) invalidate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, entries := range r.collectLocked(nil) {
		if len(entries) > 0 {
			r.plans.Store(&map[reflect.Type]*plan{})
			return
		}
	}
	r.plans.Store(nil)
}

// planFor returns the plan of a model, nil when nobody listens to it. It takes no lock once the model is known.
func (r *registry) planFor(model reflect.Type) *plan {
	plans := r.plans.Load()
	if plans == nil {
		return nil
	}
	if p, ok := (*plans)[model]; ok {
		return p
	}
	return r.addPlan(model)
}

func (r *registry) addPlan(model reflect.Type) *plan {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := newPlan(model, r.collectLocked(model))
	old := r.plans.Load()
	if old == nil {
		return p
	}
	plans := make(map[reflect.Type]*plan, len(*old)+1)
	maps.Copy(plans, *old)
	plans[model] = p
	r.plans.Store(&plans)
	return p
}

func (r *registry) collect(model reflect.Type) [kinds][]*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.collectLocked(model)
}

// collectLocked returns the receivers that hear a model, or all of them for nil, in the order in which they run.
func (r *registry) collectLocked(model reflect.Type) (entries [kinds][]*entry) {
	for _, c := range r.known {
		if model == nil || c.scope.matches(model) {
			entries[c.kind] = append(entries[c.kind], c.list.Items()...)
		}
	}
	for k := range entries {
		slices.SortFunc(entries[k], receivers.Compare[*entry])
	}
	return entries
}

func newPlan(model reflect.Type, entries [kinds][]*entry) *plan {
	p := &plan{sender: model.Name()}
	total := 0
	for k := range entries {
		total += len(entries[k])
		for _, e := range entries[k] {
			if e.phase == inSend {
				p.entries[k] = append(p.entries[k], e)
			} else {
				p.deferred[k] = append(p.deferred[k], e)
				p.net = p.net || e.net
			}
			switch kind(k) {
			case preSave, postSave:
				p.saveNeed = max(p.saveNeed, e.info.Needs)
			case preDelete, postDelete:
				p.deleteNeed = max(p.deleteNeed, e.info.Needs)
			default:
			}
		}
	}
	if total == 0 {
		return nil
	}
	if p.net { // what a row was first and is last takes both kinds of events
		p.saveNeed, p.deleteNeed = Original, max(p.deleteNeed, Row)
	}
	return p
}
