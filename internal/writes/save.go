package writes

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
	"github.com/gorm-signals/signals/internal/statement"
)

// save is a write of the UPDATE of a Save, which writes a whole struct.
type save struct {
	conditional

	set clause.Set // what the UPDATE assigns
}

// savedKey returns the primary key of the struct that Save(&p) is about to write, or nil if the statement is another kind of update.
func savedKey(stmt *gorm.Statement, model *rows.Model) []any {
	if !maySave(stmt) || !stmt.ReflectValue.CanAddr() || stmt.ReflectValue.Type() != stmt.Schema.ModelType {
		return nil
	}
	for _, name := range stmt.Omits {
		if columnField(stmt.Schema, name) != nil {
			return nil
		}
	}
	if _, given := stmt.Clauses["SET"]; given || (rows.HasOr(rows.Conditions(stmt)) && (stmt.Unscoped || len(stmt.Schema.UpdateClauses) == 0)) {
		return nil
	}
	key, set := model.KeyOf(stmt.Context, stmt.ReflectValue)
	if !set {
		return nil
	}
	return key
}

// maySave reports whether the statement has the form that Save gives it. Select("*").Updates(&p) has it too.
func maySave(stmt *gorm.Statement) bool {
	byValue := reflect.TypeOf(stmt.Dest) == stmt.Schema.ModelType && reflect.TypeOf(stmt.Model) == stmt.Schema.ModelType
	return stmt.ReflectValue.Kind() == reflect.Struct && (sameValue(stmt.Dest, stmt.Model) || byValue) &&
		len(stmt.Selects) == 1 && stmt.Selects[0] == "*"
}

// before sends pre_save for the struct.
func (w *save) before(key []any) error {
	attach(w)
	w.watchSet()
	if err := w.openLinks(nil, false); err != nil {
		return err
	}
	w.room(1)
	r := w.add(w.stmt.ReflectValue, false)
	w.loaded = w.need() > w.whole()
	*w.facts = w.saveFacts()
	if w.plan.Atomic || w.plan.Needs.Save > dispatch.Keys { // receivers that need only keys have no transaction, as docs/limits.md says
		if err := w.begin(); err != nil {
			return err
		}
	}
	if err := w.beginOrdered(); err != nil {
		return err
	}
	if !w.loaded && !w.dialect().LocksGaps() {
		return w.sendPreSave()
	}
	if err := w.begin(); err != nil {
		return err
	}
	set, err := w.readSaved(key)
	switch {
	case err != nil:
		return err
	case set.Len() > 0 && !w.loaded:
		return w.sendPreSave()
	case set.Len() > 0:
		r.Original = set.Row(0).Addr().Interface()
		r.Unread = change.UnreadOf(set.Unfit(0))
		return w.sendPreSave()
	case statement.CalledBySave():
		return w.preInsert()
	}
	w.rows = nil
	w.findNone()
	return nil
}

// whole is the highest need that the struct meets without the stored row. The struct is the whole row, but receivers of pre_save get Created too.
func (w *save) whole() dispatch.Need {
	if len(w.plan.Entries[dispatch.PreSave]) == 0 {
		return dispatch.Row
	}
	return dispatch.Keys
}

// findNone keeps the UPDATE of a Save from finding a row.
func (w *conditional) findNone() {
	w.watch("UPDATE")
	w.find.none = true
}

func (w *write) sendPreSave() error {
	if err := w.send(dispatch.PreSave, &w.pre); err != nil {
		return err
	}
	return w.sendLinks(false)
}

// readSaved reads the row that the UPDATE of a struct will find.
func (w *save) readSaved(key []any) (*rows.Set, error) {
	q := rows.Query{KeysOnly: !w.loaded}
	_, from := w.stmt.Clauses["FROM"]
	if len(rows.Conditions(w.stmt)) == 0 && !from && w.plainScope() {
		q.Scoped = !w.stmt.Unscoped
		return w.lockFound(func(lock bool) (*rows.Set, error) {
			q.Lock = lock && w.lockable()
			return w.model.ByKey(w.db, key, q)
		})
	}
	stmt := w.scratch(w.schema.UpdateClauses)
	callbacks.ConvertToAssignments(stmt)
	q.Where = rows.Conditions(stmt)
	return w.lockFound(func(lock bool) (*rows.Set, error) {
		q.Lock = lock && w.lockable()
		return w.model.Find(w.db, q)
	})
}

