package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestRowsThatAnInsertSkipsTakeNoKeysOfOthers(t *testing.T) {
	t.Parallel()
	db := open(t, &Coded{})
	require.NoError(t, db.Create(&Coded{Code: "a"}).Error)
	tr := traceOf(db, func(c *Coded) string { return c.Code })
	keys := map[uint]string{}
	signals.For[Coded](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Coded]) error {
		keys[e.Instance.ID] = e.Instance.Code
		return nil
	})
	rows := []*Coded{{Code: "a"}, {Code: "b"}, {Code: "a"}, {Code: "c"}}
	require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(rows).Error)
	assert.Equal(t, []string{"pre_save create b", "pre_save create c", "post_save create b", "post_save create c"}, tr.take())
	plain := testkit.Open(t, &gorm.Config{}, &Coded{})
	require.NoError(t, plain.Create(&Coded{Code: "a"}).Error)
	as := []*Coded{{Code: "a"}, {Code: "b"}, {Code: "a"}, {Code: "c"}}
	require.NoError(t, plain.Clauses(clause.OnConflict{DoNothing: true}).Create(as).Error)
	assert.Equal(t, as, rows, "the caller's structs are those without the plugin, with keys of other rows")
	for key, code := range keys {
		var stored Coded
		require.NoError(t, db.Take(&stored, key).Error)
		assert.Equal(t, code, stored.Code)
	}
}

func TestUpsertDoNothingOnAConstraintThatTheModelDoesNotDeclareSendsNoPostSave(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.Exec("CREATE UNIQUE INDEX hidden ON products(name)").Error)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	tr := traceProducts(db)
	require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Product{Name: "a"}).Error)
	assert.Equal(t, []string{"pre_save create 0 a 0"}, tr.take())
}

func TestUpsertWithAConditionSendsPostSaveOnlyForRowsThatItWrote(t *testing.T) {
	t.Parallel()
	db := open(t, &Coded{})
	require.NoError(t, db.Create(&[]Coded{{Code: "a", Name: "keep"}, {Code: "b", Name: "take"}}).Error)
	tr := traceOf(db, func(c *Coded) string { return c.Code + " " + c.Name })
	where := clause.Where{Exprs: []clause.Expression{clause.Eq{Column: clause.Column{Table: "codeds", Name: "name"}, Value: "take"}}}
	require.NoError(t, db.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}), Where: where,
	}).Create(&Coded{Code: "a", Name: "new"}).Error)
	assert.Equal(t, []string{"pre_save update a new"}, tr.take(), "the row was not written")
	require.NoError(t, db.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}), Where: where,
	}).Create(&Coded{Code: "b", Name: "new"}).Error)
	assert.Equal(t, []string{"pre_save update b new", "post_save update b new"}, tr.take())
}

// Coded has a unique column.
type Coded struct {
	ID   uint
	Code string `gorm:"uniqueIndex"`
	Name string
}
