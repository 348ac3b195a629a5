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

// PublishOption is an option of [Publish].
type PublishOption func(*publication)

// publication holds the options of one call of Publish.
type publication struct {
	saved, deleted, linked bool
	version                int
	payload                any // func(*M) any
	problem                string
}

var (
	// Saved publishes inserted and updated rows, as types "products.created.v1" and "products.updated.v1".
	Saved PublishOption = func(p *publication) { p.saved = true }

	// Deleted publishes deleted rows, also soft-deleted ones, as type "products.deleted.v1".
	Deleted PublishOption = func(p *publication) { p.deleted = true }

	// LinksChanged publishes links of the model's many2many relations that were added or removed, with [Links] as data.
	LinksChanged PublishOption = func(p *publication) { p.linked = true }
)

// Links is the data of the types "products.linked.v1" and "products.unlinked.v1". The subject of such an event is the owner of the relation.
type Links struct {
	Relation string `json:"relation"` // name of the owner's field: "Tags"
	Keys     []any  `json:"keys"`     // primary keys of the linked rows; a list for each composite key
	Reverse  bool   `json:"reverse"`  // the program changed the links from their other side
}

// Payload sets the data of an event: the JSON of the value that fn returns for the row. fn runs in the write's transaction, and data that
// [encoding/json] cannot write fails the write. Without Payload the data is the row itself. Better give other programs a type of its own, which stays
// the same when a column changes.
func Payload[M any](fn func(row *M) any) PublishOption {
	return func(p *publication) {
		if fn == nil {
			p.problem = "the function of Payload is nil"
		}
		p.payload = fn
	}
}

// Version is the version of the payload, 1 or more, and the end of the event's type: "products.created.v1". The default is 1.
func Version(n int) PublishOption {
	return func(p *publication) {
		if n < 1 {
			p.problem = fmt.Sprintf("Version(%d) is no version: count from 1", n)
		}
		p.version = n
	}
}

// Publish writes an event into the outbox for every row of a model that is saved or deleted, in the transaction of the write. With any of Saved,
// Deleted and LinksChanged, it publishes only those. An error of writing an event fails the write. A [Relay] sends the events to an engine.
//
// stop ends the publishing. A second call for the same model and outbox replaces the options of the first one. Publish panics if M is not a model of
// the database or an option is not valid; the text names the cure.
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
	// The outbox is the last receiver: if another one fails, it need not write an event.
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
		}, options...)) // Connect with the same UID replaces the receiver in one step, so no write is missed
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

// typeOf returns the type of an event, such as "com.acme.products.created.v1".
func (p *publication) typeOf(prefix string, model *schema.Schema, what string) string {
	if prefix != "" {
		prefix += "."
	}
	return fmt.Sprintf("%s%s.%s.v%d", prefix, model.Table, what, p.version)
}

// record makes the record of an event about a row.
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

// publish writes the events of n rows in the transaction of their write, and wakes relays after the commit.
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
