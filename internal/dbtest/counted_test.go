package dbtest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// Bouquet has flowers.
type Bouquet struct {
	ID      uint
	Name    string
	Flowers []Flower `gorm:"many2many:bouquet_flowers"`
}

// Flower is in bouquets.
type Flower struct {
	ID       uint
	Name     string
	Bouquets []Bouquet `gorm:"many2many:bouquet_flowers"`
}

// Vase is found by its name.
type Vase struct {
	ID    uint
	Name  string `gorm:"size:40;uniqueIndex"`
	Price int
}

// Bed has a key that the program gives.
type Bed struct {
	Code  string `gorm:"size:40;primaryKey"`
	Price int
}

// opened opens a database whose statements are counted.
func opened(t *testing.T, dialector gorm.Dialector, models ...any) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
	require.NoError(t, db.AutoMigrate(models...))
	return db
}

// appended appends a new flower, a stored one, and one that is there already to a bouquet, and returns how many statements each takes.
func appended(t *testing.T, db *gorm.DB) (n [3]int) {
	t.Helper()
	bouquet, stored := Bouquet{Name: "b"}, Flower{Name: "rose"}
	require.NoError(t, db.Create(&bouquet).Error)
	require.NoError(t, db.Create(&stored).Error)
	for i, flower := range []*Flower{{Name: "aster"}, &stored, &stored} {
		n[i] = statementsOf(t, db, func(tx *gorm.DB) error {
			return tx.Model(&Bouquet{ID: bouquet.ID}).Association("Flowers").Append(flower)
		})
	}
	return n
}

func TestReceiversOfLinksCostAnAppendOneStatement(t *testing.T) {
	t.Parallel()
	ofBouquets := func(heard map[signals.M2MAction]int, options ...signals.ConnectOption) func(db *gorm.DB) {
		return func(db *gorm.DB) {
			signals.For[Bouquet](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Bouquet]) error {
				assert.Equal(t, "b", e.Instance.Name, "the stored row, of which the caller has only the key")
				heard[e.Action] += len(e.PKs)
				return nil
			}, options...)
		}
	}
	for name, connect := range map[string]func(heard map[signals.M2MAction]int) func(db *gorm.DB){
		"one side": func(heard map[signals.M2MAction]int) func(db *gorm.DB) { return ofBouquets(heard) },
		"after commit": func(heard map[signals.M2MAction]int) func(db *gorm.DB) {
			return ofBouquets(heard, signals.AfterCommit())
		},
		"both sides": func(heard map[signals.M2MAction]int) func(db *gorm.DB) {
			return func(db *gorm.DB) {
				ofBouquets(heard)(db)
				signals.For[Flower](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Flower]) error {
					assert.NotEmpty(t, e.Instance.Name)
					return nil
				})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := opened(t, dialector(), &Bouquet{}, &Flower{})
				plain := appended(t, db)
				require.NoError(t, db.Use(signals.Plugin{}))
				heard := map[signals.M2MAction]int{}
				connect(heard)(db)
				appended(t, db) // what is asked once is known now
				clear(heard)
				with := appended(t, db)
				for i, what := range []string{"new", "stored", "linked"} {
					assert.LessOrEqual(t, with[i], plain[i]+1, what)
				}
				assert.Equal(t, 2, heard[signals.PostAdd])
				if name != "after commit" {
					assert.Equal(t, 2, heard[signals.PreAdd])
				}
			})
		})
	}
}

