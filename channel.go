package signals

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/receivers"
)

// channel is what a Signal is apart from the type of its events.
type channel struct {
	name string
	list receivers.List[*entry]
	mu   sync.Mutex    // held by writers
	seq  atomic.Uint64 // connection order of a custom signal

	calls    atomic.Pointer[calls]                                           // of a custom signal: what Send loops over; nil until somebody connects
	observer Observer                                                        // of a custom signal
	call     func(ctx context.Context, e *entry, event unsafe.Pointer) error // of a custom signal that New made
	single   func(batch unsafe.Pointer) unsafe.Pointer                       // of a custom signal that New made: a Receiver[E] that calls a BatchReceiver[E]

	receive func(e *entry, receiver unsafe.Pointer, batch bool) // of a model signal: gives an entry a Receiver[E] or a BatchReceiver[E]
	given   func(event unsafe.Pointer) given                    // of a model signal: what an event says that is sent by hand

	reg     *registry // nil for a custom signal
	scope   scope
	kind    kind
	counted int // receivers that the registry has counted
}

// scope says which models a signal belongs to.
type scope struct {
	typ     reflect.Type
	name    string
	schema  *schema.Schema // nil for an interface
	matches func(model reflect.Type) bool
}

// entry is a connected receiver.
type entry struct {
	receivers.Item

	info     ReceiverInfo
	kind     kind
	fields   []string
	phase    phase
	net      bool
	atomic   bool                              // it needs a transaction
	store    Store                             // keeps its events; nil when it is not durable
	receiver unsafe.Pointer                    // what Connect was given
	several  bool                              // receiver is a BatchReceiver[E]
	call     func(*frame, *change.Row) error   // what the signals of models call
	batch    func(*frame, []*change.Row) error // instead of call, when connected with ConnectBatch
}

// entry makes the entry of a receiver that is being connected. It panics when something is wrong with it.
func (c *channel) entry(missing bool, loc string, opts []ConnectOption) *entry {
	var o connectOptions
	if missing {
		o.refuse("the receiver is nil: pass a function")
	}
	for _, opt := range opts {
		if opt == nil {
			o.refuse("an option is nil: leave it out")
			continue
		}
		opt.apply(&o)
	}
	c.check(&o)
	if o.problem != "" {
		panic(fmt.Sprintf("signals: Connect to %s at %s: %s", c.name, loc, o.problem))
	}
	e := &entry{kind: c.kind, fields: o.fields, phase: o.phase, net: o.net, atomic: o.atomic, store: o.store}
	e.Item = receivers.Item{UID: o.uid, Priority: o.priority}
	e.info = ReceiverInfo{
		Signal: c.name, Sender: c.scope.name, UID: o.uid, Phase: o.phase.String(), Location: loc, Priority: o.priority, Needs: o.needs,
	}
	if e.store != nil {
		e.info.Phase = durablePhase
	}
	return e
}

// check refuses options without meaning and fills in the default need.
func (c *channel) check(o *connectOptions) {
	if c.reg == nil {
		if len(o.fields) > 0 || o.needs != 0 || o.phase != inSend || o.net || o.atomic {
			o.refuse("Fields, Needs, Net, Atomic, Durable and the phases belong to model signals, and this one is custom")
		}
		return
	}
	switch c.kind {
	case preSave, postSave:
		c.checkFields(o)
		if o.needs == 0 || len(o.fields) > 0 {
			o.needs = Original
		}
	case preDelete, postDelete, m2mChanged:
		if o.needs == 0 {
			o.needs = Row
		}
		if o.needs == Original {
			o.refuse(c.name + " has no Original beside its Instance: use Needs(Row), which is the default")
		}
		c.checkRelations(o)
	default:
		if o.needs != 0 {
			o.refuse("Needs has no meaning for " + c.name + ", which reads nothing: leave it out")
		}
	}
	if o.phase != inSend && c.kind != postSave && c.kind != postDelete && c.kind != m2mChanged {
		o.refuse(o.phase.option() + " has no meaning for " + c.name + ": connect to post_save, post_delete or m2m_changed")
	}
	if o.net && o.phase != afterCommit {
		o.refuse("Net goes with AfterCommit: give both")
	}
	if o.net && c.kind == m2mChanged {
		o.refuse("Net has no meaning for m2m_changed: connect to post_save or post_delete")
	}
	if len(o.fields) > 0 && c.kind > postSave && c.kind != m2mChanged {
		o.refuse("Fields has no meaning for " + c.name + ": only saves change fields")
	}
	if o.atomic && c.kind == postLoad {
		o.refuse("Atomic has no meaning for " + c.name + ", which writes nothing: leave it out")
	}
	c.checkDurable(o)
}

