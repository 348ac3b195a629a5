package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// GORM writes the rows that an INSERT returns into the structs of a slice, from the first struct on. If the database skips rows, it returns fewer,
// and keys end up in the structs of other rows: https://github.com/go-gorm/gorm/blob/v1.31.2/scan.go#L274-L297

// returned is the state of an INSERT of several rows that may return fewer.
type returned struct {
	before    reflect.Value   // a slice of the rows before the INSERT
	fields    []*schema.Field // the columns that the INSERT returns; nil when it returns none
	all       bool            // the caller asked for every column: GORM then makes a new slice
	places    []int           // the structs that GORM fills, in this order
	got       reflect.Value   // a slice of the returned rows
	doNothing bool            // GORM skips structs with a value in one of the columns
	savepoint string          // set before the INSERT, so that it can be undone; empty without one
}

// noteReturned copies the rows right before an INSERT. It sets a savepoint if keys may not show later which rows were written.
func (w *insert) noteReturned() error {
	skips := w.maySkip()
	if len(w.rows) < 2 || (!skips && !w.returns()) {
		return nil
	}
	kept := &returned{before: reflect.MakeSlice(reflect.SliceOf(w.schema.ModelType), len(w.rows), len(w.rows))}
	w.returned = kept
	keyed := true // all rows have a key
	for i := range w.rows {
		v := w.rows[i].Value()
		kept.before.Index(i).Set(v)
		if skips && keyed {
			_, keyed = w.keyOf(v)
		}
	}
	w.findReturned()
	if skips && (!keyed || w.hasCondition()) && (w.race == nil || !w.dialect().NotesFound() || !w.returns()) { // MariaDB returns all keys
		var err error
		kept.savepoint, err = w.setSavepoint("insert")
		return err
	}
	return nil
}

// findReturned finds out which columns the INSERT returns, and into which structs GORM writes them.
func (w *insert) findReturned() {
	kept := w.returned
	kept.places = nil
	if !w.returns() {
		return
	}
	kept.fields = slices.DeleteFunc(slices.Clone(w.schema.FieldsWithDefaultDBValue), func(f *schema.Field) bool { return !f.Readable })
	if c, asked := w.stmt.Clauses["RETURNING"]; asked {
		returning, _ := c.Expression.(clause.Returning)
		kept.fields = w.returnedFields(returning)
		kept.all = returnsAll(returning)
	}
	if w.maps != nil { // GORM appends returned rows to the maps, and skips none
		kept.fields = slices.DeleteFunc(kept.fields, func(f *schema.Field) bool { return !slices.Contains(w.schema.FieldsWithDefaultDBValue, f) })
		kept.all, kept.places = false, w.all()
		return
	}
	conflict, _ := w.stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	kept.doNothing = conflict.DoNothing && !kept.all && w.dialect().SkipsValued()
	for i := range w.rows {
		if !kept.doNothing || !w.anyValued(kept.before.Index(i)) {
			kept.places = append(kept.places, i)
		}
	}
}

// returnedFields returns the fields that the caller's RETURNING names.
func (w *insert) returnedFields(returning clause.Returning) []*schema.Field {
	fields := make([]*schema.Field, 0, len(w.schema.DBNames))
	for _, column := range w.schema.DBNames {
		named := func(c clause.Column) bool {
			return w.schema.LookUpField(c.Name) == w.schema.FieldsByDBName[column] || c.Name == "*"
		}
		if len(returning.Columns) == 0 || slices.ContainsFunc(returning.Columns, named) {
			fields = append(fields, w.schema.FieldsByDBName[column])
		}
	}
	return fields
}

// anyValued reports whether a struct has a value in a column that the INSERT returns. GORM skips such structs when it reads what DO NOTHING returned.
func (w *insert) anyValued(v reflect.Value) bool {
	return slices.ContainsFunc(w.returned.fields, func(f *schema.Field) bool {
		_, zero := f.ValueOf(w.stmt.Context, v)
		return !zero
	})
}

