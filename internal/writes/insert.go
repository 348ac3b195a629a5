package writes

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/statement"
)

// insert is a write of an INSERT.
type insert struct {
	write

	goesOn      *statement.Leftover // of a Save whose UPDATE has found no row: this is its INSERT
	conflicting bool                // the INSERT has a conflict clause, or IGNORE or REPLACE
	conflicts   string              // what conflictIDs returned last
	looked      int                 // statements of the transaction when the stored rows were read
	follows     map[int]int         // by row of an upsert: the earlier row whose result is its original
	race        *race               // with other connections
	maps        *mapRows            // of a create from maps
	returned    *returned           // of an INSERT that may return fewer rows than it has
	together    func()              // undoes setApart
	readBack    bool                // the instances of updated rows were read back
	upsert
}

// upsert is the fields that an INSERT names, and those that it changes in a stored row.
type upsert struct {
	inserts  []string               // names of the fields that it inserts; nil means all
	fields   []string               // names of the fields that it updates; nil means all
	written  map[*schema.Field]bool // fields that it changes in a stored row; nil if it leaves stored rows alone
	computed map[*schema.Field]bool // those of written that the database computes
}

// PreCreate begins the write of an INSERT if somebody listens to its model.
func (r *Engine) PreCreate(db *gorm.DB) {
	goesOn := r.unsaved.Take(db.Statement)
	if db.Statement.SkipHooks && goesOn == nil {
		return
	}
	p := r.planOf(db)
	if p == nil || !p.Listens(dispatch.PreSave, dispatch.PostSave) {
		r.unheard(db)
		return
	}
	if w := start[insert](r, db, p, dispatch.PreSave, dispatch.PostSave); w != nil {
		w.goesOn = goesOn
		_ = db.AddError(w.before())
	}
}

// before sends pre_save for every row that the INSERT will write.
func (w *insert) before() error {
	if !w.collect() {
		w.undo()
		return nil
	}
	attach(w)
	w.inserts = w.insertFields()
	_, w.conflicting = w.conflict()
	*w.facts = w.insertFacts(&w.upsert)
	changeable := len(w.plan.Entries[dispatch.PreSave]) > 0 // receivers may change the links
	if !changeable {
		if err := w.openJoined(); err != nil {
			return err
		}
	}
	if err := w.resolveFirst(); err != nil {
		return err
	}
	heard := w.goesOn != nil && w.goesOn.Announced
	if !heard {
		if err := w.preInserted(); err != nil {
			return err
		}
	}
	if changeable {
		if err := w.openJoined(); err != nil {
			return err
		}
	}
	if heard {
		return nil
	}
	return w.sendLinks(false)
}

// openJoined finds the relations whose links are the rows.
func (w *insert) openJoined() error {
	if len(w.plan.Sides) == 0 {
		return nil
	}
	return w.openLinks(w.joinedBy(), false)
}

// resolveFirst resolves the conflicts for the first time, in a transaction if the INSERT takes several statements.
func (w *insert) resolveFirst() error {
	if w.takesSeveral() {
		if err := w.begin(); err != nil {
			return err
		}
	}
	if err := w.beginOrdered(); err != nil {
		return err
	}
	return w.resolveConflicts()
}

// takesSeveral reports whether the INSERT and other statements must succeed or fail together.
func (w *insert) takesSeveral() bool {
	return len(w.plan.Sides) > 0 || w.plan.Atomic || w.goesOn != nil || (w.conflicting && (len(w.rows) > 1 || w.dialect().LocksGaps()))
}

// preInserted sends pre_save, and adopts the changes of its receivers.
func (w *insert) preInserted() error {
	unwritable, before := w.unwritable()
	if err := w.send(dispatch.PreSave, &w.pre); err != nil {
		return err
	}
	w.turn()
	w.told[1] = w.told[0]
	w.putBackUnwritable(unwritable, before)
	if w.maps != nil {
		w.maps.writeBack(w)
	}
	if err := w.resolveConflicts(); err != nil { // again, if a receiver has changed values that conflict
		return err
	}
	w.refollow()
	return nil
}

// build runs right before an INSERT.
func (w *insert) build() error {
	if err := w.lateConflict(); err != nil {
		return err
	}
	if w.maps != nil {
		if w.dialect().NotesFound() {
			return nil
		}
		return w.noteReturned()
	}
	w.setApart()
	conflict, ok := w.stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if ok && w.conflicting && len(w.model.Keys) > 0 && (w.dialect().MarksWritten() || w.dialect().NotesFound()) {
		w.race = &race{conflict: conflict, fresh: w.countFresh()}
	}
	if err := w.noteReturned(); err != nil || w.race == nil {
		return err
	}
	if w.dialect().NotesFound() {
		return w.noteOrReturn()
	}
	all := w.race.fresh == int64(len(w.rows))
	if w.race.fresh == 0 || (!conflict.DoNothing && !all) || w.returnsSlice() {
		return nil
	}
	return w.run()
}

// ran finds out what GORM's INSERT has done.
func (w *insert) ran() {
	if p, ok := w.stmt.ConnPool.(*returningPool); ok { // GORM has run no statement
		w.stmt.ConnPool = p.ConnPool
	}
	if w.race != nil && (w.race.notes || w.race.returns) && refusesNotes(w.db.Error) {
		w.withoutNote()
	}
	if w.db.Error == nil {
		if w.db.AddError(w.settle()) != nil {
			return
		}
		w.succeeded = true
	}
	if w.together != nil {
		w.together()
	}
}

// settle finds out which rows the INSERT wrote, and which of them other connections have inserted in the meantime.
func (w *insert) settle() error {
	if w.maps != nil {
		w.maps.readBack(w)
	}
	if _, conflicting := w.conflict(); conflicting && !w.conflicting && w.returned != nil { // a callback has added the clause around the INSERT
		w.findReturned()
	}
	err := w.settleRows()
	w.refollow() // GORM has set the times of the rows
	if err != nil || w.returned == nil || w.returned.savepoint == "" {
		return err
	}
	return w.exec("RELEASE SAVEPOINT " + w.returned.savepoint)
}

// after sends post_save for every row that was written.
func (w *insert) after() {
	if !w.stands() {
		return
	}
	if w.fail(w.readWritten()) {
		return
	}
	w.missOriginals()
	w.turn()
	w.told[1] = w.insertedFacts()
	w.fail(w.sendPost(dispatch.PostSave))
}

// missOriginals uses the current row as Original if the stored row could not be read before: an upsert may find it by an index that the model does
// not declare.
func (w *write) missOriginals() {
	for i := range w.rows {
		if r := &w.rows[i]; w.loaded && !r.Created && r.Original == nil {
			r.Original = w.model.Clone(w.stmt.Context, r.Value()).Interface()
		}
	}
}

// insertedFacts returns the facts of an INSERT that has run.
func (w *insert) insertedFacts() change.Facts {
	s := w.insertFacts(&w.upsert)
	s.Stored = true
	if w.written == nil || w.readBack {
		s.Computed = nil
	}
	return s
}
