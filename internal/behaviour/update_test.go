package behaviour_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestSaveWithAZeroKeySendsAsCreate(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	require.NoError(t, db.Save(&Product{Name: "d"}).Error)
	assert.Equal(t, []string{"pre_save create 0 d 0", "post_save create 4 d 0"}, tr.take())
}

func TestSaveWithAKeySendsOnePairWithOriginalAndChanges(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	changes := changesOf[Product](db)
	p := find[Product](t, db, 1)
	p.Price = 9
	signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		old, err := e.Original()
		require.NoError(t, err)
		assert.EqualValues(t, 1, old.Price)
		assert.Same(t, &p, e.Instance, "the caller's own struct")
		assert.Nil(t, e.UpdateFields())
		assert.True(t, e.Changed("Price"))
		assert.True(t, e.Changed())
		assert.False(t, e.Changed("Name", "Stock"))
		e.Instance.Slug = "by-receiver"
		return nil
	})
	require.NoError(t, db.Save(&p).Error)
	assert.Equal(t, []string{"pre_save update 1 a 9", "post_save update 1 a 9"}, tr.take())
	assert.Equal(t, []string{"Slug:  -> by-receiver", "Price: 1 -> 9"}, changes.take())
	assert.Equal(t, "by-receiver", find[Product](t, db, 1).Slug)
}

func TestSaveThatTurnsIntoAnInsertIsCreated(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]*gorm.Config{
		"default": {}, "SkipDefaultTransaction": {SkipDefaultTransaction: true}, "PrepareStmt": {PrepareStmt: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, config, signals.Plugin{}, &Product{})
			tr := traceProducts(db)
			result := db.Save(&Product{ID: 7, Name: "new"})
			require.NoError(t, result.Error)
			assert.EqualValues(t, 1, result.RowsAffected)
			assert.Equal(t, []string{"pre_save create 7 new 0", "post_save create 7 new 0"}, tr.take())
			assert.Equal(t, "new", find[Product](t, db, 7).Name)
		})
	}
}

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

func TestSaveOfAKeysReceiverHearsTheTruthInPostSave(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := &trace{}
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		_, err := e.Original()
		tr.add("created %t, original %v, changed %t", e.Created, err, e.Changed("Name"))
		return nil
	}, signals.Needs(signals.Keys))
	require.NoError(t, db.Save(&Product{ID: 7}).Error)
	require.NoError(t, db.Save(&Product{ID: 7}).Error)
	assert.Equal(t, []string{
		"created true, original <nil>, changed true",
		fmt.Sprintf("created false, original %v, changed true", signals.ErrNotLoaded),
	}, tr.take())
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

func TestSaveWithOmitShowsWhatIsStored(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	var fields []string
	signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if !e.Created {
			fields = e.UpdateFields()
			assert.False(t, e.Changed("Price"))
		}
		e.Instance.Slug = "by-receiver"
		return nil
	})
	p := find[Product](t, db, 1)
	p.Name, p.Price = "z", 100
	require.NoError(t, db.Omit("Price").Save(&p).Error)
	assert.Equal(t, []string{"pre_save update 1 z 1", "post_save update 1 z 1"}, tr.take())
	assert.Equal(t, []string{"Name", "Slug", "Stock", "CreatedAt"}, fields)
	assert.Equal(t, "by-receiver", p.Slug, "a save shows the caller what receivers changed")
	require.NoError(t, db.Omit("Price").Save(&Product{ID: 50, Name: "new", Price: 4}).Error)
	assert.Equal(t, []string{"pre_save create 50 new 4", "post_save create 50 new 4"}, tr.take())
}

func TestSaveOfASliceResolvesCreatedPerRow(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	require.NoError(t, db.Save(&[]Product{{ID: 1, Name: "x"}, {Name: "y"}, {ID: 20, Name: "z"}}).Error)
	assert.Equal(t, []string{
		"pre_save update 1 x 0", "pre_save create 0 y 0", "pre_save create 20 z 0",
		"post_save update 1 x 0", "post_save create 4 y 0", "post_save create 20 z 0",
	}, tr.take())
}

