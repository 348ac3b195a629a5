package rows_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// built returns the text of a condition on a table of lines, and its values.
func built(t *testing.T, name string, joined bool, condition func(one, both []*schema.Field) clause.Expression) (string, []any) {
	t.Helper()
	type line struct {
		OrderID uint `gorm:"primaryKey"`
		Number  int  `gorm:"primaryKey"`
	}
	m, db := model[line](t, of(t, name, logger.Discard))
	stmt := db.Statement
	if joined {
		stmt.AddClause(clause.From{Tables: []clause.Table{{Name: "orders"}}})
	}
	condition(m.Keys[:1], m.Keys).Build(stmt)
	return stmt.SQL.String(), stmt.Vars
}

func TestAConditionOnKeysIsBuiltForTheDatabase(t *testing.T) {
	t.Parallel()
	type fields = []*schema.Field
	in := func(dialect string, one bool, values ...[]any) func(one, both fields) clause.Expression {
		return func(first, both fields) clause.Expression {
			if one {
				return rows.In(dialect, first, values)
			}
			return rows.In(dialect, both, values)
		}
	}
	for _, c := range []struct {
		fact, dialect string
		joined        bool
		make          func(one, both fields) clause.Expression
		sql           string
		vars          []any
	}{
		{"one column, one value", "postgres", false, in("postgres", true, []any{1}), "`order_id` = ?", []any{1}},
		{"one column", "postgres", false, in("postgres", true, []any{1}, []any{2}), "`order_id` IN (?,?)", []any{1, 2}},
		{"no value holds for no row", "postgres", false, in("postgres", true), "`order_id` IN (NULL)", nil},
		{"several columns, one value", "postgres", false, in("postgres", false, []any{1, 2}), "(`order_id` = ? AND `number` = ?)", []any{1, 2}},
		{"several columns", "postgres", false, in("postgres", false, []any{1, 2}, []any{3, 4}), "(`order_id`,`number`) IN ((?,?),(?,?))", []any{1, 2, 3, 4}},
		{"several columns in SQLite", "sqlite", false, in("sqlite", false, []any{1, 2}, []any{3, 4}), "(`order_id`,`number`) IN (VALUES (?,?),(?,?))", []any{1, 2, 3, 4}},
		{"several columns, no value", "sqlite", false, in("sqlite", false), "`order_id` IN (NULL)", nil},
		{"beside another table", "postgres", true, in("postgres", true, []any{1}), "`lines`.`order_id` = ?", []any{1}},
		{"after a key", "postgres", false, func(one, _ fields) clause.Expression { return rows.After(one, []any{7}) }, "`order_id` > ?", []any{7}},
		{
			"after a key of several columns", "postgres", true, func(_, both fields) clause.Expression { return rows.After(both, []any{7, 8}) },
			"(`lines`.`order_id`,`lines`.`number`) > (?,?)",
			[]any{7, 8},
		},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			sql, vars := built(t, c.dialect, c.joined, c.make)
			assert.Equal(t, c.sql, sql)
			assert.Equal(t, c.vars, vars)
		})
	}
}

func TestConditionsAreACopyOfThoseOfAStatement(t *testing.T) {
	t.Parallel()
	db := open(t).Where("a = 1").Or("b = 2")
	got := rows.Conditions(db.Statement)
	assert.Len(t, got, 2)
	got[0] = nil
	assert.NotNil(t, rows.Conditions(db.Statement)[0])
	assert.Empty(t, rows.Conditions(&gorm.Statement{}))
}

func TestAGroupBindsAnOrToNothingElse(t *testing.T) {
	t.Parallel()
	a, b := clause.Expr{SQL: "a"}, clause.Expr{SQL: "b"}
	for _, c := range []struct {
		fact  string
		exprs []clause.Expression
		or    bool
	}{
		{"none", nil, false},
		{"AND", []clause.Expression{a, b}, false},
		{"OR", []clause.Expression{a, clause.Or(b)}, true},
		{"OR inside parentheses", []clause.Expression{clause.And(a, clause.Or(b))}, false},
		{"an OR of several is in parentheses", []clause.Expression{clause.Or(a, b)}, false},
	} {
		assert.Equal(t, c.or, rows.HasOr(c.exprs), c.fact)
		grouped := rows.Group(c.exprs)
		if c.or {
			assert.Equal(t, []clause.Expression{clause.And(c.exprs...)}, grouped, c.fact)
		} else {
			assert.Equal(t, c.exprs, grouped, c.fact)
		}
	}
}

func TestBareIsTheNameOfATableWithoutItsSchema(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]string{"items": "items", "shop.items": "items", "a.b.items": "items", "": ""} {
		assert.Equal(t, want, rows.Bare(table))
	}
}
