package signals

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	pools "github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/rows"
)

// write is one statement of GORM that sends signals, from its first callback to its last.
type write struct {
	reg    *registry
	plan   *plan
	db     *gorm.DB
	stmt   *gorm.Statement
	schema *schema.Schema
	model  *rows.Model

	pre, post frame
	told      [2]facts // what the events of the pre signal and those of the post signal answer from
	facts     *facts   // the ones that rows get now
	rows      []row
	one       [1]row // what rows points to when there is one

	soft     bool                   // a delete that keeps the row
	deletes  bool                   // the rows go
	loaded   bool                   // the rows have an original
	ran      bool                   // all statements of the write have succeeded
	failed   bool                   // and then the write has failed all the same, by a receiver or in the library
	answer   error                  // of the statement, before other callbacks add theirs
	fields   []string               // what an upsert names; nil means all
	inserts  []string               // what an insert names; nil means all
	written  map[*schema.Field]bool // what an upsert changes of an existing row; nil when it is none
	computed map[*schema.Field]bool // what the database computes
	update   *update                // what only updates need
	find     *finder                // what only an UPDATE or DELETE needs whose rows are found by its conditions
	set      clause.Set             // what the UPDATE of a Save assigns
	guarded  string                 // the savepoint around the write, in the caller's transaction
	readBack bool                   // the instances of updated rows are what is stored
	restore  []func()               // puts the statement back as GORM knows it
	tx       *gorm.DB               // the library's own transaction
	below    *cascading             // what goes with the rows of a delete
	touched  bool                   // receivers of the pre signal ran statements
	links    links                  // what only writes of join tables need
	after    *deferred              // what waits for the end of the transaction, of the first batch; nil when nothing does
	waiting  []*deferred            // what waits for the end of the statement, outside any transaction
}

// row is one row of a write.
type row struct {
	facts    *facts
	instance any // pointer to a struct of the model
	original any // pointer to the stored row; nil when there is none or it was not read
	now      any // pointer to the row as it is stored after the write; nil unless only the database knows what changed
	created  bool
	silent   bool            // the row is not written, so nothing is sent for it
	linked   *linked         // of m2m_changed: what happens to the links of the row
	unread   []*schema.Field // what the fields of the original cannot hold, so that they are zero
}

// writeClause is the name under which a statement's write is kept among its clauses, where GORM keeps marks of its own
// ("soft_delete_enabled"): it lives and dies with the statement and costs no allocation.
const writeClause = "signals:write"

// listening returns the plan of a statement's model when somebody listens to the model and the statement is one that
// signals are sent for.
func (r *registry) listening(db *gorm.DB) *plan {
	if db.Statement.SkipHooks {
		return nil
	}
	return r.planOf(db)
}

// planOf is listening for statements with and without hooks.
func (r *registry) planOf(db *gorm.DB) *plan {
	if r.plans.Load() == nil || db.Error != nil || db.Statement.Schema == nil || db.DryRun {
		return nil
	}
	return r.planFor(db.Statement.Schema)
}

// open begins the write of a statement that somebody is to hear of. It reports false if nobody is after all, or if the write is refused.
// Nothing is kept of it until attach.
func (w *write) open(r *registry, db *gorm.DB, p *plan, pre, post kind) bool {
	stmt := db.Statement
	w.reg, w.plan, w.db, w.stmt, w.schema, w.model = r, p, db, stmt, stmt.Schema, p.model
	w.facts = &w.told[0]
	w.pre.open(stmt.Context, db, pre, p)
	if w.pre.muteAll {
		return false
	}
	w.post = w.pre
	w.post.kind = post
	return db.AddError(w.prepare(post)) == nil
}

// allocate makes a write of one kind, together with its first send that waits if it has one: one allocation for both.
func allocate[K any](waits bool) (*K, *deferred) {
	if !waits {
		return new(K), nil
	}
	both := &struct {
		kind  K
		after deferred
	}{}
	return &both.kind, &both.after
}

