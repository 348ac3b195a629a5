package delivery_test

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/nulldb"
	"github.com/gorm-signals/signals/internal/receivers"
)

type item struct {
	ID   uint
	Name string
}

// world is a database that stores nothing, follows its transactions, and logs the calls of its receivers.
type world struct {
	delivery.Transactions

	t       *testing.T
	db      *gorm.DB
	signals [dispatch.Kinds]*dispatch.Signal
	does    map[string]func(f *dispatch.Frame) error // what a receiver does beside noting its call, by its name
	calls   []string
}

func newWorld(t *testing.T, set ...func(*dispatch.Config)) *world {
	t.Helper()
	raw := nulldb.Open(nulldb.Row{})
	t.Cleanup(func() { assert.NoError(t, raw.Close()) })
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: raw}), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	return worldOf(t, db, set...)
}

// worldOf returns the world of a database.
func worldOf(t *testing.T, db *gorm.DB, set ...func(*dispatch.Config)) *world {
	t.Helper()
	w := &world{t: t, does: map[string]func(*dispatch.Frame) error{}}
	c := dispatch.Config{MaxDepth: 16, Errors: &dispatch.Errors{
		Receiver: func(of dispatch.Info, err error) error { return fmt.Errorf("%s: %w", of.UID, err) },
		Panic:    func(value any, _ []byte) error { return fmt.Errorf("panic: %v", value) },
	}}
	c.Handle = func(_ context.Context, err error) { w.note("!" + strings.ReplaceAll(err.Error(), " ", "_")) }
	for _, one := range set {
		one(&c)
	}
	w.Transactions = delivery.Follow(dispatch.New(db, c))
	db.ConnPool = w.Pools.WrapInside(db.ConnPool)
	db.Statement.ConnPool = db.ConnPool
	w.db = db
	require.NoError(t, db.Statement.Parse(&item{}))
	s := dispatch.Scope{Type: reflect.TypeFor[item](), Name: "item", Schema: db.Statement.Schema}
	w.Bind(s, func() (any, [dispatch.Kinds]*dispatch.Signal) {
		for k := range w.signals {
			w.signals[k] = &dispatch.Signal{}
		}
		return nil, w.signals
	})
	return w
}

func (w *world) note(text string) { w.calls = append(w.calls, text) }

// heard returns the calls so far and removes them.
func (w *world) heard() string {
	calls := w.calls
	w.calls = nil
	return strings.Join(calls, " ")
}

// told shows the event of a row: "+1a" is the creation of row 1 with the name a, "1a>b" its update to b, and "-1b" its deletion.
func told(f *dispatch.Frame, r *change.Row) string {
	now, ok := r.Instance.(*item)
	if !ok {
		return "?"
	}
	switch was, _ := r.Original.(*item); {
	case f.Kind == dispatch.PostDelete:
		return fmt.Sprintf("-%d%s", now.ID, now.Name)
	case r.Created:
		return fmt.Sprintf("+%d%s", now.ID, now.Name)
	default:
		return fmt.Sprintf("%d%s>%s", now.ID, was.Name, now.Name)
	}
}

// connect connects receivers to both post signals, each given as its name and phase: "a@after". A capital letter makes a batch receiver.
func (w *world) connect(list string) {
	w.t.Helper()
	phases := map[string]dispatch.Phase{
		"send": dispatch.InSend, "before": dispatch.BeforeCommit, "after": dispatch.AfterCommit, "net": dispatch.AfterCommit, "undone": dispatch.AfterRollback,
	}
	for one := range strings.FieldsSeq(list) {
		name, phase, _ := strings.Cut(one, "@")
		require.Contains(w.t, phases, phase)
		for _, k := range []dispatch.Kind{dispatch.PostSave, dispatch.PostDelete} {
			e := &dispatch.Entry{
				Item: receivers.Item{UID: name, Seq: w.Seq.Add(1)}, Info: dispatch.Info{UID: name}, Kind: k, Phase: phases[phase], Net: phase == "net", Errors: w.Errors,
			}
			if strings.ToUpper(name[:1]) == name[:1] {
				e.Batch = func(f *dispatch.Frame, rows []*change.Row) error {
					events := make([]string, len(rows))
					for i, r := range rows {
						events[i] = told(f, r)
					}
					return w.called(name, f, events...)
				}
			} else {
				e.Call = func(f *dispatch.Frame, r *change.Row) error { return w.called(name, f, told(f, r)) }
			}
			w.signals[k].List.Add(e)
			w.Invalidate(w.signals[k])
		}
	}
}

func (w *world) called(name string, f *dispatch.Frame, events ...string) error {
	w.note(name + ":" + strings.Join(events, ","))
	if do := w.does[name]; do != nil {
		return do(f)
	}
	return nil
}

// rows reads events as told shows them.
func (w *world) rows(events string) (dispatch.Kind, *change.Facts, []change.Row) {
	w.t.Helper()
	k := dispatch.PostSave
	facts := &change.Facts{
		Model: w.Rows.Of(w.db.Statement.Schema), DB: w.DB, Table: "items", Strategy: change.WholeRow{}, Seen: change.Seen{Loaded: true},
	}
	var rows []change.Row
	for text := range strings.SplitSeq(events, ",") {
		r := change.Row{Facts: facts}
		sign := text[0]
		text = strings.TrimLeft(text, "+-")
		id, err := strconv.ParseUint(text[:1], 10, 0)
		require.NoError(w.t, err)
		was, now, changed := strings.Cut(text[1:], ">")
		if !changed {
			now = was
		}
		r.Instance = &item{ID: uint(id), Name: now}
		switch sign {
		case '+':
			r.Created = true
		case '-':
			k = dispatch.PostDelete
		default:
			r.Original = &item{ID: uint(id), Name: was}
		}
		rows = append(rows, r)
	}
	return k, facts, rows
}

// write does for receivers what a write of rows in a session does: it sends the post signal, and queues the receivers that wait.
func (w *world) write(db *gorm.DB, events string) error {
	w.t.Helper()
	k, facts, rows := w.rows(events)
	p := w.PlanFor(w.db.Statement.Schema)
	if p == nil {
		return nil
	}
	if err := delivery.Possible(p, k, db.Statement.ConnPool); err != nil {
		return err
	}
	f := &dispatch.Frame{}
	f.Open(db.Statement.Context, db, k, p)
	if err := w.Send(p, k, f, rows); err != nil || !p.Waits(k) {
		return err
	}
	d := &delivery.Deferred{}
	d.Take(k, f, db.Statement, facts, rows)
	for i := range rows {
		rows[i].Instance = &item{Name: "the caller goes on using its struct"}
	}
	alone, err := d.Queue(db.Statement.ConnPool)
	if alone {
		delivery.Finish([]*delivery.Deferred{d}, err == nil)
	}
	return err
}

// play plays a script in a transaction: events are writes, and other parts are statements.
func (w *world) play(script string) (tx *gorm.DB) {
	w.t.Helper()
	tx = w.db.Begin()
	require.NoError(w.t, tx.Error)
	for part := range strings.SplitSeq(script, "|") {
		if part = strings.TrimSpace(part); strings.Contains(part, " ") {
			require.NoError(w.t, tx.Exec(part).Error)
			continue
		}
		require.NoError(w.t, w.write(tx, part))
	}
	return tx
}
