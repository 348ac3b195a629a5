package rows

import (
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// First is the condition that a row is one of the first ones in the order of their key for which conditions hold.
type First struct {
	Key   *schema.Field
	Where []clause.Expression
	Limit int
}

// Build writes the condition. PostgreSQL gets an array: it is read once, and its rows are locked, so that all of them are there still.
func (c First) Build(b clause.Builder) {
	before, lock, after := " IN (", "", ")"
	if stmt, ok := b.(*gorm.Statement); ok && stmt.Name() == "postgres" {
		before, lock, after = " = ANY(ARRAY(", " FOR UPDATE", "))"
	}
	key := clause.Column{Table: clause.CurrentTable, Name: c.Key.DBName}
	b.WriteQuoted(key)
	_, _ = b.WriteString(before + "SELECT ")
	b.WriteQuoted(key)
	_, _ = b.WriteString(" FROM ")
	b.WriteQuoted(clause.Table{Name: clause.CurrentTable})
	if len(c.Where) > 0 {
		_, _ = b.WriteString(" WHERE ")
		clause.Where{Exprs: c.Where}.Build(b)
	}
	_, _ = b.WriteString(" ORDER BY ")
	b.WriteQuoted(key)
	_, _ = b.WriteString(" LIMIT " + strconv.Itoa(c.Limit) + lock + after)
}

// Further reports whether conditions look at other rows, so that what is written may change their answer, and how many values they bind.
func Further(from *gorm.Statement, where []clause.Expression) (further bool, values int) {
	stmt := &gorm.Statement{DB: from.DB, Schema: from.Schema, Table: from.Table, TableExpr: from.TableExpr, Context: from.Context, Clauses: map[string]clause.Clause{}}
	clause.Where{Exprs: where}.Build(stmt)
	return looksFurther("SELECT " + stmt.SQL.String()), len(stmt.Vars)
}