// concerns reports whether anybody is to hear of a pre signal or its post signal.
func (p *plan) concerns(pre, post kind) bool {
	return len(p.entries[pre])+len(p.entries[post])+len(p.sides) > 0 || p.defers(post) || (post == postDelete && len(p.cascades) > 0)
}

// attached is a write of any kind, as it is kept among the clauses of its statement.
type attached interface {
	clause.Expression

	base() *write
}

func (w *write) base() *write { return w }

// keep keeps a write for the later callbacks of its statement.
func keep(k attached) { k.base().stmt.Clauses[writeClause] = clause.Clause{Expression: k} }

// writeOf returns the write of a statement, nil if it has none of this kind. A session that was derived from the statement inherits its
// clauses, but the write is not its own.
func writeOf[K attached](db *gorm.DB) K {
	k, ok := db.Statement.Clauses[writeClause].Expression.(K)
	if ok && k.base().stmt != db.Statement {
		var none K
		return none
	}
	return k
}

// stands reports whether what was written stays although the call may have failed: another callback or hook has set the error, and GORM has
// no transaction of its own to roll back. The caller's transaction may still be committed then.
func (w *write) stands() bool {
	if w.db.Error == nil {
		return true
	}
	_, implicit := w.db.InstanceGet("gorm:started_transaction")
	return w.ran && !w.failed && !implicit
}

// fail makes err the error of the statement, and reports whether there is one.
func (w *write) fail(err error) bool {
	w.failed = w.failed || err != nil
	return w.db.AddError(err) != nil && err != nil
}

// close forgets the write, puts the statement back and ends the library's own transaction.
func (w *write) close() {
	stands := w.stands()
	delete(w.stmt.Clauses, writeClause)
	w.unguard(stands)
	w.undo()
	w.unwatchSet()
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
	return w.ran && w.tx == nil && !inTransaction && len(w.waiting) > 0
}

// undo puts back what was changed of the statement.
func (w *write) undo() {
	for _, undo := range slices.Backward(w.restore) {
		undo()
	}
	w.restore = nil
}

// begin opens a transaction for a write of several statements when GORM was told to open none. It refuses an Atomic one that can have
// none: GORM itself goes on without where the pool begins none.
func (w *write) begin() error {
	if !w.db.SkipDefaultTransaction && !w.needsTransaction() {
		return nil
	}
	return w.beginOwn()
}

// beginOwn begins the library's own transaction, unless the write runs in one already.
func (w *write) beginOwn() error {
	if _, inTransaction := pools.Find(w.stmt.ConnPool); inTransaction {
		return nil
	}
	pool := w.stmt.ConnPool
	tx := w.db.Session(&gorm.Session{NewDB: true, Context: w.stmt.Context})
	tx.Statement.ConnPool = w.reg.pools.Wrap(pool)
	tx = tx.Begin()
	if errors.Is(tx.Error, gorm.ErrInvalidTransaction) {
		return fmt.Errorf("signals: receivers of %s need a transaction, and this connection can begin none: %w", w.plan.sender, tx.Error)
	}
	if tx.Error != nil {
		return tx.Error
	}
	w.tx, w.stmt.ConnPool = tx, tx.Statement.ConnPool
	w.restore = append(w.restore, func() { w.stmt.ConnPool = pool })
	return nil
}

// add adds a row for the struct that v is.
func (w *write) add(v reflect.Value, created bool) *row {
	w.rows = append(w.rows, row{facts: w.facts, instance: v.Addr().Interface(), created: created})
	return &w.rows[len(w.rows)-1]
}

// room makes place for n rows without an allocation of its own for one. Rows of earlier batches stay: events hold on to them.
func (w *write) room(n int) {
	if n <= 1 && w.one[0].facts == nil {
		w.rows = w.one[:0]
		return
	}
	w.rows = make([]row, 0, n)
}

// sendPost queues the rows for the receivers that wait, and sends the post signal.
func (w *write) sendPost(k kind) error {
	if k == postSave {
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
func (w *write) send(k kind, f *frame) error { return w.reg.send(w.plan, k, f, w.rows) }

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

func (r *row) value() reflect.Value { return reflect.ValueOf(r.instance).Elem() }