func TestUpdateOfAnInstanceSendsTheWholeStoredRow(t *testing.T) {
	t.Parallel()
	for name, update := range map[string]func(db *gorm.DB) *gorm.DB{
		"Update":         func(db *gorm.DB) *gorm.DB { return db.Model(&Product{ID: 1}).Update("price", 9) },
		"Updates map":    func(db *gorm.DB) *gorm.DB { return db.Model(&Product{ID: 1}).Updates(map[string]any{"Price": 9}) },
		"Updates struct": func(db *gorm.DB) *gorm.DB { return db.Model(&Product{ID: 1}).Updates(Product{Price: 9}) },
		"Updates itself": func(db *gorm.DB) *gorm.DB { return db.Updates(&Product{ID: 1, Price: 9}) },
		"Select":         func(db *gorm.DB) *gorm.DB { return db.Select("Price").Updates(&Product{ID: 1, Name: "no", Price: 9}) },
		"Omit":           func(db *gorm.DB) *gorm.DB { return db.Omit("Name").Updates(&Product{ID: 1, Name: "no", Price: 9}) },
		"Expr":           func(db *gorm.DB) *gorm.DB { return db.Model(&Product{ID: 1}).Update("price", gorm.Expr("price + 8")) },
		"by key":         func(db *gorm.DB) *gorm.DB { return db.Model(&Product{}).Where("id", 1).Update("price", 9) },
		"subquery": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Product{ID: 1}).Update("price", db.Model(&Product{}).Select("MAX(price) * 3"))
		},
		"generics": func(db *gorm.DB) *gorm.DB {
			n, err := gorm.G[Product](db).Where("id = ?", 1).Update(context.Background(), "price", 9)
			return &gorm.DB{Error: err, RowsAffected: int64(n)}
		},
		"generics Updates": func(db *gorm.DB) *gorm.DB {
			n, err := gorm.G[Product](db).Where("id = ?", 1).Updates(context.Background(), Product{Price: 9})
			return &gorm.DB{Error: err, RowsAffected: int64(n)}
		},
		"generics Set": func(db *gorm.DB) *gorm.DB {
			n, err := gorm.G[Product](db).Where("id = ?", 1).Set(clause.Assignment{Column: clause.Column{Name: "price"}, Value: 9}).
				Update(context.Background())
			return &gorm.DB{Error: err, RowsAffected: int64(n)}
		},
		"a condition with OR": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Product{}).Where("price = 1").Or("name = 'nobody'").Update("price", 9)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, tr := seeded(t, signals.Plugin{})
			changes := changesOf[Product](db)
			result := update(db)
			require.NoError(t, result.Error)
			assert.EqualValues(t, 1, result.RowsAffected)
			lines := tr.take()
			require.Len(t, lines, 2)
			assert.True(t, strings.HasPrefix(lines[0], "pre_save update 1 a "), lines[0])
			assert.Equal(t, "post_save update 1 a 9", lines[1])
			assert.Equal(t, []string{"Price: 1 -> 9"}, changes.take())
			assert.EqualValues(t, 9, find[Product](t, db, 1).Price)
		})
	}
}

func TestTheCallersStructShowsWhatGORMAndTheReceiversAssign(t *testing.T) {
	t.Parallel()
	db, _ := seeded(t, signals.Plugin{})
	signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		e.Instance.Slug = "by-receiver"
		return nil
	})
	p := Product{ID: 1}
	require.NoError(t, db.Model(&p).Update("price", 9).Error)
	assert.Equal(t, Product{ID: 1, Price: 9, Slug: "by-receiver", UpdatedAt: p.UpdatedAt}, p)
	stored := find[Product](t, db, 1)
	assert.Equal(t, "by-receiver", stored.Slug)
	assert.Equal(t, "a", stored.Name)
	assert.True(t, stored.UpdatedAt.Equal(p.UpdatedAt))
}

