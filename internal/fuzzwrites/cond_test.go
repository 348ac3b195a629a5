package fuzzwrites_test

import (
	"strings"

	"gorm.io/gorm"
)

// fuzzCond is a condition on one or two columns.
type fuzzCond struct {
	Form int // 0 none, 1 A, 2 Where(A).Or(B), 3 Where(A).Where(B), 4 Where("A OR B"), 5 A with the largest value of the column
	A, B fuzzTerm
}

type fuzzTerm struct{ Column, Op, Value int }

// on adds the condition to a statement.
func (c fuzzCond) on(db *gorm.DB, t *fuzzTable) *gorm.DB {
	a, x := c.A.sql(t)
	b, y := c.B.sql(t)
	switch c.Form {
	case 1:
		return db.Where(a, x)
	case 2:
		return db.Where(a, x).Or(b, y)
	case 3:
		return db.Where(a, x).Where(b, y)
	case 4:
		return db.Where(a+" OR "+b, x, y)
	case 5:
		most := db.Session(&gorm.Session{NewDB: true}).Table(t.name).Select("MAX(" + t.columns[c.A.Column] + ")")
		return db.Where(strings.Replace(a, "?", "(?)", 1), most)
	}
	return db
}

var fuzzOperators = [4]string{" = ?", " < ?", " > ?", " <> ?"}

func (term fuzzTerm) sql(t *fuzzTable) (text string, value any) {
	return t.columns[term.Column] + fuzzOperators[term.Op], t.value(term.Column, term.Value)
}

func (term fuzzTerm) holds(r fuzzRow) bool {
	a, b := r[term.Column], term.Value
	return [4]bool{a == b, a < b, a > b, a != b}[term.Op]
}

// holds reports whether a row satisfies the condition and the key that GORM adds to it. The key binds closer than an OR of
// the chain, unless a soft delete has put the chain in parentheses.
func (c fuzzCond) holds(r fuzzRow, key, grouped bool) bool {
	a, b := c.A.holds(r), c.B.holds(r)
	switch c.Form {
	case 1, 5:
		return a && key
	case 2:
		if grouped {
			return (a || b) && key
		}
		return a || (b && key)
	case 3:
		return a && b && key
	case 4:
		return (a || b) && key
	}
	return key
}
