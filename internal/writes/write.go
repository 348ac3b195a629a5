package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	pools "github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/rows"
	"github.com/gorm-signals/signals/internal/statement"
)

// write is what the writes of all kinds share. A write is one statement of GORM that sends signals, from its first callback to its last.
type write struct {
	subject
	sending
	outcome
	borrowed

	links   links                // what only writes of join tables need
	waiting []*delivery.Deferred // what waits for the end of the statement, outside any transaction
}

// subject is what is written.
type subject struct {
	reg    *Engine
	plan   *dispatch.Plan
	db     *gorm.DB
	stmt   *gorm.Statement
	schema *schema.Schema
	model  *rows.Model
}

// sending is what is sent.
type sending struct {
	pre, post dispatch.Frame
	told      [2]change.Facts // what the events of the pre signal and those of the post signal answer from
	facts     *change.Facts   // the ones that rows get now
	rows      []change.Row
	one       [1]change.Row // what rows points to when there is one
	loaded    bool          // the rows have an original
}

// outcome is what has become of the statement.
type outcome struct {
	succeeded bool  // all statements of the write have
	failed    bool  // and then the write has failed all the same, by a receiver or in the library
	answer    error // of GORM's statement, before other callbacks add theirs
	fallible        // what receivers that hear of failures are to know
}

// borrowed is what the write has changed around the statement, and puts back when it ends.
type borrowed struct {
	tx      *gorm.DB // the library's own transaction
	guarded string   // the savepoint around the write, in the caller's transaction
	restore []func() // puts the statement back as GORM knows it
}

// writeClause is the name under which a statement's write is kept among its clauses, where GORM keeps marks of its own
// ("soft_delete_enabled"): it lives and dies with the statement and costs no allocation.
const writeClause = "signals:write"

// open begins the write of a statement that somebody is to hear of. It reports false if nobody is after all, or if the write is refused.
// Nothing is kept of it until attach.
func (w *write) open(r *Engine, db *gorm.DB, p *dispatch.Plan, pre, post dispatch.Kind) bool {
	w.begun(r, db, p, pre, post)
	if w.pre.MuteAll {
		return false
	}
	return db.AddError(w.doubtMute()) == nil && db.AddError(w.prepare(post)) == nil
}

// begun sets what is known of a write when it begins.
func (w *write) begun(r *Engine, db *gorm.DB, p *dispatch.Plan, pre, post dispatch.Kind) {
	stmt := db.Statement
	w.reg, w.plan, w.db, w.stmt, w.schema, w.model = r, p, db, stmt, stmt.Schema, p.Model
	w.facts = &w.told[0]
	w.pre.Open(stmt.Context, db, pre, p)
	w.post = w.pre
	w.post.Kind = post
}

// start begins the write of a statement of some kind, nil if nobody is to hear of it after all, or if it is refused.
func start[K any, P interface {
	*K
	stages
}](r *Engine, db *gorm.DB, p *dispatch.Plan, pre, post dispatch.Kind) P {
	k := P(new(K))
	if !k.base().open(r, db, p, pre, post) {
		return nil
	}
	return k
}

// stages are what GORM's callbacks call of a write of any kind once its pre signals are sent, in this order.
type stages interface {
	clause.Expression // so that it can be kept among the clauses of its statement

	base() *write
	build() error // right before GORM's statement: what several statements need
	ran()         // right after it: which rows did it really write?
	after()       // at the end: the post signals
}

func (w *write) base() *write { return w }

// Build makes a write a clause.Expression. Nobody builds it.
func (w *write) Build(clause.Builder) {}

// attach keeps a write for the later callbacks of its statement.
func attach(k stages) { k.base().stmt.Clauses[writeClause] = clause.Clause{Expression: k} }

// writeOf returns the write of a statement, nil if it has none. A session that was derived from the statement inherits its clauses, but the
// write is not its own.
func writeOf(db *gorm.DB) stages {
	k, ok := db.Statement.Clauses[writeClause].Expression.(stages)
	if !ok || k.base().stmt != db.Statement {
		return nil
	}
	return k
}

// deletes reports whether the rows go.
func (w *write) deletes() bool { return w.post.Kind == dispatch.PostDelete }

// stands reports whether what was written stays although the call may have failed: another callback or hook has set the error, and GORM has
// no transaction of its own to roll back. The caller's transaction may still be committed then.
func (w *write) stands() bool {
	if w.db.Error == nil {
		return true
	}
	if w.tx != nil && w.reg.Errors.OfReceiver(w.db.Error) { // of a row of a relation: this transaction is the only one that can undo it
		return false
	}
	_, implicit := w.db.InstanceGet("gorm:started_transaction")
	return w.succeeded && !w.failed && !implicit
}

