package rows_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

type (
	// state hides rows under two words.
	state string
	// partly says half of its condition in SQL.
	partly int
	// elsewhere asks another column.
	elsewhere int
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
}
