package writes

import (
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// check compares the number of rows that a statement changed with the number that it announced. If it is smaller, check finds and silences the rows
// that a trigger, UPDATE IGNORE or another connection kept. If it is larger, the write fails.
func (w *conditional) check(indexes []int, affected int64) error {
	w.affected += affected
	announced := int64(len(indexes))
	switch {
	case affected == announced:
		return nil
	case affected > announced:
		return fmt.Errorf("signals: a statement on %s has changed %d rows, of which %d were read before: "+
			"rows were added meanwhile, or share a key: write again, or in a transaction with a stricter isolation level",
			w.stmt.Table, affected, announced)
	case affected == 0 && w.dialect().CountsUnchanged():
		for _, i := range indexes {
			w.rows[i].Silent = true
		}
		return nil
	case w.find.loose:
		return w.checkLoose(indexes, affected)
	case w.do.uncounted(indexes, affected):
		return nil
	}
	return w.do.silenceUnwritten(indexes, affected)
}

// checkLoose is check for loose rows.
func (w *conditional) checkLoose(indexes []int, affected int64) error {
	switch {
	case w.do.uncounted(indexes, affected):
		return nil
	case affected == 0:
		w.silenceAll()
		return nil
	}
	return fmt.Errorf("signals: a statement on %s has changed %d of %d rows, and no key tells which: give the table a primary key",
		w.stmt.Table, affected, len(indexes))
}

// uncounted reports whether rows may have kept their values, which MySQL does not count.
func (w *update) uncounted(indexes []int, affected int64) bool {
	if w.dialect().CountsUnchanged() {
		return false
	}
	if !w.loaded {
		return w.find.loose
	}
	return affected == w.countChanging(indexes)
}

func (w *remove) uncounted([]int, int64) bool { return false }

// countChanging counts the rows whose values the statement changes. It returns -1 if the database computes some.
func (w *update) countChanging(indexes []int) int64 {
	if len(w.computed) > 0 {
		return -1
	}
	n := int64(0)
	for _, i := range indexes {
		if w.differs(w.assignedTo(i), w.rows[i].Stored(), w.rows[i].Value()) {
			n++
		}
	}
	return n
}

// assignedTo returns the fields that the statement of a row assigns.
func (w *update) assignedTo(i int) []*schema.Field {
	var fields []*schema.Field
	for _, a := range w.set {
		if f := w.schema.LookUpField(a.Column.Name); f != nil && f.DBName != "" {
			fields = append(fields, f)
		}
	}
	for f := range w.changes[i] {
		fields = append(fields, f)
	}
	return fields
}

func (w *conditional) differs(fields []*schema.Field, a, b reflect.Value) bool {
	return slices.ContainsFunc(fields, func(f *schema.Field) bool {
		return f.Readable && rows.Changed(w.stmt.Context, w.db.Name(), f, a, b)
	})
}

// silenceUnwritten silences rows of a DELETE that are still there, or those of a soft delete for which its conditions still hold.
func (w *remove) silenceUnwritten(indexes []int, _ int64) error {
	q := rows.Query{KeysOnly: true}
	if w.soft {
		q.Where = rows.Group(w.built.where)
	}
	keys := make([][]any, len(indexes))
	for k, i := range indexes {
		keys[k], _ = w.model.KeyOf(w.stmt.Context, w.rows[i].Stored())
	}
	found, err := w.readKeysOf(keys, q)
	if err != nil {
		return err
	}
	for _, i := range indexes {
		if _, kept := found[w.model.Identity(w.stmt.Context, w.rows[i].Stored())]; kept {
			w.rows[i].Silent = true
		}
	}
	return nil
}

// silenceUnwritten silences rows of an UPDATE that are unchanged. Rows to which it assigns their old values prove nothing: as many of them count as
// written as the database has counted beyond the others.
func (w *update) silenceUnwritten(indexes []int, affected int64) error {
	keys := make([][]any, len(indexes))
	for k, i := range indexes {
		keys[k], _ = w.model.KeyOf(w.stmt.Context, w.rows[i].Value())
	}
	found, err := w.readKeysOf(keys, rows.Query{})
	if err != nil {
		return err
	}
	var unsure []int
	for _, i := range indexes {
		r := &w.rows[i]
		now, there := found[w.model.Identity(w.stmt.Context, r.Value())]
		fields := w.assignedTo(i)
		switch {
		case !there:
			r.Silent = true
		case w.loaded && w.differs(fields, r.Stored(), now):
			affected--
		case w.differs(w.foreseen(fields), r.Value(), now): // it should have another value
			r.Silent = true
		default:
			unsure = append(unsure, i)
		}
	}
	if !w.dialect().CountsUnchanged() || w.countsReturned() || affected >= int64(len(unsure)) {
		return nil
	}
	if !w.loaded && len(w.computed) > 0 && affected > 0 {
		return fmt.Errorf("signals: a statement on %s has changed fewer rows than were read before, and their keys do not tell which: "+
			"connect receivers of %s with signals.Needs(signals.Original)", w.stmt.Table, w.plan.Sender)
	}
	for _, i := range unsure[max(0, affected):] {
		w.rows[i].Silent = true
	}
	return nil
}

// countsReturned reports whether GORM has counted the rows that it scanned into one struct, which is one at most.
func (w *conditional) countsReturned() bool {
	_, returning := w.stmt.Clauses["RETURNING"]
	return returning && w.stmt.ReflectValue.Kind() == reflect.Struct
}

// foreseen returns the fields whose assigned values are known beforehand.
func (w *update) foreseen(fields []*schema.Field) []*schema.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f *schema.Field) bool { return w.computed[f] })
}
