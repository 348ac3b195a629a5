package signals

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/receivers"
	"github.com/gorm-signals/signals/internal/relations"
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
	m2mChanged
	kinds
)

var kindNames = [kinds]string{"pre_save", "post_save", "pre_delete", "post_delete", "post_load", "m2m_changed"}

// registry holds the receivers of one database. It lives in the database's plugin map under registryName.
type registry struct {
	Plugin

	db  *gorm.DB
	seq atomic.Uint64 // connection order over all signals
	mu  sync.Mutex
	channels
	unique map[*schema.Schema][]constraint // what is unique of models
	planning
	rows    rows.Models
	unsaved unsaved
	// catalog knows what the database deletes by itself.
	catalog relations.Catalog
	pools   *pool.Pools

	failed func(context.Context, error) // handle, made once

	noNotes atomic.Bool // MySQL assigns no variables inside statements
}

// channels are the signals of a database, guarded by the registry's lock.
type channels struct {
	// bound holds the *ModelSignals by model or interface type. See erased for why they are untyped.
	bound map[reflect.Type]unsafe.Pointer
	known []*channel                  // every signal in bound
	named map[reflect.Type][]*channel // those of one model
	wide  []*channel                  // those of interfaces
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
	panic(fmt.Sprintf("%v, before signals.%s", fault.ErrNotInstalled, caller))
}

// signals returns what is bound to a scope, made by build at the first call. build also returns the channels in the order of kinds.
func (r *registry) signals(s scope, build func() (unsafe.Pointer, [kinds]*channel)) unsafe.Pointer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if made, ok := r.bound[s.typ]; ok {
		return made
	}
	made, channels := build()
	r.bound[s.typ] = made
	for k, c := range channels {
		c.name, c.reg, c.scope, c.kind = kindNames[k], r, s, kind(k)
		r.known = append(r.known, c)
		if s.schema == nil {
			r.wide = append(r.wide, c)
			continue
		}
		if r.named == nil {
			r.named = map[reflect.Type][]*channel{}
		}
		r.named[s.typ] = append(r.named[s.typ], c)
	}
	return made
}

func (r *registry) collect(model reflect.Type) [kinds][]*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.collectLocked(model)
}

// collectLocked returns the receivers that hear a model, or all of them for nil, in the order in which they run.
func (r *registry) collectLocked(model reflect.Type) (entries [kinds][]*entry) {
	add := func(c *channel) { entries[c.kind] = append(entries[c.kind], c.list.Items()...) }
	if model == nil {
		for _, c := range r.known {
			add(c)
		}
	} else {
		for _, c := range r.named[model] {
			add(c)
		}
		for _, c := range r.wide {
			if c.scope.matches(model) {
				add(c)
			}
		}
	}
	for k := range entries {
		slices.SortFunc(entries[k], receivers.Compare[*entry])
	}
	return entries
}