// countWritten returns how many rows the INSERT wrote. It is not exact if GORM's number may include structs that it skipped.
func (w *insert) countWritten() (n int, exact bool) {
	n = int(w.db.RowsAffected)
	if w.returned == nil || w.returned.fields == nil || !w.returned.doNothing || n == 0 {
		return n, true
	}
	filled := 0
	for _, i := range w.returned.places {
		if w.anyValued(w.rows[i].Value()) {
			filled++
		}
	}
	return filled, filled < len(w.returned.places) || filled == len(w.rows)
}

// place gives the returned values to the rows that the INSERT wrote, and takes them from the other rows.
func (w *insert) place(written []int) {
	kept := w.returned
	if kept == nil || kept.fields == nil || len(written) > len(kept.places) || (len(written) == len(w.rows) && !kept.all) {
		return // nothing is in the wrong struct
	}
	got := w.gotten()
	w.disown()
	next := 0 // rows are returned in their order
	for i := range w.rows {
		from := kept.before.Index(i)
		if next < len(written) && written[next] == i {
			from = got.Index(next)
			next++
		}
		w.setReturned(i, from)
	}
}

// returnsAll reports whether a clause returns whole rows, for which GORM makes new structs.
func returnsAll(returning clause.Returning) bool {
	return len(returning.Columns) == 0 || (len(returning.Columns) == 1 && returning.Columns[0].Name == "*")
}

// takeElements makes the elements of the caller's slice the instances. GORM puts new ones there if the INSERT returns all columns.
func (w *insert) takeElements() {
	all := w.stmt.ReflectValue
	if all.Kind() != reflect.Slice || w.maps != nil || all.Len() != len(w.rows) {
		return
	}
	for i := range w.rows {
		if elem := reflect.Indirect(all.Index(i)); elem.CanAddr() && elem.Type() == w.schema.ModelType {
			w.rows[i].Instance = elem.Addr().Interface()
		}
	}
}

// gotten returns the rows that GORM read from the INSERT. Its first call copies them, before anything is restored.
func (w *insert) gotten() reflect.Value {
	kept := w.returned
	if kept.got.IsValid() {
		return kept.got
	}
	kept.got = reflect.MakeSlice(kept.before.Type(), len(kept.places), len(kept.places))
	for k, i := range kept.places {
		from := w.rows[i].Value()
		if kept.all && k < w.stmt.ReflectValue.Len() {
			from = reflect.Indirect(w.stmt.ReflectValue.Index(k))
		}
		kept.got.Index(k).Set(from)
	}
	return kept.got
}

// disown makes the instances copies: the caller's structs stay as GORM leaves them, perhaps with the keys of other rows.
func (w *insert) disown() {
	for i := range w.rows {
		from := w.rows[i].Value()
		if w.returned.all {
			from = w.returned.before.Index(i)
		}
		own := reflect.New(w.schema.ModelType)
		own.Elem().Set(from)
		w.rows[i].Instance = own.Interface()
	}
}

// setReturned sets the columns that the INSERT returns.
func (w *insert) setReturned(i int, from reflect.Value) {
	for _, f := range w.returned.fields {
		rows.Copy(w.stmt.Context, f, w.rows[i].Value(), from)
	}
}

// restoreReturned gives the returned columns of all rows their values from before the INSERT.
func (w *insert) restoreReturned() {
	for i := range w.rows {
		w.setReturned(i, w.returned.before.Index(i))
	}
}

// fillReturned writes the values that the database returned for rows inserted again into the caller's structs, where GORM would have written them. A
// database gives each key only once.
func (w *insert) fillReturned() {
	if w.maps != nil {
		w.maps.fillReturned(w)
		return
	}
	structs := w.stmt.ReflectValue
	if w.returned.fields == nil || (structs.Kind() != reflect.Slice && structs.Kind() != reflect.Array) {
		return
	}
	next := 0
	for i := range w.rows {
		if w.rows[i].Silent || next == len(w.returned.places) {
			continue
		}
		at := w.returned.places[next]
		if w.returned.all {
			at = next
		}
		next++
		if at >= structs.Len() {
			return
		}
		to := reflect.Indirect(structs.Index(at))
		if to.Type() != w.schema.ModelType {
			return
		}
		for _, f := range w.returned.fields {
			rows.Copy(w.stmt.Context, f, to, w.rows[i].Value())
		}
	}
}
