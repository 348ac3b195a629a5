package signals

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/rows"
)

// Store keeps the events of receivers that were connected with Durable until the receivers have handled them. Package outbox
// has one that keeps them in a table.
type Store interface {
	// Register tells the store of a receiver, when it is connected.
	Register(r DurableReceiver) error

	// Keep keeps events for a receiver in the write's transaction, which tx is a session of. An error fails the write. When nobody
	// sees the end of the transaction, OnCommit of tx fails with ErrUntracked, whatever Plugin.Untracked says.
	Keep(ctx context.Context, tx *gorm.DB, r DurableReceiver, events []KeptEvent) error
}

// DurableReceiver is a receiver whose events are kept. Name, Signal and Table together name it.
type DurableReceiver struct {
	Name   string // what was given to Durable
	Signal string // "post_save" or "post_delete"
	Table  string // of the model

	// Deliver calls the receiver with the Data of an event that was kept, in this process or in an earlier one, outside any
	// transaction. A panic is an error.
	Deliver func(ctx context.Context, data []byte) error
}

// KeptEvent is an event in a form that outlives the process.
type KeptEvent struct {
	Key   []any  // primary key of the row
	Table string // that holds the row: the model's, or another one that db.Table named
	Data  []byte // what Deliver takes
}

// Durable lets a post_save or post_delete receiver of one model survive a crash: its events are kept in a store, in the
// transaction of the write, and the store calls the receiver after the commit, again and again until it returns nil. So it is
// called at least once, and may be called more than once for a change. It implies Atomic.
//
// The name is the receiver's UID. Choose it once: what was kept under a name waits for a receiver of that name. A receiver of
// post_save and one of post_delete may share a name and then hear of a row in the order of its changes.
//
// The event is made from what was kept: columns only, no associations.
func Durable(store Store, name string) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		switch {
		case store == nil:
			o.refuse("signals.Durable needs a store, such as that of outbox.Install")
		case name == "":
			o.refuse("signals.Durable needs a name that stays the same from one start of the program to the next")
		}
		o.durable, o.store, o.atomic = name, store, true
	})
}

// Atomic makes a save receiver's own writes through the event's DB stand or fall with the write, also where GORM was told to open
// no transaction (SkipDefaultTransaction): the plugin then opens one. A write that can have none fails before anything is sent.
func Atomic() ConnectOption { return optionFunc(func(o *connectOptions) { o.atomic = true }) }

// checkDurable refuses what cannot be kept.
func (c *channel) checkDurable(o *connectOptions) {
	switch {
	case o.store == nil:
		return
	case o.uid != "" && o.uid != o.durable:
		o.refuse("the name given to Durable is the UID: leave signals.UID out")
	case c.reg == nil || (c.kind != postSave && c.kind != postDelete):
		o.refuse("Durable has no meaning for " + c.name + ": connect to post_save or post_delete")
	case c.scope.schema == nil:
		o.refuse("Durable needs one model to make events of what was kept: connect with For, once per model")
	case len(c.scope.schema.PrimaryFields) == 0:
		o.refuse("Durable needs a primary key, which tells whose order is to be kept: give " + c.scope.name + " one")
	case o.phase != inSend:
		o.refuse("a Durable receiver runs after the commit anyway: leave " + o.phase.option() + " out")
	}
	o.uid = o.durable
}

// keep puts the store between the signal and a receiver.
func (c *channel) keep(e *entry) {
	if e.store == nil {
		return
	}
	inner := &entry{Item: e.Item, info: e.info, kind: e.kind, call: e.call, batch: e.batch}
	r := DurableReceiver{Name: e.UID, Signal: c.name, Table: c.scope.schema.Table, Deliver: func(ctx context.Context, data []byte) error {
		return c.deliver(ctx, inner, data)
	}}
	if err := e.store.Register(r); err != nil {
		panic(fmt.Sprintf("signals: Connect to %s at %s: %v", c.name, e.info.Location, err))
	}
	e.call = nil
	e.batch = func(f *frame, rows []*change.Row) error {
		events := make([]KeptEvent, len(rows))
		for i, row := range rows {
			var err error
			if events[i], err = keepRow(row, f, e.info.Needs); err != nil {
				return err
			}
		}
		keeping := derive(f)
		keeping.keeps = true
		return e.store.Keep(f, f.session().WithContext(keeping), r, events)
	}
}

