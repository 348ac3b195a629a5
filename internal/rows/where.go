package rows

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Conditions returns a copy of the WHERE conditions of a statement, to which others can be added.
func Conditions(stmt *gorm.Statement) []clause.Expression {
	where, ok := stmt.Clauses["WHERE"].Expression.(clause.Where)
	if !ok {
		return nil
	}
	return append([]clause.Expression(nil), where.Exprs...)
}

// Group puts conditions with an OR into parentheses, so that conditions which are added later hold for all of them.
func Group(exprs []clause.Expression) []clause.Expression {
	if HasOr(exprs) {
		return []clause.Expression{clause.And(exprs...)}
	}
	return exprs
}

// HasOr reports whether conditions are joined by an OR that is not inside parentheses.
func HasOr(exprs []clause.Expression) bool {
	return slices.ContainsFunc(exprs, func(e clause.Expression) bool {
		or, ok := e.(clause.OrConditions)
		return ok && len(or.Exprs) == 1
	})
}

// In is the condition that the columns of fields hold one of the values. Without values it holds for no row.
func In(dialect string, fields []*schema.Field, values [][]any) clause.Expression {
	return own(func(table string) clause.Expression { return in(dialect, columnsOf(table, fields), values) })
}

// own is a condition on columns of the statement's table. It names the table only if the statement joins others: another plugin's pool may replace
// the table's name.
type own func(table string) clause.Expression

// Build writes the condition.
func (o own) Build(b clause.Builder) {
	table := clause.CurrentTable
	if stmt, ok := b.(*gorm.Statement); ok && !Joins(stmt) {
		table = ""
	}
	o(table).Build(b)
}

func columnsOf(table string, fields []*schema.Field) []clause.Column {
	columns := make([]clause.Column, len(fields))
	for i, f := range fields {
		columns[i] = clause.Column{Table: table, Name: f.DBName}
	}
	return columns
}

func in(dialect string, columns []clause.Column, values [][]any) clause.Expression {
	switch {
	case len(values) == 0:
		return clause.IN{Column: columns[0]}
	case len(columns) == 1:
		flat := make([]any, len(values))
		for i, v := range values {
			flat[i] = v[0]
		}
		return clause.IN{Column: columns[0], Values: flat}
	case len(values) == 1:
		exprs := make([]clause.Expression, len(columns))
		for i, c := range columns {
			exprs[i] = clause.Eq{Column: c, Value: values[0][i]}
		}
		return clause.And(exprs...)
	}
	return tuples{dialect: dialect, columns: columns, values: values}
}

// After is the condition that a key comes after another in key order.
func After(keys []*schema.Field, key []any) clause.Expression { return compared(keys, ">", key) }

// UpTo is the condition that a key does not come after another in key order.
func UpTo(keys []*schema.Field, key []any) clause.Expression { return compared(keys, "<=", key) }

// compared compares the key of a row with another key, by the operator than.
func compared(keys []*schema.Field, than string, key []any) clause.Expression {
	return own(func(table string) clause.Expression {
		columns := columnsOf(table, keys)
		if len(keys) == 1 {
			return clause.Expr{SQL: "? " + than + " ?", Vars: []any{columns[0], key[0]}}
		}
		return tuples{than: than, columns: columns, values: [][]any{key}}
	})
}

// tuples is a condition on several columns together. SQLite needs VALUES on the right-hand side of IN: https://www.sqlite.org/rowvalue.html
type tuples struct {
	dialect string
	than    string // operator for one tuple; "" is IN, for several
	columns []clause.Column
	values  [][]any
}

// Build writes (a,b) IN ((?,?),(?,?)), or a comparison as (a,b) > (?,?).
func (t tuples) Build(b clause.Builder) {
	_ = b.WriteByte('(')
	for i, c := range t.columns {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		b.WriteQuoted(c)
	}
	if t.than != "" {
		_, _ = b.WriteString(") " + t.than + " ")
		t.tuple(b, t.values[0])
		return
	}
	_, _ = b.WriteString(") IN (")
	if t.dialect == "sqlite" {
		_, _ = b.WriteString("VALUES ")
	}
	for i, v := range t.values {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		t.tuple(b, v)
	}
	_ = b.WriteByte(')')
}

func (t tuples) tuple(b clause.Builder, values []any) {
	_ = b.WriteByte('(')
	for i, v := range values {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		b.AddVar(b, v)
	}
	_ = b.WriteByte(')')
}

// looksFurther reports whether a SELECT has a subquery, so that its result may depend on other rows.
func looksFurther(sql string) bool {
	return strings.Count(strings.ToUpper(sql), "SELECT") > 1
}

// callsFunctions reports whether a statement may call a function.
func callsFunctions(sql string) bool {
	for i := 1; i < len(sql); i++ {
		if before := sql[i-1] | 0x20; sql[i] == '(' && (sql[i-1] == '_' || (before >= 'a' && before <= 'z') || (before >= '0' && before <= '9')) {
			return true
		}
	}
	return strings.Contains(strings.ToUpper(sql), "CURRENT_")
}