func TestConditionalUpdateSendsOnePairPerMatchingRow(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2, 3} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db, tr := seeded(t, signals.Plugin{BatchSize: size})
			changes := changesOf[Product](db)
			result := db.Model(&Product{}).Where("price > ?", 1).Update("price", gorm.Expr("price * 10"))
			require.NoError(t, result.Error)
			assert.EqualValues(t, 2, result.RowsAffected)
			assert.ElementsMatch(t, []string{
				"pre_save update 2 b 2", "pre_save update 3 c 3", "post_save update 2 b 20", "post_save update 3 c 30",
			}, tr.take())
			assert.Equal(t, []string{"Price: 2 -> 20", "Price: 3 -> 30"}, changes.take())
		})
	}
}

func TestAReceiverThatChangesOneRowChangesThatRowOnly(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db, _ := seeded(t, signals.Plugin{BatchSize: size})
			signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
				if e.Instance.Name == "b" {
					e.Instance.Slug, e.Instance.Stock = "only-b", 100
				}
				return nil
			})
			result := db.Model(&Product{}).Where("1 = 1").Updates(map[string]any{"stock": 5, "price": gorm.Expr("price + 1")})
			require.NoError(t, result.Error)
			assert.EqualValues(t, 3, result.RowsAffected)
			for i, want := range []Product{{Stock: 5, Price: 2}, {Slug: "only-b", Stock: 100, Price: 3}, {Stock: 5, Price: 4}} {
				got := find[Product](t, db, i+1)
				assert.Equal(t, want, Product{Slug: got.Slug, Stock: got.Stock, Price: got.Price})
			}
		})
	}
}

func TestAConditionThatLooksAtOtherRowsIsDecidedBeforeTheFirstBatchIsWritten(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{BatchSize: 1})
	result := db.Model(&Product{}).Where("price <= (SELECT AVG(price) FROM products)").Update("price", 100)
	require.NoError(t, result.Error)
	assert.EqualValues(t, 2, result.RowsAffected, "after the first write the average is higher, and all would match")
	assert.Len(t, tr.take(), 4)
	assert.EqualValues(t, 3, find[Product](t, db, 3).Price)
}

func TestUpdateThatMatchesNoRowSendsNothing(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	require.NoError(t, db.Model(&Product{}).Where("price > 100").Update("price", 1).Error)
	require.NoError(t, db.Model(&Product{ID: 99}).Update("price", 1).Error)
	require.ErrorIs(t, db.Model(&Product{}).Update("price", 1).Error, gorm.ErrMissingWhereClause)
	require.NoError(t, db.Model(&Product{ID: 1}).Updates(map[string]any{}).Error)
	assert.Equal(t, []string{"pre_save update 1 a 1", "post_save update 1 a 1"}, tr.take(), "GORM sets updated_at for the last one")
}

func TestRestoringASoftDeletedRowIsRestored(t *testing.T) {
	t.Parallel()
	for name, restore := range map[string]func(db *gorm.DB) error{
		"by update": func(db *gorm.DB) error { return db.Unscoped().Model(&Page{ID: 1}).Update("deleted_at", nil).Error },
		"by condition": func(db *gorm.DB) error {
			return db.Unscoped().Model(&Page{}).Where("id = 1").Update("DeletedAt", nil).Error
		},
		"by Save":            func(db *gorm.DB) error { return db.Save(&Page{ID: 1, Title: "home"}).Error },
		"by Save of a slice": func(db *gorm.DB) error { return db.Save(&[]Page{{ID: 1, Title: "home"}}).Error },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Page{})
			require.NoError(t, db.Create(&Page{Title: "home"}).Error)
			require.NoError(t, db.Delete(&Page{}, 1).Error)
			tr := tracePages(db)
			require.NoError(t, restore(db))
			assert.Equal(t, []string{"pre_save restore 1 home 0", "post_save restore 1 home 0"}, tr.take())
			assert.False(t, find[Page](t, db, 1).DeletedAt.Valid)
		})
	}
}

func TestReturningFillsWhatItFillsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{BatchSize: 1})
	var updated []Product
	result := db.Model(&updated).Clauses(clause.Returning{}).Where("price > 1").Update("price", gorm.Expr("price * 2"))
	require.NoError(t, result.Error)
	assert.EqualValues(t, 2, result.RowsAffected)
	require.Len(t, updated, 2)
	assert.EqualValues(t, 4, updated[0].Price)
	assert.Len(t, tr.take(), 4)
}
