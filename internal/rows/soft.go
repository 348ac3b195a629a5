package rows

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// A column is for soft delete if the clauses of its type turn a DELETE into another statement. Clauses that only add conditions do not count. The
// package applies the clauses to a statement that nobody runs. So types of GORM, of gorm.io/plugin/soft_delete and of programs all work.

// soft is a column that marks deleted rows.
type soft struct {
	field *schema.Field
	live  []clause.Expression // conditions on the column that leave deleted rows out
	zero  bool                // a delete assigns the zero value
}

// Soft returns the soft delete fields.
func (m *Model) Soft(db *gorm.DB) []*schema.Field {
	all := m.softs(db)
	fields := make([]*schema.Field, len(all))
	for i := range all {
		fields[i] = all[i].field
	}
	return fields
}

// Hidden reports whether a row whose fields have these values is soft-deleted.
func (m *Model) Hidden(db *gorm.DB, value func(*schema.Field) any) bool {
	for _, s := range m.softs(db) {
		if !s.shows(value(s.field)) {
			return true
		}
	}
	return false
}

// softs finds the soft delete columns, once.
func (m *Model) softs(db *gorm.DB) []soft {
	m.softOnce.Do(func() {
		for _, f := range m.Schema.Fields {
			if f.DBName == "" {
				continue
			}
			zero := reflect.New(f.IndirectFieldType).Interface()
			deletes, ok := zero.(schema.DeleteClausesInterface)
			if !ok {
				continue
			}
			stmt := m.try(db, func() []clause.Interface { return deletes.DeleteClauses(f) })
			if text := strings.ToUpper(strings.TrimSpace(stmt.SQL.String())); text == "" || strings.HasPrefix(text, "DELETE") {
				continue
			}
			s := soft{field: f, zero: assignsZero(stmt, f)}
			if queries, ok := zero.(schema.QueryClausesInterface); ok {
				s.live = Conditions(m.try(db, func() []clause.Interface { return queries.QueryClauses(f) }))
			}
			m.soft = append(m.soft, s)
		}
	})
	return m.soft
}

// try applies the clauses of a field's type to a statement of its own. If they panic, it returns the statement as it is then.
func (m *Model) try(db *gorm.DB, clauses func() []clause.Interface) (stmt *gorm.Statement) {
	tx := db.Session(&gorm.Session{NewDB: true, DryRun: true, SkipHooks: true, Context: context.Background()})
	row := reflect.New(m.Schema.ModelType)
	tx = tx.Model(row.Interface())
	stmt = tx.Statement
	stmt.Schema, stmt.Table, stmt.Dest, stmt.ReflectValue = m.Schema, m.Schema.Table, row.Interface(), row.Elem()
	defer func() { _ = recover() }()
	for _, c := range clauses() {
		stmt.AddClause(c)
	}
	return stmt
}

// assignsZero reports whether a soft delete assigns the zero value to its column.
func assignsZero(stmt *gorm.Statement, f *schema.Field) bool {
	set, _ := stmt.Clauses["SET"].Expression.(clause.Set)
	for _, a := range set {
		if a.Column.Name == f.DBName {
			return zeroOrNull(a.Value)
		}
	}
	return false
}

func zeroOrNull(v any) bool {
	v = plain(v)
	return v == nil || reflect.ValueOf(v).IsZero()
}

// shows reports whether a query with the model's scope finds a row with this value.
func (s soft) shows(value any) bool {
	if len(s.live) > 0 {
		shown, known := true, true
		for _, e := range s.live {
			holds, ok := s.holds(e, value)
			shown, known = shown && holds, known && ok
		}
		if known {
			return shown
		}
	}
	return zeroOrNull(value) != s.zero
}

// holds evaluates a condition on the column. known is false if the condition is not a simple one.
func (s soft) holds(e clause.Expression, value any) (holds, known bool) {
	switch e := e.(type) {
	case clause.Eq:
		return s.equals(e.Column, e.Value, value)
	case clause.Neq:
		holds, known = s.equals(e.Column, e.Value, value)
		return !holds && (plain(e.Value) == nil || plain(value) != nil), known
	case clause.AndConditions:
		for _, part := range e.Exprs {
			if holds, known = s.holds(part, value); !holds || !known {
				return holds, known
			}
		}
		return true, true
	}
	return false, false
}

func (s soft) equals(column, want, value any) (holds, known bool) {
	name, _ := column.(string)
	if c, ok := column.(clause.Column); ok {
		name = c.Name
	}
	if name != s.field.DBName {
		return false, false
	}
	want, value = plain(want), plain(value)
	if want == nil {
		return value == nil || (!nullable(s.field.FieldType) && s.field.FieldType.Kind() != reflect.Pointer && zeroOrNull(value)), true
	}
	if value == nil {
		return false, true
	}
	if at, isTime := value.(time.Time); isTime {
		text, isText := want.(string)
		if !isText {
			other, ok := want.(time.Time)
			return ok && at.Equal(other), ok
		}
		other, ok := parseTime(text)
		const clock = "2006-01-02 15:04:05.999999999"
		return at.Format(clock) == other.Format(clock) || at.Equal(other), ok
	}
	return Identity([]any{value}) == Identity([]any{want}), true
}

// parseTime reads a time as GORM reads one.
func parseTime(text string) (time.Time, bool) {
	type row struct{ At time.Time }
	var r row
	s, err := schema.Parse(&r, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		return r.At, false
	}
	err = s.FieldsByName["At"].Set(context.Background(), reflect.ValueOf(&r).Elem(), text)
	return r.At, err == nil
}
