package relations

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Operated reports whether GORM has made the conditions of a DELETE on the join table for a call on this relation. Their first IN or EXISTS is then
// about the owners. clears reports that there is no other condition.
func (l *Link) Operated(table string, conditions []clause.Expression) (operated, clears bool) {
	clears = true
	fixed := map[string]bool{}
	for _, c := range flat(conditions) {
		switch c := c.(type) {
		case clause.IN:
			if operated {
				clears = false
				continue
			}
			if !l.own.named(table, c.Column) {
				return false, false
			}
			operated = true
		case clause.Eq:
			if column := l.fixes(c); column != "" {
				fixed[column] = true
			} else {
				clears = false
			}
		case clause.Expr:
			if !operated && l.own.exists(table, c) {
				operated = true
			} else {
				clears = false
			}
		default:
			clears = false
		}
	}
	operated = operated && len(fixed) == len(l.values)
	return operated, operated && clears
}

func flat(exprs []clause.Expression) []clause.Expression {
	var list []clause.Expression
	for _, e := range exprs {
		if where, ok := e.(clause.Where); ok {
			list = append(list, flat(where.Exprs)...)
		} else {
			list = append(list, e)
		}
	}
	return list
}

// named reports whether a condition is about the columns of this side.
func (e *end) named(table string, column any) bool {
	var columns []clause.Column
	switch c := column.(type) {
	case clause.Column:
		columns = []clause.Column{c}
	case []clause.Column:
		columns = c
	}
	return len(columns) == len(e.columns) && !slices.ContainsFunc(columns, func(c clause.Column) bool {
		return c.Table != table || !slices.ContainsFunc(e.columns, func(f *schema.Field) bool { return f.DBName == c.Name })
	})
}

// fixes returns the name of a fixed column if a condition compares it with its value, or "".
func (l *Link) fixes(eq clause.Eq) string {
	name, _ := eq.Column.(string)
	if c, ok := eq.Column.(clause.Column); ok {
		name = c.Name
	}
	for _, v := range l.values {
		if v.column.DBName == name && eq.Value == v.value {
			return name
		}
	}
	return ""
}

// exists reports whether a condition is the one that GORM's generics API makes for the rows of this side: EXISTS (SELECT 1 FROM owners WHERE
// owners.key = joins.column).
func (e *end) exists(table string, condition clause.Expr) bool {
	if condition.SQL != "EXISTS (?)" || len(condition.Vars) != 1 {
		return false
	}
	rows, ok := condition.Vars[0].(*gorm.DB)
	if !ok {
		return false
	}
	where, _ := rows.Statement.Clauses["WHERE"].Expression.(clause.Where)
	return len(where.Exprs) == len(e.columns) && !slices.ContainsFunc(where.Exprs, func(expr clause.Expression) bool {
		eq, _ := expr.(clause.Eq)
		column, _ := eq.Value.(clause.Column)
		return column.Table != table || !slices.ContainsFunc(e.columns, func(f *schema.Field) bool { return f.DBName == column.Name })
	})
}
