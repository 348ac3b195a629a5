package rows

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// LocksFound reports whether a query can lock only rows that exist, see Query.Found. It needs to know the columns. The caller must check in the
// catalog that the table has the model's primary key.
func (m *Model) LocksFound(db *gorm.DB) bool {
	return db.Name() == "mysql" && len(m.Keys) > 0 && !Joins(db.Statement) && m.HasAllColumns(db.Statement)
}

// buildFound makes a SELECT that locks the rows which an inner SELECT finds. MySQL runs the inner one first and without a lock, then locks the latest
// version of each row. It looks rows up by the primary key: through another index it would lock them in another order than other statements.
func (m *Model) buildFound(db *gorm.DB, q Query) *gorm.Statement {
	inner := q
	inner.Lock, inner.KeysOnly = false, true
	stmt := m.build(db, inner)
	find := stmt.SQL.String()
	stmt.SQL.Reset()
	_, _ = stmt.WriteString("SELECT ")
	m.choose(stmt, q, true).Build(stmt)
	_, _ = stmt.WriteString(" FROM (" + find + ") AS signals_found STRAIGHT_JOIN ")
	stmt.WriteQuoted(clause.Table{Name: clause.CurrentTable})
	_, _ = stmt.WriteString(" FORCE INDEX (PRIMARY)")
	for i, f := range m.Keys {
		word := " AND "
		if i == 0 {
			word = " ON "
		}
		_, _ = stmt.WriteString(word)
		stmt.WriteQuoted(clause.Column{Table: clause.CurrentTable, Name: f.DBName})
		_, _ = stmt.WriteString(" = ")
		stmt.WriteQuoted(clause.Column{Table: "signals_found", Name: f.DBName})
	}
	_, _ = stmt.WriteString(" FOR UPDATE")
	return stmt
}
