package rows

import (
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Few is the condition that Where holds for a row. It holds for no row if Where holds for more than Most rows, or for a row without a key. The key is
// one column.
type Few struct {
	Key   *schema.Field
	Where []clause.Expression
	Most  int
}

// Build writes a subquery that finds the keys of the rows once. On PostgreSQL the keys become an array: with IN it might join them with all rows of
// the table.
func (c Few) Build(b clause.Builder) {
	before, after := " IN (", ")"
	if stmt, ok := b.(*gorm.Statement); ok && stmt.Name() == "postgres" {
		before, after = " = ANY(ARRAY(", "))"
	}
	own, key := clause.Column{Table: clause.CurrentTable, Name: c.Key.DBName}, clause.Column{Name: c.Key.DBName}
	clause.Expr{
		SQL:  "?" + before + "SELECT ? FROM (SELECT ?, COUNT(*) OVER () AS total, COUNT(?) OVER () AS keyed FROM (SELECT ? FROM ?",
		Vars: []any{own, key, key, key, key, clause.Table{Name: clause.CurrentTable}},
	}.Build(b)
	conditions(b, c.Where)
	most := strconv.Itoa(c.Most)
	_, _ = b.WriteString(" LIMIT " + strconv.Itoa(c.Most+1) + ") AS few) AS found WHERE total <= " + most + " AND total = keyed" + after)
}

// conditions writes the WHERE of a SELECT, if it has one.
func conditions(b clause.Builder, where []clause.Expression) {
	if len(where) > 0 {
		_, _ = b.WriteString(" WHERE ")
		clause.Where{Exprs: where}.Build(b)
	}
}

// Further reports whether conditions look at other rows, so that writes may change which rows match, and how many values they bind.
func Further(from *gorm.Statement, where []clause.Expression) (further bool, values int) {
	stmt := bare(from)
	clause.Where{Exprs: where}.Build(stmt)
	return looksFurther("SELECT " + stmt.SQL.String()), len(stmt.Vars)
}

// bare returns a statement without clauses on the table of another statement.
func bare(from *gorm.Statement) *gorm.Statement {
	return &gorm.Statement{DB: from.DB, Schema: from.Schema, Table: from.Table, TableExpr: from.TableExpr, Context: from.Context, Clauses: map[string]clause.Clause{}}
}

// Ranges splits the rows for which conditions hold into ranges of size rows, in the order of their key, which is one column. It returns a condition
// for each range; together they hold for every row. more reports whether there are more rows than size, or rows with a NULL key. If a condition on a
// key would not find its row, one range has all rows.
func (m *Model) Ranges(db *gorm.DB, where []clause.Expression, size int) (ranges []clause.Expression, more bool, err error) {
	stmt := bare(db.Statement)
	column, n := clause.Column{Name: m.Keys[0].DBName}, strconv.Itoa(size)
	clause.Expr{
		SQL:  "SELECT ? FROM (SELECT ?, ROW_NUMBER() OVER (ORDER BY ?) AS place FROM ?",
		Vars: []any{column, column, column, clause.Table{Name: clause.CurrentTable}},
	}.Build(stmt)
	conditions(stmt, where)
	clause.Expr{SQL: ") AS found WHERE (place > " + n + " AND place % " + n + " = 1) OR ? IS NULL ORDER BY place", Vars: []any{column}}.Build(stmt)
	if stmt.Error != nil {
		return nil, false, stmt.Error
	}
	set, err := m.read(db, stmt.SQL.String(), stmt.Vars, Query{KeysOnly: true, named: true})
	if err != nil {
		return nil, false, err
	}
	if set.Loose() {
		return m.ranges(nil), true, nil
	}
	first := make([][]any, set.Len())
	for i, row := range set.Rows() {
		first[i], _ = m.KeyOf(db.Statement.Context, row)
	}
	return m.ranges(first), len(first) > 0, nil
}

// ranges returns the conditions of ranges. These keys begin all ranges but the first one.
func (m *Model) ranges(first [][]any) []clause.Expression {
	if len(first) == 0 {
		return []clause.Expression{clause.Expr{SQL: "1 = 1"}}
	}
	ranges := []clause.Expression{compared(m.Keys, "<", first[0])}
	for i, begins := range first[1:] {
		ranges = append(ranges, clause.And(compared(m.Keys, ">=", first[i]), compared(m.Keys, "<", begins)))
	}
	return append(ranges, compared(m.Keys, ">=", first[len(first)-1]))
}

// Within is the condition that a key, which is one column, comes after one key and not after the last one. If after is nil, the range has no
// beginning.
func Within(keys []*schema.Field, after, last []any) clause.Expression {
	if after == nil {
		return UpTo(keys, last)
	}
	return clause.And(After(keys, after), UpTo(keys, last))
}