// TestARowThatAnotherConnectionInsertsMeanwhileIsWrittenAsTheCallerSaid: the other connection inserts it once the stored rows were read.
func TestARowThatAnotherConnectionInsertsMeanwhileIsWrittenAsTheCallerSaid(t *testing.T) {
	t.Parallel()
	more := clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.Assignments(map[string]any{"price": gorm.Expr("beds.price + 10")})}
	for name, c := range map[string]struct {
		on     clause.OnConflict
		heard  []string
		stored []Bed
	}{
		"update":     {clause.OnConflict{UpdateAll: true}, []string{"a new", "b stored", "c new"}, []Bed{{"a", 1}, {"b", 2}, {"c", 3}}},
		"expression": {more, []string{"a new", "b stored", "c new"}, []Bed{{"a", 1}, {"b", 17}, {"c", 3}}},
		"nothing":    {clause.OnConflict{DoNothing: true}, []string{"a new", "c new"}, []Bed{{"a", 1}, {"b", 7}, {"c", 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMySQL(t, func(t *testing.T, open ownDB) {
				t.Helper()
				upsert := func(db *gorm.DB) int64 {
					done := db.Clauses(c.on).Create(&[]Bed{{"a", 1}, {"b", 2}, {"c", 3}})
					require.NoError(t, done.Error)
					return done.RowsAffected
				}
				db := open(t)
				require.NoError(t, db.AutoMigrate(&Bed{}))
				require.NoError(t, db.Create(&Bed{"b", 7}).Error)
				plain := upsert(db)
				require.NoError(t, db.Exec("DELETE FROM beds").Error)
				require.NoError(t, db.Use(signals.Plugin{}))
				other := db.Session(&gorm.Session{SkipHooks: true}) // outside the transaction
				signals.For[Bed](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Bed]) error {
					assert.True(t, e.Created)
					if e.Instance.Code != "b" {
						return nil
					}
					return other.Create(&Bed{"b", 7}).Error
				})
				var heard []string
				signals.For[Bed](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Bed]) error {
					old, err := e.Original()
					if e.Created {
						heard = append(heard, e.Instance.Code+" new")
						return err
					}
					if heard = append(heard, e.Instance.Code+" stored"); slices.Contains(db.Callback().Create().Clauses, "RETURNING") {
						assert.Equal(t, 7, old.Price) // else it is the row as it is by then
					}
					return err
				})
				assert.Equal(t, plain, upsert(db), "the number of rows")
				var stored []Bed
				require.NoError(t, db.Order("code").Find(&stored).Error)
				assert.Equal(t, c.heard, heard)
				assert.Equal(t, c.stored, stored)
			})
		})
	}
}

func TestAnOwnerThatAReceiverOfTheOtherSideWritesIsReadAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := opened(t, dialector(), &Bouquet{}, &Flower{})
		require.NoError(t, db.Use(signals.Plugin{}))
		writes := false
		signals.For[Bouquet](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Bouquet]) error {
			if !writes || e.Action != signals.PreAdd {
				return nil
			}
			return e.DB().Model(&Flower{}).Where("id IN ?", e.PKs).UpdateColumn("name", "picked").Error
		})
		var names []string
		signals.For[Flower](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Flower]) error {
			names = append(names, e.Instance.Name)
			return nil
		})
		appended(t, db)
		names, writes = nil, true
		appended(t, db)
		assert.Equal(t, []string{"picked", "picked", "picked", "picked"}, names)
	})
}

func TestReceiversCostAnUpsertFewStatements(t *testing.T) {
	t.Parallel()
	all, none := clause.OnConflict{UpdateAll: true}, clause.OnConflict{DoNothing: true}
	byName := clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"price"})}
	two := map[string]int{"sqlite": 2, "postgres": 2, "mysql": 2}
	keyed := map[string]int{"sqlite": 2, "postgres": 2, "mysql": 3} // MariaDB is asked what it has found: its INSERT returns the key to GORM
	for name, c := range map[string]struct {
		on   clause.OnConflict
		row  func(n int) any
		most map[string]int
	}{
		"a key of the program":             {all, func(n int) any { return &Bed{Code: "a", Price: n} }, two},
		"a key of the program, DO NOTHING": {none, func(n int) any { return &Bed{Code: "a", Price: n} }, two},
		"a key of the database, given":     {all, func(n int) any { return &Vase{ID: 7, Name: "a", Price: n} }, keyed},
		"by a unique column":               {byName, func(n int) any { return &Vase{Name: "a", Price: n} }, keyed},
		"DO NOTHING":                       {none, func(n int) any { return &Vase{ID: 7, Name: "a", Price: n} }, keyed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := opened(t, dialector(), &Vase{}, &Bed{})
				require.NoError(t, db.Use(signals.Plugin{}))
				var created []bool
				signals.For[Vase](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Vase]) error {
					created = append(created, e.Created)
					return nil
				})
				signals.For[Bed](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Bed]) error {
					created = append(created, e.Created)
					return nil
				})
				upsert := func(n int) int {
					return statementsOf(t, db, func(tx *gorm.DB) error { return tx.Clauses(c.on).Create(c.row(n)).Error })
				}
				upsert(0)
				upsert(1)
				require.NoError(t, db.Exec("DELETE FROM vases").Error)
				require.NoError(t, db.Exec("DELETE FROM beds").Error)
				created = nil
				assert.LessOrEqual(t, upsert(1), c.most[db.Name()], "of a new row")
				assert.LessOrEqual(t, upsert(2), c.most[db.Name()], "of a stored row")
				if c.on.DoNothing {
					assert.Equal(t, []bool{true}, created)
				} else {
					assert.Equal(t, []bool{true, false}, created)
				}
			})
		})
	}
}

