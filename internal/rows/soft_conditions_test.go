package rows_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

type (
	// state hides rows under two words.
	state string
	// partly has half of its condition in SQL.
	partly int
	// elsewhere has a condition on another column.
	elsewhere int
	// both adds two conditions.
	both string
	// present is not NULL in live rows.
	present string
	// erased writes a DELETE of its own.
	erased int
	// numbered keeps deleted rows under a number.
	numbered int
)

func (state) QueryClauses(f *schema.Field) []clause.Interface {
	return where(clause.And(clause.Neq{Column: f.DBName, Value: "gone"}, clause.Neq{Column: f.DBName, Value: "lost"}))
}
func (state) DeleteClauses(f *schema.Field) []clause.Interface { return turn(f, "gone") }

func (partly) QueryClauses(f *schema.Field) []clause.Interface {
	return where(clause.And(clause.Neq{Column: f.DBName, Value: 7}, clause.Expr{SQL: "true"}))
}
func (partly) DeleteClauses(f *schema.Field) []clause.Interface { return turn(f, 1) }

func (elsewhere) QueryClauses(*schema.Field) []clause.Interface {
	return where(clause.Eq{Column: "other", Value: 1})
}
func (elsewhere) DeleteClauses(f *schema.Field) []clause.Interface { return turn(f, 1) }

func (numbered) QueryClauses(f *schema.Field) []clause.Interface {
	return where(clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: f.DBName}, Value: int64(2)})
}
func (numbered) DeleteClauses(f *schema.Field) []clause.Interface { return turn(f, 0) }

func (both) QueryClauses(f *schema.Field) []clause.Interface {
	return append(where(clause.Neq{Column: f.DBName, Value: "gone"}), where(clause.Neq{Column: f.DBName, Value: "lost"})...)
}
func (both) DeleteClauses(f *schema.Field) []clause.Interface { return turn(f, "gone") }

func (present) QueryClauses(f *schema.Field) []clause.Interface {
	return where(clause.Neq{Column: f.DBName, Value: nil})
}
func (present) DeleteClauses(f *schema.Field) []clause.Interface { return turn(f, nil) }

func (erased) DeleteClauses(*schema.Field) []clause.Interface {
	return give(func(stmt *gorm.Statement) { stmt.SQL.WriteString("delete from items") })
}

func TestARowIsHiddenAsTheConditionsOfItsTypeSay(t *testing.T) {
	t.Parallel()
	type (
		stateful struct {
			ID uint
			V  state
		}
		half struct {
			ID uint
			V  partly
		}
		other struct {
			ID uint
			V  elsewhere
		}
		counted struct {
			ID uint
			V  numbered
		}
		maybe struct {
			ID uint
			V  *numbered
		}
		twofold struct {
			ID uint
			V  both
		}
		wordless struct {
			ID uint
			V  *status
		}
		there struct {
			ID uint
			V  *present
		}
		wiped struct {
			ID uint
			V  erased
		}
	)
	db := open(t)
	m, _ := model[stateful](t, db)
	for word, want := range map[state]bool{"new": false, "": false, "gone": true, "lost": true} {
		assert.Equal(t, want, hidden(m, db, &stateful{V: word}), "two words: %q", word)
	}
	m, _ = model[half](t, db)
	for n, want := range map[partly]bool{0: false, 1: true} {
		assert.Equal(t, want, hidden(m, db, &half{V: n}), "a condition that nobody can read: a delete assigns other than zero")
	}
	m, _ = model[other](t, db)
	for n, want := range map[elsewhere]bool{0: false, 1: true} {
		assert.Equal(t, want, hidden(m, db, &other{V: n}), "a condition on another column")
	}
	m, _ = model[counted](t, db)
	for n, want := range map[numbered]bool{0: true, 1: true, 2: false} {
		assert.Equal(t, want, hidden(m, db, &counted{V: n}), "one number is live")
	}
	m, _ = model[maybe](t, db)
	assert.True(t, hidden(m, db, &maybe{}), "NULL equals no number")
	assert.False(t, hidden(m, db, &maybe{V: new(numbered(2))}))
	m, _ = model[twofold](t, db)
	for word, want := range map[both]bool{"new": false, "gone": true, "lost": true} {
		assert.Equal(t, want, hidden(m, db, &twofold{V: word}), "two conditions: %q", word)
	}
	m, _ = model[wordless](t, db)
	assert.True(t, hidden(m, db, &wordless{}), "NULL <> 'gone' does not hold")
	m, _ = model[there](t, db)
	assert.True(t, hidden(m, db, &there{}), "NULL")
	assert.False(t, hidden(m, db, &there{V: new(present(""))}), "IS NOT NULL")
	m, _ = model[wiped](t, db)
	assert.Empty(t, m.Soft(db), "a DELETE of its own keeps no rows")
}
