package rows

import (
	"database/sql"
	"reflect"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// maxPairs is how many values one statement of Pairs compares. SQLite allows 500 parts of a UNION.
const maxPairs = 200

// Pairs asks the database which stored rows hold which of the values in some fields. The database decides what is equal: its collation may
// ignore the case of texts. Pairs calls found with the index of the values and a row in which only the fields are filled.
func (m *Model) Pairs(db *gorm.DB, fields []*schema.Field, values [][]any, where []clause.Expression, found func(i int, row reflect.Value)) error {
	for from := 0; from < len(values); from += maxPairs {
		some := values[from:min(from+maxPairs, len(values))]
		if err := m.pairs(db, fields, some, where, func(i int, row reflect.Value) { found(from+i, row) }); err != nil {
			return err
		}
	}
	return nil
}

func (m *Model) pairs(db *gorm.DB, fields []*schema.Field, values [][]any, where []clause.Expression, found func(i int, row reflect.Value)) (err error) {
	stmt := m.buildPairs(db, fields, values, where)
	if stmt.Error != nil {
		return stmt.Error
	}
	begun, n, text := time.Now(), int64(0), stmt.SQL.String()
	defer func() { Trace(stmt.Context, db, begun, text, stmt.Vars, n, err) }()
	return query(stmt, db.Name(), text, stmt.Vars, func(result *sql.Rows) error {
		n, err = m.scanPairs(stmt, fields, result, found)
		return err
	})
}

// buildPairs makes a SELECT of its own for each of the values, so that the database compares the column with the value itself, by the
// column's type and collation.
func (m *Model) buildPairs(db *gorm.DB, fields []*schema.Field, values [][]any, where []clause.Expression) *gorm.Statement {
	from := db.Statement
	tx := db.Session(&gorm.Session{NewDB: true}).Model(m.zero)
	tx.Error = nil
	stmt := tx.Statement
	stmt.Schema, stmt.Table, stmt.TableExpr = m.Schema, from.Table, from.TableExpr
	for i := range values {
		if i > 0 {
			_, _ = stmt.WriteString(" UNION ALL ")
		}
		_, _ = stmt.WriteString("SELECT " + strconv.Itoa(i))
		for _, f := range fields {
			_ = stmt.WriteByte(',')
			stmt.WriteQuoted(clause.Column{Table: clause.CurrentTable, Name: f.DBName})
		}
		_, _ = stmt.WriteString(" FROM ")
		stmt.WriteQuoted(clause.Table{Name: clause.CurrentTable})
		_, _ = stmt.WriteString(" WHERE ")
		clause.Where{Exprs: append([]clause.Expression{In("", fields, values[i:i+1])}, where...)}.Build(stmt)
	}
	return stmt
}

func (m *Model) scanPairs(stmt *gorm.Statement, fields []*schema.Field, result *sql.Rows, found func(i int, row reflect.Value)) (n int64, err error) {
	s := &scanner{cells: make([]any, len(fields)), dest: make([]any, len(fields)+1)}
	var i int
	for at, f := range fields {
		s.columns = append(s.columns, column{field: f, direct: direct(f)})
		s.dest[at+1] = &s.cells[at]
	}
	s.dest[0] = &i
	s.first = 1
	for ; result.Next(); n++ {
		row := reflect.New(m.Schema.ModelType).Elem()
		if _, err = s.scan(stmt.Context, result, row); err != nil {
			return n, err
		}
		found(i, row)
	}
	return n, result.Err()
}
