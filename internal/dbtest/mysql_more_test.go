package dbtest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// pointsOnly is ON DUPLICATE KEY UPDATE of the points.
func pointsOnly() clause.OnConflict {
	return clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"points"})}
}

func TestOnDuplicateKeyIsNotCreatedWhicheverUniqueIndexItIs(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := accounts(t, open)
		tr.show = func(a *Account) string { return fmt.Sprint(a.Points) } // the instance is the caller's struct, not the row
		for name, one := range map[string]struct {
			account Account
			want    string
		}{
			"key":             {Account{ID: 1, Mail: new("new"), Shop: 8, Number: 8, Points: 11}, "update 10 -> 11"},
			"mail":            {Account{Mail: new("b"), Shop: 8, Number: 8, Points: 21}, "update 20 -> 21"},
			"shop and number": {Account{Mail: new("new"), Shop: 2, Number: 1, Points: 31}, "update 30 -> 31"},
			"other key":       {Account{ID: 9, Mail: new("a"), Shop: 8, Number: 8, Points: 12}, "update 11 -> 12"},
			"none":            {Account{ID: 4, Shop: 9, Number: 9, Points: 40}, "create 40"},
			"a NULL":          {Account{ID: 5, Shop: 2, Number: 2, Points: 50}, "create 50"},
		} {
			if name == "other key" {
				continue // after "key", below
			}
			assert.Equal(t, []string{one.want}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				a := one.account
				return db.Clauses(pointsOnly()).Create(&a), a
			}), name)
		}
		assert.Equal(t, []string{"update 11 -> 12"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			a := Account{ID: 9, Mail: new("a"), Shop: 8, Number: 8, Points: 12}
			return db.Clauses(pointsOnly()).Create(&a), a
		}), "a key that is free, and a mail that is not")
	})
}

func TestOnDuplicateKeyTellsCreatedPerRowOfABatch(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := accounts(t, open)
		tr.show = func(a *Account) string { return fmt.Sprint(a.Points) }
		assert.Equal(t, []string{"create 40", "update 10 -> 11", "update 20 -> 21", "create 50", "update 30 -> 31"},
			tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
				all := []Account{
					{ID: 4, Shop: 9, Number: 1, Points: 40},
					{ID: 1, Shop: 9, Number: 2, Points: 11},
					{ID: 7, Mail: new("b"), Shop: 9, Number: 3, Points: 21},
					{ID: 5, Shop: 9, Number: 4, Points: 50},
					{ID: 8, Shop: 2, Number: 1, Points: 31},
				}
				return db.Clauses(pointsOnly()).Create(&all), all
			}))
	})
}

func TestDoNothingOnMySQLSendsForTheRowsThatAreInserted(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]clause.Expression{
		"DoNothing": clause.OnConflict{DoNothing: true}, "IGNORE": clause.Insert{Modifier: "IGNORE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMySQL(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr := accounts(t, open)
				assert.Equal(t, []string{"create 4 nil 9/1 40"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					all := []Account{{ID: 1, Shop: 9, Number: 3, Points: 1}, {ID: 4, Shop: 9, Number: 1, Points: 40}, {ID: 5, Mail: new("b"), Shop: 9, Number: 4, Points: 3}}
					return db.Clauses(how).Create(&all), all
				}))
				assert.Empty(t, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
					a := Account{ID: 8, Shop: 2, Number: 1}
					return db.Clauses(how).Create(&a), a
				}))
			})
		})
	}
}

// Term has a word of a case-insensitive collation as its key, and another that is unique.
type Term struct {
	Word  string `gorm:"primaryKey;size:40"`
	Short string `gorm:"size:40;uniqueIndex"`
	Uses  int
}

func terms(t *testing.T, open ownDB) *truth[Term] {
	t.Helper()
	tr := newTruth(t, open, func(m *Term) string { return fmt.Sprint(m.Uses) })
	tr.key = func(m *Term) string { return fmt.Sprint(len(m.Word)) } // all that the two ways of writing one word share
	tr.both(t, func(db *gorm.DB) *gorm.DB {
		return db.Create(&[]Term{{Word: "Tree", Short: "Tr", Uses: 1}, {Word: "Shrub", Short: "Sh", Uses: 2}})
	})
	return tr
}