// preInsert sends pre_save for a Save whose UPDATE will find no row. GORM goes on with an INSERT in a statement of its own, which sends post_save. It
// inserts the row, or overwrites a row with this key that the scope or a condition hides.
func (w *conditional) preInsert() error {
	w.findNone() // the UPDATE would lock a gap, or find a row that another connection inserts meanwhile
	if err := w.takeSaved(); err != nil {
		return err
	}
	return w.sendPreSave()
}

// takeSaved makes the struct of a Save the row of the write, with the stored row of the same key as its original.
func (w *conditional) takeSaved() error {
	u := upsert{inserts: w.insertFields()}
	w.rows = nil
	w.room(1)
	r := w.add(w.addressable(w.stmt.ReflectValue), true)
	key, has := w.model.KeyOf(w.stmt.Context, r.Value())
	if !has {
		*w.facts = w.insertFacts(&u)
		return nil
	}
	set, err := w.lockFound(func(lock bool) (*rows.Set, error) {
		return w.model.ByKey(w.db, key, rows.Query{Lock: lock && w.lockable()})
	})
	if err != nil {
		return err
	}
	if r.Created = set.Len() == 0; !r.Created {
		r.Original = set.Row(0).Addr().Interface()
		if u.inserts != nil { // with Omit, the overwritten row keeps some columns
			u = w.upsertOf(clause.OnConflict{UpdateAll: true}, u.inserts)
		}
	}
	*w.facts = w.insertFacts(&u)
	return nil
}

// build has nothing to do: the write is one statement.
func (w *save) build() error { return nil }

// ran runs after GORM's UPDATE.
func (w *save) ran() {
	w.succeeded = w.db.Error == nil
	w.putBackClauses()
}

// after sends post_save for the struct.
func (w *save) after() {
	defer w.goOn(true)
	defer w.unwatchSet()
	if w.stands() && !w.find.none {
		w.fail(w.sendSaved())
	}
}

// sendSaved sends post_save, unless the UPDATE has found no row. MySQL does not count a row that keeps its values.
func (w *save) sendSaved() error {
	mayBeFound := w.db.Error == nil && !w.dialect().CountsUnchanged() && w.loaded
	if len(w.rows) == 0 || (w.db.RowsAffected == 0 && !mayBeFound) {
		return nil
	}
	if err := w.showSaved(); err != nil {
		return err
	}
	if w.db.RowsAffected == 0 && (w.assignsOther() || statement.CalledBySave()) {
		return nil
	}
	w.turn()
	w.told[1] = w.saveFacts()
	w.missOriginals()
	return w.sendPost(dispatch.PostSave)
}

// assignsOther reports whether the UPDATE of a Save assigns a value that is not stored already. Then MySQL would have counted a row that it found.
func (w *save) assignsOther() bool {
	for _, a := range w.set {
		if f := w.schema.LookUpField(a.Column.Name); f == nil || computes(a.Value) || w.rows[0].FieldChanged(w.stmt.Context, f) {
			return true
		}
	}
	return false
}

// saveFacts returns the facts of the UPDATE of a Save.
func (w *save) saveFacts() change.Facts {
	s := w.statementFacts()
	s.Strategy, s.Live = change.WholeRow{}, w.findsLive()
	return s
}

// goOn leaves a note for the INSERT of a Save whose UPDATE has written no row. own says that its row is the caller's struct.
func (w *conditional) goOn(own bool) {
	names := statement.Names(w.stmt)
	if names == nil || w.db.Error != nil || w.db.RowsAffected > 0 || !statement.CalledBySave() {
		return
	}
	l := &statement.Leftover{Announced: len(w.rows) > 0}
	if l.Announced && own {
		l.Value = w.rows[0].Value()
	}
	w.reg.unsaved.Leave(names, l)
}