func (c *channel) checkFields(o *connectOptions) {
	for _, name := range o.fields {
		if s := c.scope.schema; s != nil && len(c.reg.rows.Of(s).Fields(name)) == 0 {
			o.refuse(change.UnknownField(c.scope.name, c.reg.rows.Of(s), name))
		}
	}
}

// checkRelations refuses fields of m2m_changed that are no many2many relations.
func (c *channel) checkRelations(o *connectOptions) {
	if c.kind != m2mChanged || c.scope.schema == nil {
		return
	}
	for _, name := range o.fields {
		if r := c.scope.schema.Relationships.Relations[name]; r == nil || r.Type != schema.Many2Many {
			o.refuse(fmt.Sprintf("%s has no many2many relation %q: use the Go name of its field", c.scope.name, name))
		}
	}
}

// connect puts the entry of a receiver in its place. The caller is Connect or ConnectBatch, and of is its variable of the receiver.
func (c *channel) connect(of unsafe.Pointer, batch bool, opts []ConnectOption) (disconnect func() bool) {
	receiver := function(of)
	e := c.entry(receiver == nil, location(3), opts)
	if e.receiver, e.several = receiver, batch; c.reg != nil {
		c.receive(e, receiver, batch)
		c.keep(e)
		e.Seq = c.reg.seq.Add(1)
	} else {
		e.Seq = c.seq.Add(1)
	}
	c.update(func() bool { c.list.Add(e); return true })
	return func() bool { return c.update(func() bool { return c.list.Remove(e) }) }
}

// disconnect removes a receiver. Like all that Signal calls it is not inlined, because each model of a program would have a copy.
//
//go:noinline
func (c *channel) disconnect(uid string) bool {
	return c.update(func() bool { return c.list.RemoveUID(uid) })
}

// update changes the list and spreads the news: a custom signal makes a new snapshot, a database forgets its plans.
func (c *channel) update(change func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !change() {
		return false
	}
	if c.reg != nil {
		c.reg.invalidate(c)
	} else {
		c.calls.Store(c.snapshot())
	}
	return true
}

