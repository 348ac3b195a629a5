package writes

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// detached returns a copy of a struct or slice of structs, which GORM's assignments change in place of the caller's.
func detached(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Struct:
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		return p.Elem()
	case reflect.Slice, reflect.Array:
		p := reflect.New(reflect.SliceOf(v.Type().Elem())).Elem()
		for i := range v.Len() {
			elem := v.Index(i)
			if elem.Kind() == reflect.Pointer && !elem.IsNil() {
				elem = detached(elem.Elem()).Addr()
			}
			p = reflect.Append(p, elem)
		}
		return p
	default:
		return v
	}
}

// readLiterals splits the assignments into values that are known beforehand and values that the database computes.
func (w *update) readLiterals() {
	w.literals, w.computed = w.literals[:0], nil
	if w.assigned.IsValid() {
		w.assigned.SetZero()
	} else {
		w.assigned = reflect.New(w.schema.ModelType).Elem()
	}
	for _, a := range w.set {
		f := w.schema.LookUpField(a.Column.Name)
		if f == nil {
			continue
		}
		if !computes(a.Value) && f.Set(w.stmt.Context, w.assigned, a.Value) == nil {
			w.literals = append(w.literals, f)
			continue
		}
		if w.computed == nil {
			w.computed = map[*schema.Field]bool{}
		}
		w.computed[f] = true
	}
}

// apply sets the assigned values in a row, except where a receiver has set another one.
func (w *update) apply(i int) {
	ctx, v := w.stmt.Context, w.rows[i].Value()
	for _, f := range w.literals {
		if !w.changes[i][f] {
			rows.Copy(ctx, f, v, w.assigned)
		}
	}
}

// noteChanges compares a row with the one that the statement alone would write. A receiver cannot change columns that GORM would not update.
func (w *update) noteChanges(i int) {
	ctx, v := w.stmt.Context, w.rows[i].Value()
	for _, f := range w.model.Columns {
		expected := w.batch.Copy(i)
		if slices.Contains(w.literals, f) || (rows.Absent(f, expected) && !rows.Absent(f, w.assigned)) {
			expected = w.assigned // an assigned field creates its embedded struct with all its fields
		}
		switch {
		case rows.Same(ctx, f, expected, v):
		case !f.Updatable:
			rows.Copy(ctx, f, v, expected)
		default:
			if w.changes == nil {
				w.changes = map[int]map[*schema.Field]bool{}
			}
			if w.changes[i] == nil {
				w.changes[i] = map[*schema.Field]bool{}
			}
			w.changes[i][f] = true
		}
	}
}

// takeAssignments adopts the assignments that GORM really makes: other callbacks may have changed them, and times are later by now.
func (w *update) takeAssignments() {
	before := slices.Clone(w.literals)
	w.set = w.built.set
	w.readLiterals()
	for i := range w.rows {
		for _, f := range before {
			if !slices.Contains(w.literals, f) && !w.changes[i][f] { // no longer assigned
				rows.Copy(w.stmt.Context, f, w.rows[i].Value(), w.batch.Copy(i))
			}
		}
		w.apply(i)
	}
}

// bulk returns the rows that no receiver changed, which one statement writes.
func (w *update) bulk() []int {
	return slices.DeleteFunc(w.announced(), func(i int) bool { return w.changes[i] != nil })
}

// changed returns the rows that receivers changed, each of which a statement of its own writes.
func (w *update) changed() []int {
	return slices.DeleteFunc(w.announced(), func(i int) bool { return w.changes[i] == nil })
}

// setFor returns the assignments of a row that receivers changed.
func (w *update) setFor(i int) clause.Set {
	set := slices.Clone(w.set)
	for _, f := range w.model.Columns {
		if !w.changes[i][f] {
			continue
		}
		value, _ := f.ValueOf(w.stmt.Context, w.rows[i].Value())
		at := slices.IndexFunc(set, func(a clause.Assignment) bool { return w.schema.LookUpField(a.Column.Name) == f })
		if at < 0 {
			at, set = len(set), append(set, clause.Assignment{Column: clause.Column{Name: f.DBName}})
		}
		set[at].Value = value
	}
	return set
}

// showCaller writes the changes of receivers into the caller's struct if it names the one row, as GORM's own SetColumn does. Otherwise a later Save
// of the struct would write the old values back.
func (w *update) showCaller() {
	to := w.stmt.ReflectValue
	if len(w.changes) == 0 || len(w.rows) != 1 || w.find.several() || to.Kind() != reflect.Struct || to.Type() != w.schema.ModelType || !to.CanAddr() {
		return
	}
	key, set := w.model.KeyOf(w.stmt.Context, to) // if the statement assigns another key, GORM has set it already
	is := func(row reflect.Value) bool { return rows.Identity(key) == w.model.Identity(w.stmt.Context, row) }
	if !set || (!is(w.rows[0].Stored()) && !is(w.rows[0].Value())) {
		return
	}
	for f := range w.changes[0] {
		rows.Copy(w.stmt.Context, f, to, w.rows[0].Value())
	}
}

// assignedOrder returns how an update must take its rows so that no row that it writes changes the result for a later one.
func (w *update) assignedOrder() order {
	by := inBatches
	if w.assignsKeys() {
		by = keysFirst
	}
	for _, a := range w.set {
		if looksFurther(a.Value) {
			return inOneBatch
		}
		f := w.schema.LookUpField(a.Column.Name)
		if f == nil {
			continue
		}
		if computes(a.Value) && slices.ContainsFunc(w.plan.Unique, func(c relations.Constraint) bool { return slices.Contains(c.Fields, f) }) {
			return inOneBatch // a database may check uniqueness at the end of the statement
		}
	}
	return by
}

// looksFurther reports whether an assigned value may depend on other rows.
func looksFurther(value any) bool {
	switch v := value.(type) {
	case clause.Expr:
		return strings.Contains(strings.ToUpper(v.SQL), "SELECT") || slices.ContainsFunc(v.Vars, looksFurther)
	case []any:
		return slices.ContainsFunc(v, looksFurther)
	case clause.Column:
		return false
	}
	return computes(value)
}

// stored returns rows of the batch as they were before the write.
func (w *write) stored(indexes []int) []reflect.Value {
	values := make([]reflect.Value, len(indexes))
	for k, i := range indexes {
		values[k] = w.rows[i].Stored()
	}
	return values
}

func errLooseKey(sender string) error {
	return fmt.Errorf("signals: a receiver changed a row of %s, which cannot be written alone: its primary key does not name exactly this row: "+
		"give the table one that does: %w", sender, gorm.ErrPrimaryKeyRequired)
}
