package dispatch_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/nulldb"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/receivers"
)

// item is the model of tests that need no relations.
type item struct {
	ID    uint
	Name  string
	Price int
}

// receiverError stands for the public error of a receiver.
type receiverError struct {
	of  dispatch.Info
	err error
}

// Error names the receiver.
func (e *receiverError) Error() string { return e.of.Name() + " failed: " + e.err.Error() }

// Unwrap returns the answer.
func (e *receiverError) Unwrap() error { return e.err }

// panicError stands for the public error of a panic.
type panicError struct {
	value any
	stack []byte
}

// Error shows what the receiver panicked with.
func (e *panicError) Error() string { return fmt.Sprint("panic: ", e.value) }

func errorTypes() *dispatch.Errors {
	return &dispatch.Errors{
		Receiver: func(of dispatch.Info, err error) error { return &receiverError{of, err} },
		Panic:    func(value any, stack []byte) error { return &panicError{value, stack} },
	}
}

// world is the registry of a database that stores nothing, and a log of the calls that receivers got.
type world struct {
	*dispatch.Registry

	t    *testing.T
	db   *gorm.DB
	does map[string]func(f *dispatch.Frame) error // what a receiver does beside noting its call, by its name

	mu    sync.Mutex
	calls []string
	ends  []pool.End
}

// newWorld opens a database that stores nothing, and whose transactions are followed.
func newWorld(t *testing.T, set ...func(*dispatch.Config)) *world {
	t.Helper()
	raw := nulldb.Open(nulldb.Row{})
	t.Cleanup(func() { assert.NoError(t, raw.Close()) })
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: raw}), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	return worldOf(t, db, set...)
}

// worldOf returns the registry of a database.
func worldOf(t *testing.T, db *gorm.DB, set ...func(*dispatch.Config)) *world {
	t.Helper()
	c := dispatch.Config{MaxDepth: 16, Errors: errorTypes()}
	for _, one := range set {
		one(&c)
	}
	w := &world{Registry: dispatch.New(db, c), t: t, db: db, does: map[string]func(*dispatch.Frame) error{}}
	w.Pools = pool.New(db.Name(), pool.Hooks{
		Begin: w.Beginning, Before: func(*pool.Tx) error { return nil }, Ended: func(_ *pool.Tx, end pool.End) { w.ends = append(w.ends, end) },
	})
	db.ConnPool = w.Pools.WrapInside(db.ConnPool)
	db.Statement.ConnPool = db.ConnPool
	return w
}

// schemaOf returns GORM's schema of a model.
func (w *world) schemaOf(model any) *schema.Schema {
	w.t.Helper()
	stmt := &gorm.Statement{DB: w.db}
	require.NoError(w.t, stmt.Parse(model))
	return stmt.Schema
}

// note adds a call to the log.
func (w *world) note(name string, rows ...*change.Row) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = fmt.Sprint(r.Value().FieldByName("ID"))
	}
	w.calls = append(w.calls, name+":"+strings.Join(ids, ","))
}

// heard returns the calls so far and removes them.
func (w *world) heard() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return strings.Join(calls, " ")
}

func (w *world) act(name string, f *dispatch.Frame) error {
	if do := w.does[name]; do != nil {
		return do(f)
	}
	return nil
}

// receiver returns a receiver whose UID is its name. One whose name begins with a capital letter is a batch receiver.
func (w *world) receiver(name string) *dispatch.Entry {
	e := &dispatch.Entry{Item: receivers.Item{UID: name}, Info: dispatch.Info{UID: name, Location: name + ".go:1"}, Errors: w.Errors}
	if strings.ToUpper(name[:1]) == name[:1] {
		e.Batch = func(f *dispatch.Frame, rows []*change.Row) error {
			w.note(name, rows...)
			return w.act(name, f)
		}
		return e
	}
	e.Call = func(f *dispatch.Frame, r *change.Row) error {
		w.note(name, r)
		return w.act(name, f)
	}
	return e
}

