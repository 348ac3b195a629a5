package signals

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// readAssignments lets GORM work out on a statement of ours what the real one will assign, and returns the conditions that
// it makes of the keys in Model and Dest.
func (w *write) readAssignments() []clause.Expression {
	stmt := w.stmt
	if given, ok := stmt.Clauses["SET"].Expression.(clause.Set); ok {
		w.update.set = given
		w.readLiterals()
		return nil
	}
	scratch := &gorm.Statement{
		DB: &gorm.DB{Config: w.db.Config}, Schema: stmt.Schema, Table: stmt.Table, Context: stmt.Context,
		Dest: stmt.Dest, Model: stmt.Model, Selects: stmt.Selects, Omits: stmt.Omits,
		ReflectValue: detached(stmt.ReflectValue), Clauses: map[string]clause.Clause{},
	}
	scratch.Statement = scratch
	w.update.set = callbacks.ConvertToAssignments(scratch)
	w.readLiterals()
	return rows.Conditions(scratch)
}

// detached returns a copy of a struct or slice of structs, so that GORM's assignments to it reach nobody.
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

// readLiterals splits the assignments into values that are known beforehand and what the database computes.
func (w *write) readLiterals() {
	u := w.update
	u.literals, u.assigned, w.computed = u.literals[:0], reflect.New(w.schema.ModelType).Elem(), nil
	for _, a := range u.set {
		f := w.schema.LookUpField(a.Column.Name)
		if f == nil {
			continue
		}
		if !computes(a.Value) && f.Set(w.stmt.Context, u.assigned, a.Value) == nil {
			u.literals = append(u.literals, f)
			continue
		}
		if w.computed == nil {
			w.computed = map[*schema.Field]bool{}
		}
		w.computed[f] = true
	}
}

// replay assigns to the caller's value what GORM would, had it worked out the assignments itself. It reports false when
// something may have changed that they depend on, so that GORM must.
func (w *write) replay() bool {
	if len(w.schema.Relationships.BelongsTo) > 0 {
		return false // saving them sets foreign keys
	}
	if byName, ok := w.stmt.Dest.(map[string]any); ok {
		for name := range byName {
			if f := w.schema.LookUpField(name); f != nil && f.DBName == "" {
				return false // it is assigned, and is no column
			}
		}
	}
	v := w.stmt.ReflectValue
	if !v.CanAddr() {
		return true
	}
	for _, a := range w.update.set {
		f := w.schema.LookUpField(a.Column.Name)
		switch {
		case f == nil:
		case v.Kind() == reflect.Struct:
			_ = f.Set(w.stmt.Context, v, a.Value) // GORM leaves out what the field cannot take
		case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
			for i := range v.Len() {
				_ = f.Set(w.stmt.Context, v.Index(i), a.Value)
			}
		}
	}
	return true
}

// named returns the names of the fields that a write names; nil means all.
func (w *write) named() []string {
	if w.fields == nil && w.update != nil && w.update.set != nil {
		w.fields = w.updateFields()
	}
	return w.fields
}

// updateFields returns the names of the assigned fields, without times that GORM sets by itself.
func (w *write) updateFields() []string {
	byHand, _ := w.stmt.Dest.(map[string]any)
	fields := make([]string, 0, len(w.update.set))
	for _, column := range w.schema.DBNames {
		f := w.schema.FieldsByDBName[column]
		named := slices.ContainsFunc(w.update.set, func(a clause.Assignment) bool { return a.Column.Name == column })
		_, byName := byHand[f.Name]
		_, byColumn := byHand[column]
		if named && (f.AutoUpdateTime == 0 || byName || byColumn) {
			fields = append(fields, w.model.Name(f))
		}
	}
	return fields
}

// assignedOrder returns how an update must go through its rows so that what is written first does not change what comes
// later.
func (w *write) assignedOrder() order {
	by := inBatches
	for _, a := range w.update.set {
		if looksFurther(a.Value) {
			return inOneBatch
		}
		f := w.schema.LookUpField(a.Column.Name)
		if f == nil {
			continue
		}
		if f.PrimaryKey {
			by = keysFirst
		}
		if computes(a.Value) && slices.ContainsFunc(w.plan.unique, func(c constraint) bool { return slices.Contains(c.fields, f) }) {
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

// updateKey returns the one key that an update names when that is its whole condition.
func (w *write) updateKey(own []clause.Expression) []any {
	if len(w.model.Keys) == 0 || len(own) != len(w.model.Keys) || len(rows.Conditions(w.stmt)) > 0 ||
		w.stmt.ReflectValue.Kind() != reflect.Struct || w.stmt.ReflectValue.Type() != w.schema.ModelType {
		return nil
	}
	key, set := w.model.KeyOf(w.stmt.Context, w.stmt.ReflectValue)
	if !set {
		return nil
	}
	return key
}

// stored returns rows of the batch as they were before the write.
func (w *write) stored(indexes []int) []reflect.Value {
	values := make([]reflect.Value, len(indexes))
	for k, i := range indexes {
		values[k] = w.rows[i].stored()
	}
	return values
}

func errNoKey(sender string) error {
	return fmt.Errorf("signals: a receiver changed a row of %s, which cannot be written alone: give the model a primary key: %w",
		sender, gorm.ErrPrimaryKeyRequired)
}