// observe sets the observer of a custom signal.
//
//go:noinline
func (c *channel) observe(by Observer) {
	if c.reg != nil {
		panic("signals: Observe is for custom signals: set Plugin.Observer to see those of models")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observer = by
	c.calls.Store(c.snapshot())
}

//go:noinline
func (c *channel) hasReceivers() bool { return len(c.list.Items()) > 0 }

//go:noinline
func (c *channel) receivers() []ReceiverInfo {
	entries := c.list.Items()
	infos := make([]ReceiverInfo, len(entries))
	for i, e := range entries {
		infos[i] = e.info
	}
	return infos
}

// send sends the event that a pointer points to, until the first error.
func (c *channel) send(ctx context.Context, event any) error {
	e := reflect.ValueOf(event)
	if c.reg != nil {
		return c.sendRow(background(ctx), c.given(e.UnsafePointer()))
	}
	return firstError(c.respondCustom(background(ctx), e, untilError))
}

// respond sends the event that a pointer points to, to all receivers.
func (c *channel) respond(ctx context.Context, event any, w way) []Response {
	e := reflect.ValueOf(event)
	if c.reg != nil {
		return c.respondRow(background(ctx), c.given(e.UnsafePointer()), w)
	}
	return c.respondCustom(background(ctx), e, w)
}

// sendRow sends an event of a model by hand, to the receivers that a write would reach.
func (c *channel) sendRow(ctx context.Context, g given) error {
	s, err := c.byHand(ctx, g)
	if err != nil || s.plan == nil {
		return err
	}
	return c.reg.send(s.plan, c.kind, &s.frame, s.rows[:])
}

// respondRow sends an event of a model by hand so that the observer sees it.
func (c *channel) respondRow(ctx context.Context, g given, w way) (responses []Response) {
	send := func(ctx context.Context) []Response { return w.send(ctx, c.rowTargets(ctx, g)) }
	if c.reg.Observer == nil {
		return send(ctx)
	}
	s, err := c.byHand(ctx, g)
	if err != nil || s.plan == nil || s.frame.muteAll {
		return send(ctx)
	}
	_ = observe(ctx, c.reg.Observer, s.frame.observation(Sending, inSend, s.rows[:]), func(ctx context.Context) error {
		responses = send(ctx)
		return firstError(responses)
	})
	return responses
}

// rowTargets lists the calls that sending an event of a model by hand makes.
func (c *channel) rowTargets(ctx context.Context, g given) []target {
	s, err := c.byHand(ctx, g)
	if err != nil {
		e := &entry{info: ReceiverInfo{Signal: c.name, Sender: c.scope.name, Location: "none"}}
		return []target{{entry: e, call: func(*entry) error { return err }}}
	}
	if s.plan == nil || s.frame.muteAll {
		return nil
	}
	var targets []target
	r := &s.rows[0]
	for _, e := range s.plan.entries[c.kind] {
		if e.wants(&s.frame, r) {
			targets = append(targets, target{entry: e, call: func(e *entry) error {
				if by := c.reg.Observer; by != nil {
					return e.callObserved(by, &s.frame, s.rows[:], func(f *frame) error { return e.send(f, r) })
				}
				return e.send(&s.frame, r)
			}})
		}
	}
	return targets
}

// handSend is the send of an event that no write sends.
type handSend struct {
	plan  *plan // nil when nobody listens
	frame frame
	facts change.Facts
	rows  [1]change.Row
}

func (c *channel) byHand(ctx context.Context, g given) (*handSend, error) {
	g.instance = c.scope.instance(g.instance)
	model := modelOf(g.instance)
	if model == nil {
		return nil, fault.ErrNoInstance
	}
	sch, err := schemaOf(c.reg.db, g.instance)
	if err != nil {
		return nil, err
	}
	s := &handSend{plan: c.reg.planFor(sch)}
	s.facts = change.Facts{
		Model: c.reg.rows.Of(sch), DB: c.reg.db, Table: sch.Table, Strategy: change.WholeRow{}, Soft: g.soft, Cascade: g.cascade,
	}
	s.rows[0] = change.Row{Facts: &s.facts, Instance: g.instance, Created: g.created, Linked: g.linked}
	if s.plan != nil {
		s.frame.open(ctx, c.reg.db.WithContext(ctx), c.kind, s.plan)
	}
	return s, nil
}

// recover returns the error of a receiver that panicked with v, nil when it did not.
func (e *entry) recover(v any) error {
	if v == nil {
		return nil
	}
	return e.failure(recovered(v))
}

// failure wraps what a receiver answered.
func (e *entry) failure(err error) error {
	return &ReceiverError{Signal: e.info.Signal, Sender: e.info.Sender, Receiver: e.info.name(), Err: err}
}

func recovered(v any) error { return &PanicError{Value: v, Stack: debug.Stack()} }

// background spares callers a panic for a nil context.
func background(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// columnField returns the field of a column by its Go or column name.
func columnField(s *schema.Schema, name string) *schema.Field {
	if f := s.LookUpField(name); f != nil && f.DBName != "" {
		return f
	}
	return nil
}