// scope returns the scope of one model.
func (w *world) scope(model any) dispatch.Scope {
	of := w.schemaOf(model)
	return dispatch.Scope{
		Type: of.ModelType, Name: of.ModelType.Name(), Schema: of, Matches: func(other reflect.Type) bool { return other == of.ModelType },
	}
}

// wide returns a scope of every model whose name is in a list.
func wide(names ...string) dispatch.Scope {
	return dispatch.Scope{
		Type: reflect.TypeFor[any](), Name: "any", Matches: func(model reflect.Type) bool { return slices.Contains(names, model.Name()) },
	}
}

// signals returns the signals of a scope.
func (w *world) signals(s dispatch.Scope) [dispatch.Kinds]*dispatch.Signal {
	w.t.Helper()
	made, ok := w.Bind(s, func() (any, [dispatch.Kinds]*dispatch.Signal) {
		var all [dispatch.Kinds]*dispatch.Signal
		for k := range all {
			all[k] = &dispatch.Signal{}
		}
		return all, all
	}).([dispatch.Kinds]*dispatch.Signal)
	require.True(w.t, ok)
	return made
}

// connect connects a receiver to a signal of a scope and returns a function that disconnects it.
func (w *world) connect(s dispatch.Scope, k dispatch.Kind, e *dispatch.Entry) (disconnect func()) {
	w.t.Helper()
	signal := w.signals(s)[k]
	e.Kind, e.Seq = k, w.Seq.Add(1)
	e.Info.Signal, e.Info.Sender = signal.Name, s.Name
	signal.List.Add(e)
	w.Invalidate(signal)
	return func() {
		require.True(w.t, signal.List.Remove(e))
		w.Invalidate(signal)
	}
}

// on connects a receiver of a model to a signal and returns a function that disconnects it.
func (w *world) on(model any, k dispatch.Kind, e *dispatch.Entry, set ...func(*dispatch.Entry)) (disconnect func()) {
	w.t.Helper()
	for _, one := range set {
		one(e)
	}
	return w.connect(w.scope(model), k, e)
}

// planOf returns the plan of a model, nil if no receiver listens to it.
func (w *world) planOf(model any) *dispatch.Plan {
	w.t.Helper()
	return w.PlanFor(w.schemaOf(model))
}

// frame returns the frame of a post_save of items that starts under a context.
func (w *world) frame(ctx context.Context) *dispatch.Frame {
	w.t.Helper()
	return w.frameOn(ctx, w.db)
}

// frameOn returns the frame of a post_save of items of which db is the statement.
func (w *world) frameOn(ctx context.Context, db *gorm.DB) *dispatch.Frame {
	w.t.Helper()
	f := &dispatch.Frame{}
	f.Open(ctx, db, dispatch.PostSave, w.Silent(w.schemaOf(&item{}), "item"))
	return f
}

// rows returns rows of items by their numbers. A minus makes a row silent.
func (w *world) rows(numbers string) []change.Row {
	w.t.Helper()
	facts := w.facts(&item{})
	var rows []change.Row
	for number := range strings.FieldsSeq(numbers) {
		id, silent := strings.CutPrefix(number, "-")
		n, err := strconv.ParseUint(id, 10, 0)
		require.NoError(w.t, err)
		rows = append(rows, change.Row{Facts: facts, Instance: &item{ID: uint(n)}, Silent: silent})
	}
	return rows
}

// facts returns the facts of writes of whole rows.
func (w *world) facts(model any) *change.Facts {
	of := w.schemaOf(model)
	return &change.Facts{Model: w.Rows.Of(of), DB: w.db, Table: of.Table, Strategy: change.WholeRow{}, Seen: change.Seen{Loaded: true}}
}

// list returns the receivers of names.
func (w *world) list(names string) []*dispatch.Entry {
	var list []*dispatch.Entry
	for name := range strings.FieldsSeq(names) {
		list = append(list, w.receiver(name))
	}
	return list
}

// call calls receivers with rows, in a send that starts under a context.
func (w *world) call(ctx context.Context, names, rows string) error {
	w.t.Helper()
	return w.Call(w.list(names), w.frame(ctx), w.rows(rows))
}
