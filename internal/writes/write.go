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

	links   links                // only for writes of join tables
	waiting []*delivery.Deferred // sends that wait for the end of the statement, outside any transaction
}

// subject is the statement and its model.
type subject struct {
	reg    *Engine
	plan   *dispatch.Plan
	db     *gorm.DB
	stmt   *gorm.Statement
	schema *schema.Schema
	model  *rows.Model
}

// sending is the signals and their rows.
type sending struct {
	pre, post dispatch.Frame
	told      [2]change.Facts // facts of the pre signal and of the post signal
	facts     *change.Facts   // the facts that rows get now
	rows      []change.Row
	one       [1]change.Row // memory of a single row
	loaded    bool          // the rows have an original
}

// outcome is the result of the statement.
type outcome struct {
	succeeded bool      // all statements of the write have succeeded
	failed    bool      // a receiver or the library has failed the write
	answer    error     // the error of GORM's statement, without those of later callbacks
	fallible  *fallible // notes for AfterFailure receivers; nil without a note
}

// borrowed is what the write changes around the statement and puts back at its end.
type borrowed struct {
	tx      *gorm.DB // the library's own transaction
	guarded string   // the savepoint around the write, in the caller's transaction
	restore []func() // undoes the changes of the statement
}

// writeClause is the name of the clause that holds a statement's write, beside GORM's own marks such as "soft_delete_enabled". It ends with the
// statement and costs no allocation.
const writeClause = "signals:write"

// open begins the write of a statement. It reports false if all receivers are muted, or if the write is refused. The statement does not hold the
// write before attach.
func (w *write) open(r *Engine, db *gorm.DB, p *dispatch.Plan, pre, post dispatch.Kind) bool {
	w.begun(r, db, p, pre, post)
	if w.pre.MuteAll {
		return false
	}
	return db.AddError(r.doubtMute(&w.pre)) == nil && db.AddError(w.prepare(post)) == nil
}

// begun sets the fields that are known when a write begins.
func (w *write) begun(r *Engine, db *gorm.DB, p *dispatch.Plan, pre, post dispatch.Kind) {
	stmt := db.Statement
	w.reg, w.plan, w.db, w.stmt, w.schema, w.model = r, p, db, stmt, stmt.Schema, p.Model
	w.facts = &w.told[0]
	w.pre.Open(stmt.Context, db, pre, p)
	w.post = w.pre
	w.post.Kind = post
}

// start begins a write of some kind. It returns nil if open reports false.
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

// stages are the methods of a write that GORM's callbacks call after the pre signals, in this order.
type stages interface {
	clause.Expression // so that it can be a clause of its statement

	base() *write
	build() error // right before GORM's statement: savepoints, and changes of its clauses
	ran()         // right after it: finds out which rows it wrote
	after()       // at the end: sends the post signals
}

func (w *write) base() *write { return w }

// Build makes a write a clause.Expression. GORM never calls it.
func (w *write) Build(clause.Builder) {}

// attach keeps a write for the later callbacks of its statement.
func attach(k stages) { k.base().stmt.Clauses[writeClause] = clause.Clause{Expression: k} }

// writeOf returns the write of a statement, nil if it has none. A session that is derived from the statement inherits its clauses, but not its write.
func writeOf(db *gorm.DB) stages {
	k, ok := db.Statement.Clauses[writeClause].Expression.(stages)
	if !ok || k.base().stmt != db.Statement {
		return nil
	}
	return k
}

// deletes reports whether the write deletes its rows.
func (w *write) deletes() bool { return w.post.Kind == dispatch.PostDelete }

// stands reports whether the written rows stay, even if the call fails. If another callback or a hook has set the error, and GORM has no transaction
// of its own to roll back, the caller may still commit.
func (w *write) stands() bool {
	if w.db.Error == nil {
		return true
	}
	if w.tx != nil && w.reg.Errors.OfReceiver(w.db.Error) { // a receiver of a related row has failed: only this transaction can undo that
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

// close forgets the write, restores the statement and ends the library's own transaction.
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

// stays reports whether rows stay stored although a post receiver has failed the call: outside any transaction nobody can undo them.
func (w *write) stays() bool {
	_, inTransaction := pools.Find(w.stmt.ConnPool)
	return w.succeeded && w.tx == nil && !inTransaction && len(w.waiting) > 0
}

// undo restores the statement.
func (w *write) undo() {
	for _, undo := range slices.Backward(w.restore) {
		undo()
	}
	w.restore = nil
}

// add adds a row whose instance is the struct v.
func (w *write) add(v reflect.Value, created bool) *change.Row {
	w.rows = append(w.rows, change.Row{Facts: w.facts, Instance: v.Addr().Interface(), Created: created})
	return &w.rows[len(w.rows)-1]
}

// room replaces rows by an empty slice for n rows, without an allocation for one. Rows of earlier batches keep their memory: events use them.
func (w *write) room(n int) {
	if n <= 1 && w.one[0].Facts == nil {
		w.rows = w.one[:0]
		return
	}
	w.rows = make([]change.Row, 0, n)
}

// sendPost queues the rows for waiting receivers, and sends the post signal.
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

// replaceClause replaces a clause of the statement until the write ends, or removes it if by is nil.
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

// atBuild calls edit when GORM begins to build the SQL of the statement, whose first clause has this name. By then all callbacks have added their
// clauses.
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

// statementFacts returns the facts that all kinds of statements share.
func (w *write) statementFacts() change.Facts {
	return change.Facts{Model: w.model, DB: w.reg.DB, Table: w.tableName(), Seen: change.Seen{Loaded: w.loaded}}
}

// turn gives the rows the facts of the post signal. Those of the pre signal do not change any more: events keep them.
func (w *write) turn() {
	w.facts = &w.told[1]
	for i := range w.rows {
		w.rows[i].Facts = w.facts
	}
}

// tableName returns the table that the statement names.
func (w *write) tableName() string { return statement.TableOf(w.stmt, w.schema) }

func (w *write) dialect() statement.Dialect { return statement.Dialect(w.db.Name()) }