// fail makes err the error of the statement, and reports whether there is one.
func (w *write) fail(err error) bool {
	w.failed = w.failed || err != nil
	return w.db.AddError(err) != nil && err != nil
}

// close forgets the write, puts the statement back and ends the library's own transaction.
func (w *write) close() {
	stands := w.stands()
	w.failing()
	delete(w.stmt.Clauses, writeClause)
	w.unguard(stands)
	w.undo()
	if w.tx != nil {
		if !stands {
			w.tx.Rollback()
		} else if err := w.tx.Commit().Error; err != nil {
			stands = false
			_ = w.db.AddError(err)
		}
	}
	w.finish((stands && !w.failed) || w.stays())
}

// stays reports whether a row is stored although a receiver of the post signal has failed the call: outside any transaction nobody can undo it.
func (w *write) stays() bool {
	_, inTransaction := pools.Find(w.stmt.ConnPool)
	return w.succeeded && w.tx == nil && !inTransaction && len(w.waiting) > 0
}

// undo puts back what was changed of the statement.
func (w *write) undo() {
	for _, undo := range slices.Backward(w.restore) {
		undo()
	}
	w.restore = nil
}

// add adds a row for the struct that v is.
func (w *write) add(v reflect.Value, created bool) *change.Row {
	w.rows = append(w.rows, change.Row{Facts: w.facts, Instance: v.Addr().Interface(), Created: created})
	return &w.rows[len(w.rows)-1]
}

// room makes place for n rows without an allocation of its own for one. Rows of earlier batches stay: events hold on to them.
func (w *write) room(n int) {
	if n <= 1 && w.one[0].Facts == nil {
		w.rows = w.one[:0]
		return
	}
	w.rows = make([]change.Row, 0, n)
}

// sendPost queues the rows for the receivers that wait, and sends the post signal.
func (w *write) sendPost(k dispatch.Kind) error {
	if k == dispatch.PostSave {
		if err := w.readUnsure(); err != nil {
			return err
		}
	}
	if err := w.queue(k); err != nil {
		return err
	}
	if err := w.send(k, &w.post); err != nil {
		return err
	}
	return w.sendLinks(true)
}

// send sends one of the write's signals for all its rows.
func (w *write) send(k dispatch.Kind, f *dispatch.Frame) error {
	return w.reg.Send(w.plan, k, f, w.rows)
}

// replaceClause replaces a clause of the statement, or takes it away for nil, until the write ends.
func (w *write) replaceClause(name string, by clause.Interface) {
	old, had := w.stmt.Clauses[name]
	delete(w.stmt.Clauses, name)
	if by != nil {
		w.stmt.Clauses[name] = clause.Clause{Name: name, Expression: by}
	}
	w.restore = append(w.restore, func() {
		delete(w.stmt.Clauses, name)
		if had {
			w.stmt.Clauses[name] = old
		}
	})
}

// atBuild calls edit when GORM begins to build the SQL of the statement, whose first clause has this name. By then everything that
// others add to the statement is there.
func (w *write) atBuild(name string, edit func() error) {
	c, had := w.stmt.Clauses[name]
	former := c
	c.Name = name
	if had {
		c.Name = former.Name
	}
	c.Builder = func(c clause.Clause, b clause.Builder) {
		if b == clause.Builder(w.stmt) { // sessions that are derived from the statement inherit its clauses
			_ = w.db.AddError(edit())
		}
		c.Builder = former.Builder
		c.Build(b)
	}
	w.stmt.Clauses[name] = c
	w.restore = append(w.restore, func() {
		now, ok := w.stmt.Clauses[name]
		if now.Builder = former.Builder; ok && (had || now.Expression != nil) {
			w.stmt.Clauses[name] = now
		} else {
			delete(w.stmt.Clauses, name)
		}
	})
}

// statementFacts are those of a statement of any kind.
func (w *write) statementFacts() change.Facts {
	return change.Facts{Model: w.model, DB: w.reg.DB, Table: w.tableName(), Loaded: w.loaded}
}

// turn leaves the facts of the pre signal as they are: from now on the rows have those of the post signal.
func (w *write) turn() {
	w.facts = &w.told[1]
	for i := range w.rows {
		w.rows[i].Facts = w.facts
	}
}

// tableName returns the table that the statement names.
func (w *write) tableName() string { return statement.TableOf(w.stmt, w.schema) }

func (w *write) dialect() statement.Dialect { return statement.Dialect(w.db.Name()) }
