package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// PublishOption is an option of Publish.
type PublishOption func(*publication)

// publication is what leaves the process about one model.
type publication struct {
	saved, deleted, linked bool
	version                int
	payload                any // func(*M) any
	problem                string
}

var (
	// Saved publishes created and updated rows.
	Saved PublishOption = func(p *publication) { p.saved = true }

	// Deleted publishes deleted rows, soft-deleted ones among them.
	Deleted PublishOption = func(p *publication) { p.deleted = true }

	// LinksChanged publishes links of the model's many2many relations that have appeared or gone, as Links.
	LinksChanged PublishOption = func(p *publication) { p.linked = true }
)

// Links is the data of an event about links: "products.linked.v1" and "products.unlinked.v1", whose subject is the owner.
type Links struct {
	Relation string `json:"relation"` // field of the owner, "Tags"
	Keys     []any  `json:"keys"`     // primary keys of the other side; a list per key when it is composite
	Reverse  bool   `json:"reverse"`  // they were changed from the other side
}

// Payload says what the data of an event is: what fn makes of the row, as JSON. Without it, it is the row itself as
// [encoding/json] writes it, with every column that its tags do not leave out: give other programs a type of its own.
func Payload[M any](fn func(row *M) any) PublishOption {
	return func(p *publication) {
		if fn == nil {
			p.problem = "the function of Payload is nil"
		}
		p.payload = fn
	}
}

// Version is the version of the payload, which the type of the event ends with: "products.created.v1". It is 1 unless given.
func Version(n int) PublishOption {
	return func(p *publication) {
		if n < 1 {
			p.problem = fmt.Sprintf("Version(%d) is no version: count from 1", n)
		}
		p.version = n
	}
}

// Publish writes an event into the outbox for every row of a model that is saved or deleted, or only for what Saved, Deleted and LinksChanged
// name. The function that it returns ends that. Publishing a model again on the same outbox replaces what was said before.
//
// Publish panics when M is no model of the database or an option is bad; the text names the cure.
func Publish[M any](ob *Outbox, opts ...PublishOption) (stop func()) {
	p, model := publication{version: 1}, reflect.TypeFor[M]()
	for _, opt := range opts {
		if opt == nil {
			p.problem = "an option is nil: leave it out"
			continue
		}
		opt(&p)
	}
	if ob == nil {
		p.problem = "the outbox is nil: make one with outbox.Install"
	}
	payload, ok := p.payload.(func(*M) any)
	switch {
	case p.payload == nil:
		payload = func(row *M) any { return row }
	case !ok:
		p.problem = fmt.Sprintf("Payload takes another model: it must be a func(*%s) any", model)
	}
	if p.problem != "" {
		panic(fmt.Sprintf("outbox: Publish[%s]: %s", model, p.problem))
	}
	if !p.saved && !p.deleted && !p.linked {
		p.saved, p.deleted = true, true
	}
	m, uid := signals.For[M](ob.db), "outbox "+ob.Table
	ends := make([]func() bool, 0, 3)
	// Last of all receivers, as one that fails spares the event.
	options := []signals.ConnectOption{signals.UID(uid), signals.Last(), signals.Priority(math.MinInt), signals.Atomic(), signals.Needs(signals.Row)}
	if p.saved {
		ends = append(ends, m.PostSave.ConnectBatch(func(ctx context.Context, events []signals.SaveEvent[*M]) error {
			return ob.publish(ctx, events[0].DB(), len(events), func(i int) (record, error) {
				e, what := events[i], "updated"
				if e.Created {
					what = "created"
				}
				return ob.record(ctx, e.Schema(), e.Table(), e.Instance, p.typeOf(ob.TypePrefix, e.Schema(), what), payload(e.Instance))
			})
		}, options...)) // replaces at once what was there: no write goes by unheard
	} else {
		m.PostSave.Disconnect(uid)
	}
	if p.deleted {
		ends = append(ends, m.PostDelete.ConnectBatch(func(ctx context.Context, events []signals.DeleteEvent[*M]) error {
			return ob.publish(ctx, events[0].DB(), len(events), func(i int) (record, error) {
				e := events[i]
				return ob.record(ctx, e.Schema(), e.Table(), e.Instance, p.typeOf(ob.TypePrefix, e.Schema(), "deleted"), payload(e.Instance))
			})
		}, options...))
	} else {
		m.PostDelete.Disconnect(uid)
	}
	if p.linked {
		ends = append(ends, m.M2MChanged.Connect(func(ctx context.Context, e signals.M2MEvent[*M]) error {
			if e.Action.Pre() {
				return nil
			}
			what := "linked"
			if e.Action != signals.PostAdd {
				what = "unlinked"
			}
			return ob.publish(ctx, e.DB(), 1, func(int) (record, error) {
				return ob.record(ctx, e.Schema(), e.Schema().Table, e.Instance, p.typeOf(ob.TypePrefix, e.Schema(), what), Links{e.Relation, e.PKs, e.Reverse})
			})
		}, signals.UID(uid), signals.Last(), signals.Priority(math.MinInt), signals.Atomic()))
	} else {
		m.M2MChanged.Disconnect(uid)
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

// typeOf returns the type of an event: "com.acme.products.created.v1".
func (p *publication) typeOf(prefix string, model *schema.Schema, what string) string {
	if prefix != "" {
		prefix += "."
	}
	return fmt.Sprintf("%s%s.%s.v%d", prefix, model.Table, what, p.version)
}

// record makes the record of an event about a row of a table.
func (ob *Outbox) record(ctx context.Context, model *schema.Schema, table string, row any, typ string, payload any) (record, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return record{}, fmt.Errorf("outbox: the payload of %s: %w", typ, err)
	}
	v := reflect.ValueOf(row).Elem()
	key := make([]any, len(model.PrimaryFields))
	for i, f := range model.PrimaryFields {
		key[i], _ = f.ValueOf(ctx, v)
	}
	return record{ID: newID(time.Now()), Type: typ, Subject: Subject(table, key...), ContentType: "application/json", Data: data}, nil
}

// publish writes the events of n rows of a write, in its transaction.
func (ob *Outbox) publish(ctx context.Context, tx *gorm.DB, n int, recordOf func(i int) (record, error)) error {
	records := make([]record, n)
	for i := range records {
		var err error
		if records[i], err = recordOf(i); err != nil {
			return err
		}
	}
	_, err := ob.keep(ctx, tx, records, due{}, func(context.Context) error {
		ob.wake()
		return nil
	})
	return err
}