// kept is the data of a KeptEvent.
type kept struct {
	Row      rows.Encoded `json:"row"`
	Original rows.Encoded `json:"original,omitempty"`
	Created  bool         `json:"created,omitempty"`
	Soft     bool         `json:"soft,omitempty"`
	Cascade  bool         `json:"cascade,omitempty"`
	Raw      bool         `json:"raw,omitempty"`
	Copied   bool         `json:"copied,omitempty"`
	Table    string       `json:"table,omitempty"` // "" is the model's
	Fields   []string     `json:"fields"`          // what an update names
	Inserts  []string     `json:"inserts"`         // what an insert names
	Written  []string     `json:"written"`         // columns that an upsert writes
}

// keepRow makes an event of a row that outlives the process.
func keepRow(r *change.Row, f *frame, need Need) (KeptEvent, error) {
	s := r.Facts
	k := kept{
		Created: r.Created, Soft: s.Soft, Cascade: s.Cascade, Raw: f.raw, Copied: s.Strategy == change.Strategy(change.NamedFields{}), Fields: s.Named(), Inserts: s.Inserts,
	}
	if s.Table != s.Model.Schema.Table {
		k.Table = s.Table
	}
	var err error
	if k.Row, err = s.Model.Encode(f, reflect.ValueOf(r.Snapshot(f)).Elem()); err != nil {
		return KeptEvent{}, err
	}
	if err = keepNow(f, r, k.Row); err != nil {
		return KeptEvent{}, err
	}
	if r.Known() && need >= Original {
		if k.Original, err = s.Model.Encode(f, reflect.ValueOf(r.Original).Elem()); err != nil {
			return KeptEvent{}, err
		}
	}
	if s.Written != nil {
		k.Written = []string{}
		for _, column := range s.Model.Schema.DBNames {
			if s.Written[s.Model.Schema.FieldsByDBName[column]] {
				k.Written = append(k.Written, column)
			}
		}
	}
	key, _ := s.Model.KeyOf(f, r.Value())
	data, err := json.Marshal(k)
	return KeptEvent{Key: key, Table: s.Table, Data: data}, err
}

// keepNow keeps in row what is stored of the fields of which only the database knows whether they changed.
func keepNow(ctx context.Context, r *change.Row, row rows.Encoded) error {
	if r.Now == nil {
		return nil
	}
	now, err := r.Facts.Model.Encode(ctx, reflect.ValueOf(r.Now).Elem())
	if err != nil {
		return err
	}
	sure := *r
	sure.Now = nil
	for _, f := range sure.Unsure(ctx) {
		row[f.DBName] = now[f.DBName]
	}
	return nil
}

// knownFields returns the names of fields that names of an event mean which was kept, maybe by an older version.
func knownFields(model *rows.Model, names []string) []string {
	if names == nil {
		return nil
	}
	known := make([]string, 0, len(names))
	for _, name := range names {
		known = append(known, model.Names(model.Fields(name))...)
	}
	return known
}

// facts are those of the write that the event was kept of.
func (k *kept) facts(c *channel) *change.Facts {
	model := c.reg.rows.Of(c.scope.schema)
	s := &change.Facts{
		Model: model, DB: c.reg.db, Table: cmp.Or(k.Table, c.scope.schema.Table), Strategy: change.WholeRow{},
		Fields: knownFields(model, k.Fields), Inserts: knownFields(model, k.Inserts),
		Soft: k.Soft, Cascade: k.Cascade, Loaded: k.Original != nil, Stored: true,
	}
	if k.Copied {
		s.Strategy = change.NamedFields{}
	}
	if k.Written != nil {
		s.Strategy, s.Written = change.Upserted{}, map[*schema.Field]bool{}
		for _, column := range k.Written {
			s.Written[c.scope.schema.FieldsByDBName[column]] = true
		}
	}
	return s
}

// deliver calls a receiver with an event that was kept.
func (c *channel) deliver(ctx context.Context, e *entry, data []byte) (err error) {
	var k kept
	if err = json.Unmarshal(data, &k); err != nil {
		return fmt.Errorf("signals: what was kept for %s cannot be read: %w", e.UID, err)
	}
	r := change.Row{Facts: k.facts(c), Created: k.Created}
	if r.Instance, err = r.Facts.Model.Decode(ctx, k.Row); err != nil {
		return err
	}
	if r.Facts.Loaded {
		if r.Original, err = r.Facts.Model.Decode(ctx, k.Original); err != nil {
			return err
		}
	}
	f := &frame{}
	f.open(ctx, c.reg.db.WithContext(ctx), c.kind, &plan{sender: c.scope.name, schema: c.scope.schema})
	f.raw, f.ended = k.Raw, &ended{}
	var failed error
	d := delivery{reg: c.reg, handle: func(_ context.Context, err error) { failed = err }}
	d.send(e, f, []change.Row{r})
	return failed
}
