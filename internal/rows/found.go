package rows

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// LocksFound reports whether a query of a statement's table can lock the rows that are there and nothing else, see Query.Found. It has to know the
// columns, and the table must have the primary key of the model, which only its catalog tells.
func (m *Model) LocksFound(db *gorm.DB) bool {
	return db.Name() == "mysql" && len(m.Keys) > 0 && !Joins(db.Statement) && m.HasAllColumns(db.Statement)
}

// buildFound makes a SELECT that locks the rows that another one inside of it finds. That one reads without a lock, as MySQL does with what a statement
// that locks looks up in others, and is read first. The rows that are locked are the latest ones. Each is looked up by the primary key: through
// another index it would be locked in another order than other statements lock it.
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
