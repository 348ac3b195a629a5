package behaviour_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func TestTheHiddenInsertOfSaveIsATransactionOfItsOwn(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Coded{})
	products := signals.For[Product](db)
	products.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return e.DB().Create(&Coded{Code: "by-receiver"}).Error
	})
	products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom })
	save := func(tx *gorm.DB) error { return tx.Save(&Product{ID: 7}).Error }
	require.ErrorIs(t, signals.Transaction(db, save), errBoom)
	assert.Zero(t, count[Product](t, db))
	assert.Zero(t, count[Coded](t, db), "one transaction around both statements undoes both")
	require.ErrorIs(t, save(db), errBoom)
	assert.Zero(t, count[Product](t, db), "the row falls with post_save")
	assert.EqualValues(t, 1, count[Coded](t, db), "what a receiver wrote in the transaction of the update is committed by then, as of BeforeSave hooks")
}

func TestASaveOfSelectedColumnsInsertsNothing(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	for what, save := range map[string]func(p *Product) *gorm.DB{
		"pointer":   func(p *Product) *gorm.DB { return db.Select("*").Save(p) },
		"value":     func(p *Product) *gorm.DB { return db.Select("*").Save(*p) },
		"condition": func(p *Product) *gorm.DB { return db.Select("*").Where("price > ?", 1000).Save(p) },
		"columns":   func(p *Product) *gorm.DB { return db.Select("name", "price").Save(p) },
	} {
		result := save(&Product{ID: 77, Name: "nobody"})
		require.NoError(t, result.Error, what)
		assert.Zero(t, result.RowsAffected, what)
		assert.NotContains(t, strings.Join(tr.take(), ","), "post_save", what)
		assert.EqualValues(t, 3, count[Product](t, db), what)
	}
}

func TestASaveByValueInsertsWhatReceiversChanged(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	products := signals.For[Product](db)
	products.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		e.Instance.Slug = "by-receiver"
		return nil
	})
	require.NoError(t, db.Save(Product{ID: 7, Name: "new"}).Error)
	assert.Equal(t, "by-receiver", find[Product](t, db, 7).Slug)
}

func TestSelectStarUpdatesIsNoSave(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	result := db.Select("*").Updates(&Product{ID: 77, Name: "nobody"})
	require.NoError(t, result.Error)
	assert.Zero(t, result.RowsAffected)
	assert.Empty(t, tr.take())
	assert.EqualValues(t, 3, count[Product](t, db), "GORM inserts for Save only")
}