// Memo has a soft delete.
type Memo struct {
	ID        uint
	Text      string `gorm:"size:40"`
	DeletedAt gorm.DeletedAt
}

func TestTellingTheKindCostsAReadOnlyWhereNoConditionTellsIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	hidden := gorm.DeletedAt{Time: now, Valid: true}
	free := map[string]func(tx *gorm.DB) error{
		"update":           func(tx *gorm.DB) error { return tx.Model(&Memo{ID: 1}).Update("text", "a").Error },
		"unscoped update":  func(tx *gorm.DB) error { return tx.Unscoped().Model(&Memo{ID: 1}).Update("text", "b").Error },
		"by a condition":   func(tx *gorm.DB) error { return tx.Model(&Memo{}).Where("id < ?", 3).Update("text", "c").Error },
		"save":             func(tx *gorm.DB) error { return tx.Save(&Memo{ID: 1, Text: "d"}).Error },
		"mark of a key":    func(tx *gorm.DB) error { return tx.Model(&Memo{ID: 1}).Update("deleted_at", now).Error },
		"save of the mark": func(tx *gorm.DB) error { return tx.Save(&Memo{ID: 3, DeletedAt: hidden}).Error },
	}
	read := map[string]func(tx *gorm.DB) error{
		"computed mark": func(tx *gorm.DB) error {
			return tx.Model(&Memo{ID: 2}).Update("deleted_at", gorm.Expr("CURRENT_TIMESTAMP")).Error
		},
		"restore": func(tx *gorm.DB) error { return tx.Unscoped().Model(&Memo{ID: 4}).Update("deleted_at", nil).Error },
		"save":    func(tx *gorm.DB) error { return tx.Unscoped().Save(&Memo{ID: 4, Text: "e"}).Error },
	}
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		count := func(t *testing.T, need signals.Need, connect func(db *gorm.DB, need signals.ConnectOption), write func(tx *gorm.DB) error) int {
			t.Helper()
			db := opened(t, dialector(), &Memo{})
			require.NoError(t, db.Unscoped().Where("1 = 1").Delete(&Memo{}).Error) // the rows of the last count
			require.NoError(t, db.Create(&[]Memo{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}}).Error)
			require.NoError(t, db.Use(signals.Plugin{}))
			connect(db, signals.Needs(need))
			require.NoError(t, db.Unscoped().Save(&Memo{ID: 4, DeletedAt: hidden}).Error) // the plugin asks about the table once
			return statementsOf(t, db, write)
		}
		saves := func(db *gorm.DB, need signals.ConnectOption) {
			signals.For[Memo](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Memo]) error { return nil }, need)
		}
		changes := func(db *gorm.DB, need signals.ConnectOption) {
			signals.For[Memo](db).PostChange.Connect(func(context.Context, signals.ChangeEvent[*Memo]) error { return nil }, need)
		}
		for _, need := range []signals.Need{signals.Keys, signals.Row} {
			for name, write := range free {
				assert.Equal(t, count(t, need, saves, write), count(t, need, changes, write), "%s, %s", name, need)
			}
			for name, write := range read {
				assert.LessOrEqual(t, count(t, need, changes, write), count(t, need, saves, write)+1, "%s, %s", name, need)
			}
		}
	})
}
