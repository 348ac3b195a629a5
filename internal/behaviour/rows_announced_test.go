package behaviour_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestRowsThatATriggerKeepsSendNoPostSignal(t *testing.T) {
	t.Parallel()
	keep := func(event string) string {
		return "CREATE TRIGGER keep_" + event + " BEFORE " + event + " ON %s WHEN OLD.id = 2 BEGIN SELECT RAISE(IGNORE); END"
	}
	writes := map[string]func(db *gorm.DB) *gorm.DB{
		"values": func(db *gorm.DB) *gorm.DB { return db.Model(&Page{}).Where("id > 0").Update("views", 7) },
		"expressions": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Page{}).Where("id > 0").Update("views", gorm.Expr("views + 7"))
		},
		"values that are there": func(db *gorm.DB) *gorm.DB { return db.Model(&Page{}).Where("id > 0").Update("title", "same") },
		"one by key":            func(db *gorm.DB) *gorm.DB { return db.Model(&Page{ID: 2}).Update("views", 7) },
		"Save":                  func(db *gorm.DB) *gorm.DB { return db.Save(&Page{ID: 2, Title: "new"}) },
		"soft delete":           func(db *gorm.DB) *gorm.DB { return db.Where("id > 0").Delete(&Page{}) },
		"delete":                func(db *gorm.DB) *gorm.DB { return db.Unscoped().Where("id > 0").Delete(&Page{}) },
		"OR IGNORE": func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.Update{Modifier: "OR IGNORE"}).Model(&Page{}).Where("id > 0").Update("views", 7)
		},
	}
	for name, write := range writes {
		for _, needs := range []signals.Need{signals.Keys, signals.Original} {
			for _, size := range []int{0, 2} {
				t.Run(fmt.Sprint(name, ", needs ", needs, ", batches of ", size), func(t *testing.T) {
					t.Parallel()
					db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Page{})
					require.NoError(t, db.Create(&[]Page{{Title: "same"}, {Title: "same"}, {Title: "same"}, {Title: "same"}, {Title: "same"}}).Error)
					require.NoError(t, db.Exec(fmt.Sprintf(keep("UPDATE"), "pages")).Error)
					require.NoError(t, db.Exec(fmt.Sprintf(keep("DELETE"), "pages")).Error)
					var heard []uint
					pages := signals.For[Page](db)
					pages.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Page]) error {
						heard = append(heard, e.Instance.ID)
						return nil
					}, signals.Needs(needs))
					pages.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Page]) error {
						heard = append(heard, e.Instance.ID)
						return nil
					},
						signals.Needs(min(needs, signals.Row)))
					if tx := write(db); tx.Error != nil { // only the keys of values that the database computed cannot tell
						assert.Equal(t, "expressions", name)
						assert.Equal(t, signals.Keys, needs)
						assert.ErrorContains(t, tx.Error, "signals.Needs(signals.Original)")
						assert.Empty(t, heard)
						return
					}
					switch name {
					case "one by key", "Save":
						assert.Empty(t, heard)
					case "values that are there":
						assert.Len(t, heard, 4) // which four, nothing tells
					default:
						assert.Equal(t, []uint{1, 3, 4, 5}, heard)
					}
				})
			}
		}
	}
}

// Stamp is a column that a field type counts up, in rows that are as the writer has read them: an optimistic lock.
type Stamp int64

// UpdateClauses is what GORM asks the type for.
func (Stamp) UpdateClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{stampClause{f}}
}

type stampClause struct{ field *schema.Field }

func (stampClause) Name() string               { return "" }
func (stampClause) Build(clause.Builder)       {}
func (stampClause) MergeClause(*clause.Clause) {}
func (c stampClause) ModifyStatement(stmt *gorm.Statement) {
	if _, done := stmt.Clauses["stamped"]; done {
		return
	}
	stmt.Clauses["stamped"] = clause.Clause{}
	if value, zero := c.field.ValueOf(stmt.Context, stmt.ReflectValue); !zero {
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: c.field.DBName, Value: value}}})
	}
	if m, ok := stmt.Dest.(map[string]any); ok {
		m[c.field.DBName] = gorm.Expr("stamp + 1")
	}
}

type StampedRow struct {
	ID    uint
	Name  string
	Stamp Stamp
}

func TestAFieldTypeThatLocksOptimisticallyKeepsItsConditionAndItsColumn(t *testing.T) {
	t.Parallel()
	db := open(t, &StampedRow{})
	var heard []string
	signals.For[StampedRow](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*StampedRow]) error {
		heard = append(heard, fmt.Sprint(e.Instance.Name, e.Instance.Stamp))
		return nil
	})
	require.NoError(t, db.Create(&StampedRow{ID: 1, Name: "a", Stamp: 1}).Error)
	heard = nil
	mine, theirs := find[StampedRow](t, db, 1), find[StampedRow](t, db, 1)
	tx := db.Model(&mine).Updates(map[string]any{"name": "mine"})
	require.NoError(t, tx.Error)
	assert.EqualValues(t, 1, tx.RowsAffected)
	tx = db.Model(&theirs).Updates(map[string]any{"name": "theirs"})
	require.NoError(t, tx.Error)
	assert.Zero(t, tx.RowsAffected)
	assert.Equal(t, StampedRow{ID: 1, Name: "mine", Stamp: 2}, find[StampedRow](t, db, 1))
	assert.Equal(t, []string{"mine2"}, heard)
}

type pricedKey struct {
	A, B, C, D, E int `gorm:"primaryKey;autoIncrement:false"`
	N             int
}

