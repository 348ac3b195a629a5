package rows

import (
	"database/sql/driver"
	"reflect"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Most returns the largest number of rows of the model's own table that can meet conditions. It reports false if no condition names primary keys.
func (m *Model) Most(where []clause.Expression) (n int, ok bool) {
	if HasOr(where) || len(m.Keys) == 0 {
		return 0, false
	}
	for _, e := range where {
		if n, ok = m.most(e); ok {
			return n, true
		}
	}
	named := map[string]bool{} // parts of the key that conditions name
	for _, e := range where {
		if eq, ok := e.(clause.Eq); ok && single([]any{eq.Value}) {
			named[m.keyPart(eq.Column)] = true
		}
	}
	return 1, !slices.ContainsFunc(m.Keys, func(f *schema.Field) bool { return !named[f.DBName] })
}

// keyPart returns the name of a column of the model's own table, or "".
func (m *Model) keyPart(column any) string {
	switch c := column.(type) {
	case string:
		return c
	case clause.Column:
		if c.Table == "" || c.Table == clause.CurrentTable || c.Table == Bare(m.Schema.Table) {
			return c.Name
		}
	}
	return ""
}

func (m *Model) most(e clause.Expression) (n int, ok bool) {
	switch e := e.(type) {
	case clause.IN:
		if columns, several := e.Column.([]clause.Column); several {
			return len(e.Values), m.areKeys(columns)
		}
		return len(e.Values), m.isKey(e.Column) && single(e.Values)
	case clause.Eq:
		return 1, m.isKey(e.Column) && single([]any{e.Value})
	case clause.Expr:
		return 1, len(m.Keys) == 1 && e.SQL == m.Keys[0].DBName+" = ?" && single(e.Vars)
	}
	return 0, false
}

// isKey reports whether a column is the whole primary key.
func (m *Model) isKey(column any) bool {
	name := m.keyPart(column)
	return len(m.Keys) == 1 && (name == m.Keys[0].DBName || name == clause.PrimaryKey)
}

// areKeys reports whether columns are those of the primary key.
func (m *Model) areKeys(columns []clause.Column) bool {
	return len(columns) == len(m.Keys) && !slices.ContainsFunc(m.Keys, func(f *schema.Field) bool {
		return !slices.ContainsFunc(columns, func(c clause.Column) bool { return c.Name == f.DBName })
	})
}

// single reports whether each value is one value for the database, and not a list, an expression or a subquery.
func single(values []any) bool {
	return !slices.ContainsFunc(values, func(v any) bool {
		switch v.(type) {
		case driver.Valuer, []byte:
			return false
		}
		switch reflect.ValueOf(v).Kind() {
		case reflect.Slice, reflect.Array, reflect.Struct, reflect.Pointer, reflect.Map, reflect.Func, reflect.Invalid:
			return true
		default:
			return false
		}
	})
}
