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
	"gorm.io/gorm/schema"

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
	known []source             // every signal in bound
	plans atomic.Pointer[map[reflect.Type]*plan]
	rows  rows.Models
	pools *pool.Pools
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

// source is a Signal without its event type.
type source interface {
	collect(model reflect.Type, into *[kinds][]*receivers.Item[*entry])
}

// entry is how a receiver is called for rows of models.
type entry struct {
	info   ReceiverInfo
	kind   kind
	fields []string
	phase  phase
	net    bool
	call   func(*frame, *row) error
	batch  func(*frame, []*row) error // nil unless connected with ConnectBatch
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
func (r *registry) signals(t reflect.Type, build func() (any, []source)) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if made, ok := r.bound[t]; ok {
		return made
	}
	made, sources := build()
	r.bound[t] = made
	r.known = append(r.known, sources...)
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
	var items [kinds][]*receivers.Item[*entry]
	for _, s := range r.known {
		s.collect(model, &items)
	}
	for k := range items {
		slices.SortFunc(items[k], receivers.Compare[*entry])
		for _, it := range items[k] {
			entries[k] = append(entries[k], it.Value)
		}
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

// binding ties a Signal to a model or an interface.
type binding[E any] struct {
	reg   *registry
	scope scope
	kind  kind
	event func(*row, *frame, Need) E
	row   func(E, *row)
}

func modelSignal[E any](reg *registry, s scope, k kind, event func(*row, *frame, Need) E, row func(E, *row)) *Signal[E] {
	return &Signal[E]{name: kindNames[k], model: &binding[E]{reg: reg, scope: s, kind: k, event: event, row: row}}
}

// collect adds the receivers of the signal that hear a model.
func (s *Signal[E]) collect(model reflect.Type, into *[kinds][]*receivers.Item[*entry]) {
	if model != nil && !s.model.scope.matches(model) {
		return
	}
	k := s.model.kind
	for _, it := range s.list.Items() {
		into[k] = append(into[k], &receivers.Item[*entry]{Priority: it.Priority, Seq: it.Seq, Value: it.Value.on})
	}
}

// bind makes the entry of a receiver that is being connected and refuses options without meaning.
func (b *binding[E]) bind(rec *receiver[E], batch BatchReceiver[E], o *connectOptions) {
	b.check(o)
	rec.info.Sender, rec.info.Needs, rec.info.Phase = b.scope.name, o.needs, o.phase.String()
	need, call := o.needs, rec.call
	rec.on = &entry{info: rec.info, kind: b.kind, fields: o.fields, phase: o.phase, net: o.net}
	rec.on.call = func(f *frame, r *row) error { return call(f, b.event(r, f, need)) }
	if batch != nil {
		rec.on.batch = func(f *frame, batchRows []*row) error {
			events := make([]E, len(batchRows))
			for i, r := range batchRows {
				events[i] = b.event(r, f, need)
			}
			return batch(f, events)
		}
	}
}

// check refuses options without meaning and fills in the default need.
func (b *binding[E]) check(o *connectOptions) {
	switch b.kind {
	case preSave, postSave:
		for _, name := range o.fields {
			if b.scope.schema != nil && columnField(b.scope.schema, name) == nil {
				o.refuse(fmt.Sprintf("%s has no column field %q: use a Go field name such as %q",
					b.scope.name, name, b.scope.schema.Fields[0].Name))
			}
		}
		if o.needs == 0 || len(o.fields) > 0 {
			o.needs = Original
		}
	case preDelete, postDelete:
		if o.needs == 0 {
			o.needs = Row
		}
		if o.needs == Original {
			o.refuse("a delete has no Original beside its Instance: use Needs(Row), which is the default")
		}
	default:
		if o.needs != 0 {
			o.refuse("Needs has no meaning for " + kindNames[b.kind] + ", which reads nothing: leave it out")
		}
	}
	if o.phase != inSend && b.kind != postSave && b.kind != postDelete {
		o.refuse(o.phase.option() + " has no meaning for " + kindNames[b.kind] + ": connect to post_save or post_delete")
	}
	if o.net && o.phase != afterCommit {
		o.refuse("Net goes with AfterCommit: give both")
	}
	if len(o.fields) > 0 && b.kind > postSave {
		o.refuse("Fields has no meaning for " + kindNames[b.kind] + ": only saves change fields")
	}
}

// byHand makes a row and a frame for an event that is not sent by a write.
func (b *binding[E]) byHand(ctx context.Context, event E) (*plan, *row, error) {
	w := &write{db: b.reg.db.WithContext(ctx)}
	r := &row{w: w}
	b.row(event, r)
	model := modelOf(r.instance)
	if model == nil {
		return nil, nil, errNoInstance
	}
	sch, err := schemaOf(b.reg.db, r.instance)
	if err != nil {
		return nil, nil, err
	}
	w.schema, w.model = sch, b.reg.rows.Of(sch)
	p := b.reg.planFor(model)
	if p != nil {
		w.pre.open(ctx, w.db, kindNames[b.kind], p.sender)
	}
	return p, r, nil
}

// send sends an event by hand to the receivers that a write would reach.
func (b *binding[E]) send(ctx context.Context, event E) error {
	p, r, err := b.byHand(ctx, event)
	if err != nil || p == nil {
		return err
	}
	return b.reg.send(p, b.kind, &r.w.pre, []row{*r})
}

// targets lists the calls that sending an event by hand makes.
func (b *binding[E]) targets(ctx context.Context, event E) []target {
	p, r, err := b.byHand(ctx, event)
	if err != nil {
		return []target{{info: ReceiverInfo{Signal: kindNames[b.kind], Location: "none"}, call: func() error { return err }}}
	}
	if p == nil || r.w.pre.muteAll {
		return nil
	}
	var targets []target
	for _, e := range p.entries[b.kind] {
		if e.hears(&r.w.pre, r) {
			targets = append(targets, target{info: e.info, call: func() error { return e.call(&r.w.pre, r) }})
		}
	}
	return targets
}

// columnField returns the field of a column by its Go or column name.
func columnField(s *schema.Schema, name string) *schema.Field {
	if f := s.LookUpField(name); f != nil && f.DBName != "" {
		return f
	}
	return nil
}