func TestKeysOfACaseInsensitiveCollationAreWhatTheDatabaseTakesThemFor(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		do   func(db *gorm.DB) *gorm.DB
		want string
	}{
		"Save":           {func(db *gorm.DB) *gorm.DB { return db.Save(&Term{Word: "TREE", Short: "tr", Uses: 5}) }, "update 1 -> 5"},
		"Updates":        {func(db *gorm.DB) *gorm.DB { return db.Model(&Term{Word: "TREE"}).Update("uses", 5) }, "update 1 -> 5"},
		"Updates by map": {func(db *gorm.DB) *gorm.DB { return db.Model(&Term{Word: "tree"}).Update("uses", gorm.Expr("uses + 4")) }, "update 1 -> 5"},
		"Delete":         {func(db *gorm.DB) *gorm.DB { return db.Delete(&Term{Word: "TREE"}) }, "delete 1"},
		"upsert by key": {func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"uses"})}).Create(&Term{Word: "TREE", Short: "x", Uses: 5})
		}, "update 1 -> 5"},
		"upsert by index": {func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"uses"})}).Create(&Term{Word: "Wood", Short: "TR", Uses: 5})
		}, "update 1 -> 5"},
		"Save slice": {func(db *gorm.DB) *gorm.DB { return db.Save(&[]Term{{Word: "tree", Short: "TR", Uses: 5}}) }, "update 1 -> 5"},
		"many by index": {func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"uses"})}).Create(&[]Term{
				{Word: "Wood", Short: "T\u0154", Uses: 5}, {Word: "Garden", Short: "new", Uses: 6}, {Word: "Hedges", Short: "SH", Uses: 7},
			})
		}, "update 1 -> 5, create 6, update 2 -> 7"},
		"a trailing space": {func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Term{Word: "oak", Short: "Sh ", Uses: 5})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMySQL(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr := terms(t, open)
				assert.Equal(t, one.want, strings.Join(tr.call(t, func(db *gorm.DB) (*gorm.DB, any) { return one.do(db), nil }), ", "))
			})
		})
	}
}

func TestARowThatReceiversTouchIsKnownByACaseInsensitiveKey(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := terms(t, open)
		signals.For[Term](tr.with).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Term]) error {
			return e.DB().Exec("UPDATE terms SET short = short WHERE word = ?", e.Instance.Word).Error
		})
		assert.Equal(t, []string{"update 1 -> 5"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Term{Word: "TREE"}).Update("uses", 5), nil
		}))
	})
}

func TestKeysOfABatchAreInTheInstancesRightAfterCreate(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := newTruth(t, open, showAccount)
		assert.Equal(t, []string{"create 1 nil 1/1 0", "create 2 nil 1/2 0", "create 3 nil 1/3 0"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			all := []Account{{Shop: 1, Number: 1}, {Shop: 1, Number: 2}, {Shop: 1, Number: 3}}
			return db.Create(&all), all
		}))
		assert.Equal(t, []string{"create 4 nil 2/1 0", "create 5 nil 2/2 0"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			all := []map[string]any{{"shop": 2, "number": 1}, {"shop": 2, "number": 2}}
			return db.Model(&Account{}).Create(&all), nil
		}))
	})
}

// Wagon is numbered as the wagons of one of three stations are.
type Wagon struct {
	ID   uint `gorm:"autoIncrementIncrement:3"`
	Name string
}

func TestKeysOfABatchFollowAutoIncrementIncrement(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		numbered := func(t *testing.T, params ...string) *gorm.DB {
			t.Helper()
			return open(t, append(params, "auto_increment_increment=3", "auto_increment_offset=2")...)
		}
		tr := newTruth(t, numbered, func(w *Wagon) string { return fmt.Sprint(w.ID, " ", w.Name) })
		assert.Equal(t, []string{"create 2 a", "create 5 b", "create 8 c"}, tr.call(t, func(db *gorm.DB) (*gorm.DB, any) {
			all := []Wagon{{Name: "a"}, {Name: "b"}, {Name: "c"}}
			return db.Create(&all), all
		}))
	})
}

func TestAnUpsertSeesWhatOthersCommittedSinceTheTransactionBegan(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		tr := accounts(t, open)
		other := tr.with.Session(&gorm.Session{SkipHooks: true, NewDB: true})
		require.NoError(t, tr.with.Transaction(func(tx *gorm.DB) error {
			var n int64
			require.NoError(t, tx.Model(&Account{}).Count(&n).Error, "the snapshot of REPEATABLE READ")
			require.NoError(t, other.Create(&Account{ID: 4, Mail: new("d"), Shop: 4, Number: 4}).Error)
			tr.post = nil
			require.NoError(t, tx.Clauses(pointsOnly()).Create(&Account{ID: 5, Mail: new("d"), Shop: 5, Number: 5, Points: 9}).Error)
			require.Len(t, tr.post, 1)
			assert.Equal(t, "update", tr.post[0].kind)
			tr.post = nil
			return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Account{{ID: 6, Mail: new("d")}, {ID: 7, Shop: 7}}).Error
		}))
		require.Len(t, tr.post, 1)
		assert.Equal(t, "create 7", tr.post[0].kind+" "+tr.post[0].key)
	})
}

func TestAReceiverOfKeysHearsWhetherASaveOnMySQLCreates(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		db := open(t)
		require.NoError(t, db.AutoMigrate(&Account{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		var created []bool
		signals.For[Account](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Account]) error {
			created = append(created, e.Created)
			return nil
		}, signals.Needs(signals.Keys))
		for range 3 {
			require.NoError(t, db.Save(&Account{ID: 1, Points: 1}).Error)
		}
		require.NoError(t, db.Save(&[]Account{{ID: 1, Points: 1}, {ID: 2, Shop: 2}}).Error)
		require.NoError(t, db.Model(&Account{ID: 1}).Update("points", 1).Error)
		require.NoError(t, db.Model(&Account{ID: 9}).Update("points", 1).Error)
		assert.Equal(t, []bool{true, false, false, false, true, false}, created)
	})
}