func TestBatchesOfWideKeysStayBelowTheLimitOfParameters(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: 10_000}, &pricedKey{})
	const n = 13_000
	require.NoError(t, db.Exec("WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i < ?) INSERT INTO priced_keys SELECT i,1,1,1,1,1 FROM s", n).Error)
	told := 0
	keys := signals.For[pricedKey](db)
	keys.PostSave.Connect(func(context.Context, signals.SaveEvent[*pricedKey]) error { told++; return nil })
	keys.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*pricedKey]) error { told++; return nil })
	for _, write := range []func() *gorm.DB{
		func() *gorm.DB { return db.Model(&pricedKey{}).Where("n > 0").Update("n", 2) },
		func() *gorm.DB { return db.Model(&pricedKey{}).Where("n > (SELECT 0)").Update("n", 3) },
		func() *gorm.DB { return db.Where("n > 0").Delete(&pricedKey{}) },
	} {
		told = 0
		tx := write()
		require.NoError(t, tx.Error)
		assert.EqualValues(t, n, tx.RowsAffected)
		assert.Equal(t, n, told)
	}
}

type timedKey struct {
	At time.Time `gorm:"primaryKey;default:CURRENT_TIMESTAMP"`
	N  int
}

type nullKey struct {
	A *string `gorm:"primaryKey"`
	B string  `gorm:"primaryKey"`
	N int
}

func TestAKeyThatDoesNotNameItsRowNeverStandsInForTheCondition(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: 2}, &timedKey{}, &nullKey{}, &Product{})
	require.NoError(t, db.Exec("CREATE TABLE history (id integer, name text, slug text, price integer, stock integer, created_at datetime, updated_at datetime)").Error)
	require.NoError(t, db.Exec("INSERT INTO history (id, name, price) VALUES (1,'v1',1),(1,'v2',2),(1,'v3',3),(2,'v1',4)").Error)
	require.NoError(t, db.Exec("INSERT INTO timed_keys (n) VALUES (1)").Error)
	require.NoError(t, db.Exec("INSERT INTO null_keys VALUES (NULL,'x',1),(NULL,'y',1),('a','x',1),('b','x',1),('c','x',1)").Error)
	told := 0
	signals.For[timedKey](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*timedKey]) error { told++; return nil })
	signals.For[nullKey](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*nullKey]) error { told++; return nil })
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { told++; return nil })
	signals.For[Product](db).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { told++; return nil })
	for name, write := range map[string]func() *gorm.DB{
		"time": func() *gorm.DB { return db.Model(&timedKey{}).Where("n = 1").Update("n", 2) },
		"NULL": func() *gorm.DB { return db.Model(&nullKey{}).Where("n = 1").Update("n", 2) },
		"update of a history": func() *gorm.DB {
			return db.Table("history").Model(&Product{}).Where("name = ?", "v2").Update("stock", 2)
		},
		"deletion of a history": func() *gorm.DB { return db.Table("history").Where("name = ?", "v3").Delete(&Product{}) },
	} {
		told = 0
		tx := write()
		require.NoError(t, tx.Error, name)
		assert.EqualValues(t, map[string]int{"time": 1, "NULL": 5, "update of a history": 1, "deletion of a history": 1}[name], tx.RowsAffected, name)
		assert.EqualValues(t, tx.RowsAffected, told, name)
	}
	var left []string
	require.NoError(t, db.Raw("SELECT name || COALESCE(stock, '') FROM history ORDER BY price").Scan(&left).Error)
	assert.Equal(t, []string{"v1", "v22", "v1"}, left)
}

type ownedRow struct {
	ID    uint
	Owner string `gorm:"<-:create"`
	N     int
}

func TestAReceiverCannotUpdateWhatGORMWouldNot(t *testing.T) {
	t.Parallel()
	db := open(t, &ownedRow{})
	require.NoError(t, db.Create(&ownedRow{ID: 1, Owner: "ann", N: 1}).Error)
	s := signals.For[ownedRow](db)
	s.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*ownedRow]) error {
		e.Instance.Owner = "mallory"
		return nil
	})
	s.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*ownedRow]) error {
		assert.Equal(t, "ann", e.Instance.Owner)
		assert.False(t, e.Changed("Owner"))
		return nil
	})
	require.NoError(t, db.Model(&ownedRow{}).Where("id = 1").Update("n", 2).Error)
	require.NoError(t, db.Model(&ownedRow{ID: 1}).Update("n", 3).Error)
	assert.Equal(t, ownedRow{ID: 1, Owner: "ann", N: 3}, find[ownedRow](t, db, 1))
}

func TestWhatAReceiverChangedIsNotWrittenBackByALaterSave(t *testing.T) {
	t.Parallel()
	for name, update := range map[string]func(db *gorm.DB, p *Product) error{
		"Update":           func(db *gorm.DB, p *Product) error { return db.Model(p).Update("price", 9).Error },
		"Updates of a map": func(db *gorm.DB, p *Product) error { return db.Model(p).Updates(map[string]any{"price": 9}).Error },
		"Updates":          func(db *gorm.DB, p *Product) error { p.Price = 9; return db.Updates(p).Error },
		"another struct":   func(db *gorm.DB, p *Product) error { return db.Model(p).Updates(Product{Price: 9}).Error },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := seeded(t, signals.Plugin{})
			off := signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
				e.Instance.Slug = fmt.Sprint("at-", e.Instance.Price)
				return nil
			})
			p := find[Product](t, db, 1)
			require.NoError(t, update(db, &p))
			assert.Equal(t, "at-9", p.Slug)
			off()
			require.NoError(t, db.Save(&p).Error)
			assert.Equal(t, "at-9", find[Product](t, db, 1).Slug)
		})
	}
}
