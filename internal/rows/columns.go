package rows

import (
	"database/sql"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// A field may have no column in the table: joins fill it, or its migration has not run. So the first read of a table selects *, as GORM does, and
// learns the columns. If every field has a column, later reads name the columns. They read no columns that the model does not know, and prepared
// statements of PostgreSQL survive ALTER TABLE ADD.

// shape says whether a table has a column for every field.
type shape = int32

const (
	unread   shape = iota
	complete       // it has a column for every field
	lacking        // it does not: reads select *
)

// shapes remembers the shapes of a model's tables.
type shapes struct {
	own    atomic.Int32 // of the model's own table
	others sync.Map     // name to shape
}

func (s *shapes) of(m *Model, stmt *gorm.Statement) shape {
	switch {
	case stmt.TableExpr != nil: // each statement may name another table
		return lacking
	case stmt.Table == m.Schema.Table:
		return s.own.Load()
	}
	known, _ := s.others.Load(stmt.Table)
	is, _ := known.(shape)
	return is
}

func (s *shapes) note(m *Model, stmt *gorm.Statement, is shape) {
	switch {
	case stmt.TableExpr != nil:
	case stmt.Table == m.Schema.Table:
		s.own.Store(is)
	default:
		s.others.Store(stmt.Table, is)
	}
}

// HasAllColumns reports whether the table of a statement is known to have a column for every field.
func (m *Model) HasAllColumns(stmt *gorm.Statement) bool { return m.shapes.of(m, stmt) == complete }

// names reports whether a read names its columns.
func (m *Model) names(db *gorm.DB, q Query) bool {
	return q.KeysOnly || m.shapes.of(m, db.Statement) == complete
}

// choose returns the columns that a query reads. It names their table only if the statement joins others: plugins that redirect a statement rewrite
// only the name of the table.
func (m *Model) choose(stmt *gorm.Statement, q Query, joined bool) clause.Select {
	columns := m.columns
	switch {
	case q.KeysOnly:
		columns = m.keyColumns
	case !q.named && !joined:
		return clause.Select{Expression: clause.Expr{SQL: "*"}}
	case !q.named:
		return clause.Select{Expression: clause.Expr{SQL: "?.*", Vars: []any{clause.Table{Name: stmt.Table}}}}
	}
	sel := clause.Select{Columns: make([]clause.Column, len(columns))}
	for i, c := range columns {
		if sel.Columns[i].Name = c.field.DBName; joined {
			sel.Columns[i].Table = clause.CurrentTable
		}
	}
	return sel
}

// outdated reports whether a read failed because a named column is gone, so that the caller can repeat it with SELECT *. On PostgreSQL the failed
// statement has ended the transaction: there only later reads use SELECT *.
func (m *Model) outdated(db *gorm.DB, q Query, err error) bool {
	if err == nil || q.KeysOnly || !q.named {
		return false
	}
	m.shapes.note(m, db.Statement, unread)
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no such column") || strings.Contains(text, "unknown column")
}

// match returns a scanner for the columns of a result, and learns the table's columns and their types.
func (m *Model) match(db *gorm.DB, result *sql.Rows) (*scanner, error) {
	names, err := result.Columns()
	if err != nil {
		return nil, err
	}
	s := newScanner(make([]column, len(names)))
	for i, name := range names {
		f := m.fieldOf(name, names)
		at := slices.IndexFunc(m.columns, func(c column) bool { return c.field == f })
		if at < 0 {
			s.columns[i].raw, s.dest[i] = true, ignored{}
			continue
		}
		s.columns[i] = m.columns[at]
	}
	is := complete
	for _, c := range m.columns {
		if !slices.Contains(names, c.field.DBName) {
			is = lacking
		}
	}
	m.shapes.note(m, db.Statement, is)
	m.learnTypes(db.Statement, s, result)
	return s, nil
}

// fieldOf returns the field of a column, or nil. If the column is spelled differently, it counts only if no other column has the field's own name.
func (m *Model) fieldOf(name string, names []string) *schema.Field {
	if f := m.Schema.FieldsByDBName[name]; f != nil {
		return f
	}
	f := m.Schema.LookUpField(name)
	if f == nil {
		at := slices.IndexFunc(m.Schema.DBNames, func(column string) bool { return strings.EqualFold(column, name) })
		if at < 0 {
			return nil
		}
		f = m.Schema.FieldsByDBName[m.Schema.DBNames[at]]
	}
	if slices.Contains(names, f.DBName) {
		return nil
	}
	return f
}

// ignored drops the values of a column that the model does not know.
type ignored struct{}

// Scan takes any value.
func (ignored) Scan(any) error { return nil }
