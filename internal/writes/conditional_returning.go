package writes

import (
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A caller, or another callback right before the SQL, may ask an UPDATE or DELETE to return its rows. GORM puts the rows of its own statement into
// the caller's slice. The functions here do the same for statements beside it.

// into is where a statement beside GORM's own puts the rows that it returns.
type into struct {
	value reflect.Value // a slice, or the one struct
	mode  gorm.ScanMode
	adds  bool // the rows are appended to the slice
}

// returnsInto returns where a statement beside GORM's own puts the rows that it returns, or nil if nobody asks for them.
func (w *conditional) returnsInto() *into {
	c, asked := w.stmt.Clauses["RETURNING"]
	v := w.stmt.ReflectValue
	if !asked || !slices.Contains(w.clauseNames(), "RETURNING") || !v.CanAddr() {
		return nil
	}
	to := &into{value: v}
	if returning, _ := c.Expression.(clause.Returning); !returnsAll(returning) {
		to.mode = gorm.ScanUpdate
	}
	filled := int(w.db.RowsAffected)
	switch {
	case v.Kind() == reflect.Struct && filled == 0:
	case v.Kind() != reflect.Slice:
		return nil
	case w.built.given > 0 && to.mode == gorm.ScanUpdate: // GORM fills existing structs
		if filled >= v.Len() {
			return nil
		}
		to.value = v.Slice(filled, v.Len())
	default:
		to.value, to.adds = reflect.New(v.Type()).Elem(), true
	}
	return to
}

// noteCallers copies the caller's structs before GORM puts the first batch into them: if a later batch fails, none is written.
func (w *conditional) noteCallers() {
	v := w.stmt.ReflectValue
	if _, asked := w.stmt.Clauses["RETURNING"]; !asked || !w.find.several() || !v.CanSet() {
		return
	}
	before := reflect.New(v.Type()).Elem()
	before.Set(v)
	if v.Kind() != reflect.Slice {
		w.giveBack = func() { v.Set(before) }
		return
	}
	elements := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(elements, v)
	w.giveBack = func() {
		v.Set(before)
		reflect.Copy(v, elements)
	}
}

// query runs a statement that returns rows, and puts them where GORM would. It returns their number.
func (w *conditional) query(sql string, vars []any, to *into) (affected int64, err error) {
	begun := time.Now()
	defer func() { w.trace(begun, sql, vars, affected, err) }()
	result, err := w.stmt.ConnPool.QueryContext(w.stmt.Context, sql, vars...)
	if err != nil {
		w.saw(err)
		return 0, err
	}
	defer func() {
		if closing := result.Close(); err == nil {
			err = closing
		}
	}()
	tx := w.db.Session(&gorm.Session{NewDB: true, Context: w.stmt.Context}).Model(w.model.Zero())
	tx.Error = nil
	tx.Statement.Schema, tx.Statement.ReflectValue = w.schema, to.value
	if to.value.CanAddr() {
		tx.Statement.Dest = to.value.Addr().Interface()
	} else {
		tx.Statement.Dest = to.value.Interface()
	}
	gorm.Scan(result, tx, to.mode)
	if tx.AddError(result.Err()) != nil {
		w.saw(tx.Error)
		return 0, tx.Error
	}
	w.db.RowsAffected += tx.RowsAffected
	if to.adds {
		w.stmt.ReflectValue.Set(reflect.AppendSlice(w.stmt.ReflectValue, to.value))
	}
	return tx.RowsAffected, nil
}
