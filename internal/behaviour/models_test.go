package behaviour_test

import (
	"context"
	"database/sql/driver"
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

// Forms of models and of statements that change nothing of what is sent, and what is silent.

// Venue has embedded structs, a serializer and a column of a type of its own.
type Venue struct {
	ID      uint
	Name    string
	Address VenueAddress `gorm:"embedded;embeddedPrefix:address_"`
	*VenueTimes
	Tags  []string `gorm:"serializer:json"`
	Grade Grade
	Rank  int
}

// VenueAddress is embedded by value.
type VenueAddress struct {
	Street string
	Zip    string
}

// VenueTimes is embedded by pointer.
type VenueTimes struct {
	Opens string
}

// Grade is stored as a letter.
type Grade struct{ n int }

// Value implements [driver.Valuer].
func (g Grade) Value() (driver.Value, error) { return strings.Repeat("*", g.n), nil }

// Scan implements [database/sql.Scanner].
func (g *Grade) Scan(value any) error {
	g.n = len(fmt.Sprint(value))
	return nil
}

func venues(t *testing.T, size int) (*gorm.DB, *trace) {
	t.Helper()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Venue{})
	require.NoError(t, db.Create(&[]Venue{
		{Name: "a", Address: VenueAddress{"x", "1"}, VenueTimes: &VenueTimes{Opens: "8"}, Tags: []string{"t"}, Grade: Grade{1}},
		{Name: "b", Address: VenueAddress{"y", "2"}, VenueTimes: &VenueTimes{}, Grade: Grade{2}},
	}).Error)
	return db, traceOf(db, func(v *Venue) string {
		opens := "nil"
		if v.VenueTimes != nil {
			opens = v.Opens
		}
		return fmt.Sprintf("%s %s%s %s %v %d", v.Name, v.Address.Street, v.Address.Zip, opens, v.Tags, v.Grade.n)
	})
}

func TestEmbeddedStructsSendLikePlainFields(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db, tr := venues(t, size)
			changes := changesOf[Venue](db)
			require.NoError(t, db.Model(&Venue{}).Where("address_zip = ?", "1").Update("address_street", "new").Error)
			assert.Equal(t, []string{"pre_save update a new1 8 [t] 1", "post_save update a new1 8 [t] 1"}, tr.take())
			assert.Equal(t, []string{"Street: x -> new"}, changes.take())
			require.NoError(t, db.Model(&Venue{ID: 2}).Updates(Venue{VenueTimes: &VenueTimes{Opens: "9"}}).Error)
			assert.Equal(t, []string{"pre_save update b y2 9 [] 2", "post_save update b y2 9 [] 2"}, tr.take())
			assert.Equal(t, []string{"Opens:  -> 9"}, changes.take())
			require.NoError(t, db.Delete(&Venue{}, 1).Error)
			assert.Equal(t, []string{"pre_delete hard a new1 8 [t] 1", "post_delete hard a new1 8 [t] 1"}, tr.take())
		})
	}
}

func TestSerializersShowAndWriteTheValueOfTheField(t *testing.T) {
	t.Parallel()
	db, tr := venues(t, 0)
	changes := changesOf[Venue](db)
	require.NoError(t, db.Model(&Venue{}).Where("name = ?", "a").Updates(Venue{Tags: []string{"p", "q"}}).Error)
	assert.Equal(t, []string{"pre_save update a x1 8 [p q] 1", "post_save update a x1 8 [p q] 1"}, tr.take())
	assert.Equal(t, []string{"Tags: [t] -> [p q]"}, changes.take())
	disconnect := signals.For[Venue](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Venue]) error {
		e.Instance.Tags = append(e.Instance.Tags, "by-receiver")
		return nil
	})
	require.NoError(t, db.Model(&Venue{}).Where("1 = 1").Update("name", "c").Error)
	assert.Equal(t, []string{
		"Name: a -> c", "Tags: [p q] -> [p q by-receiver]", "Name: b -> c", "Tags: [] -> [by-receiver]",
	}, changes.take())
	disconnect()
	v := find[Venue](t, db, 1)
	assert.Equal(t, []string{"p", "q", "by-receiver"}, v.Tags)
	v.Tags = []string{"p", "q", "by-receiver"}
	require.NoError(t, db.Save(&v).Error)
	assert.Empty(t, changes.take(), "another slice with the same elements is no change")
}

func TestCustomTypesAreComparedByTheirValue(t *testing.T) {
	t.Parallel()
	db, tr := venues(t, 0)
	changes := changesOf[Venue](db)
	require.NoError(t, db.Model(&Venue{ID: 1}).Update("grade", Grade{5}).Error)
	assert.Equal(t, []string{"pre_save update a x1 8 [t] 5", "post_save update a x1 8 [t] 5"}, tr.take())
	assert.Equal(t, []string{"Grade: {1} -> {5}"}, changes.take())
	require.NoError(t, db.Model(&Venue{ID: 1}).Updates(Venue{Grade: Grade{5}, Rank: 3}).Error)
	assert.Equal(t, []string{"Rank: 0 -> 3"}, changes.take())
	assert.EqualValues(t, 1, db.Where("grade = ?", Grade{5}).Delete(&Venue{}).RowsAffected)
}

func TestAnUpdateThatJoinsOtherTablesSendsForItsOwnRows(t *testing.T) {
	t.Parallel()
	for name, condition := range map[string]string{
		"a join":                 "raises.name = products.name",
		"a join and a subquery":  "raises.name = products.name AND products.price < (SELECT 9 + COUNT(*) FROM raises)",
		"a row of several joins": "raises.name >= products.name AND products.price < (SELECT 9 + COUNT(*) FROM raises)",
	} {
		for _, size := range []int{0, 1, 2} {
			t.Run(fmt.Sprint(name, " in batches of ", size), func(t *testing.T) {
				t.Parallel()
				changed := func(plugin bool) (lines, names []string, affected int64) {
					db := testkit.Open(t, &gorm.Config{}, &Product{})
					tr := &trace{}
					if plugin {
						require.NoError(t, db.Use(signals.Plugin{BatchSize: size}))
					}
					require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}}).Error)
					if plugin {
						signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
							tr.add("pre %s", e.Instance.Name)
							return nil
						})
						signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
							tr.add("post %s %d", e.Instance.Name, e.Instance.Stock)
							return nil
						})
					}
					require.NoError(t, db.Exec("CREATE TABLE raises (name TEXT, price INTEGER)").Error)
					require.NoError(t, db.Exec("INSERT INTO raises VALUES ('a', 7), ('c', 7), ('d', 7), ('e', 7)").Error)
					result := db.Model(&Product{}).Clauses(clause.From{Tables: []clause.Table{{Name: "raises"}}}).
						Where(condition).Update("stock", gorm.Expr("raises.price"))
					require.NoError(t, result.Error)
					require.NoError(t, db.Model(&Product{}).Where("stock = 7").Order("id").Pluck("name", &names).Error)
					return tr.take(), names, result.RowsAffected
				}
				_, want, wantAffected := changed(false)
				lines, names, affected := changed(true)
				assert.Equal(t, want, names)
				assert.Equal(t, wantAffected, affected)
				var sent []string
				for _, name := range want {
					sent = append(sent, "pre "+name, "post "+name+" 7")
				}
				assert.ElementsMatch(t, sent, lines)
			})
		}
	}
}

func TestSubqueriesInConditionsAndValuesSendForTheRowsThatTheyPick(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db, tr := seeded(t, signals.Plugin{BatchSize: size})
			top := func(column string) *gorm.DB { return db.Model(&Product{}).Select("MAX(" + column + ")") }
			require.NoError(t, db.Model(&Product{}).Where("price < (?)", top("price")).Update("stock", top("id")).Error)
			assert.Len(t, tr.take(), 4)
			assert.Equal(t, 3, find[Product](t, db, 2).Stock)
			require.NoError(t, db.Where("id IN (?)", db.Model(&Product{}).Select("id").Where("stock = 3")).Delete(&Product{}).Error)
			assert.Len(t, tr.take(), 4)
			assert.EqualValues(t, 1, count[Product](t, db))
		})
	}
}

func TestLimitAndOrderPickTheRowsWhereTheDialectHasThem(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db, tr := seeded(t, signals.Plugin{BatchSize: size})
			require.EqualValues(t, 3, db.Model(&Product{}).Where("1 = 1").Limit(1).Update("stock", 1).RowsAffected)
			assert.Len(t, tr.take(), 6, "SQLite has no LIMIT in UPDATE, and GORM leaves it out")
			update, remove := db.Callback().Update(), db.Callback().Delete()
			update.Clauses = append(update.Clauses, "ORDER BY", "LIMIT")
			remove.Clauses = append(remove.Clauses, "ORDER BY", "LIMIT")
			result := db.Model(&Product{}).Where("1 = 1").Order("price DESC").Limit(2).Update("stock", 1)
			require.NoError(t, result.Error)
			assert.EqualValues(t, 2, result.RowsAffected)
			assert.ElementsMatch(t, []string{
				"pre_save update 3 c 3", "pre_save update 2 b 2", "post_save update 3 c 3", "post_save update 2 b 2",
			}, tr.take())
			require.NoError(t, db.Where("1 = 1").Order("price").Limit(1).Delete(&Product{}).Error)
			assert.Equal(t, []string{"pre_delete hard 1 a 1", "post_delete hard 1 a 1"}, tr.take())
		})
	}
}

func TestCreateReturningShowsReceiversWhatTheDatabaseFilledIn(t *testing.T) {
	t.Parallel()
	db := open(t, &Stamped{})
	tr := traceOf(db, func(s *Stamped) string { return fmt.Sprint(s.ID, s.Name, s.Mark) })
	require.NoError(t, db.Clauses(clause.Returning{}).Create(&[]Stamped{{Name: "a"}, {Name: "b", Mark: "own"}}).Error)
	want := []string{"pre_save create 0a", "pre_save create 0bown", "post_save create 1anone", "post_save create 2bown"}
	assert.Equal(t, want, tr.take())
}

// Stamped has a column that the database fills in.
type Stamped struct {
	ID   uint
	Name string
	Mark string `gorm:"default:none"`
}

// Keeper has rows that the database itself deletes, or changes, when the Keeper goes, and links without a model.
type Keeper struct {
	ID    uint
	Birds []Bird `gorm:"constraint:OnDelete:CASCADE"`
	Cages []Cage `gorm:"constraint:OnDelete:SET NULL"`
	Zoos  []Zoo  `gorm:"many2many:keeper_zoos"`
}

// Bird goes with its Keeper.
type Bird struct {
	ID       uint
	KeeperID uint
}

// Cage stays without its Keeper.
type Cage struct {
	ID       uint
	KeeperID *uint
}

// Zoo has many Keepers.
type Zoo struct {
	ID   uint
	Name string
}

func zoo(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db := open(t, &Keeper{}, &Bird{}, &Cage{}, &Zoo{})
	require.NoError(t, db.Create(&Keeper{Birds: []Bird{{}}, Cages: []Cage{{}}}).Error)
	tr := &trace{}
	all := signals.Implementing[any](db)
	all.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error { tr.add("save %T", e.Instance); return nil })
	all.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[any]) error { tr.add("delete %T", e.Instance); return nil })
	return db, tr
}

func TestSetNullAndTriggersOfTheDatabaseAreSilent(t *testing.T) {
	t.Parallel()
	db, tr := zoo(t)
	require.NoError(t, db.Exec("CREATE TRIGGER chick AFTER UPDATE ON cages BEGIN INSERT INTO zoos(name) VALUES ('x'); END").Error)
	require.NoError(t, db.Delete(&Keeper{ID: 1}).Error)
	assert.Equal(t, []string{"delete *behaviour_test.Bird", "delete *behaviour_test.Keeper"}, tr.take())
	assert.Zero(t, count[Bird](t, db))
	assert.Nil(t, find[Cage](t, db, 1).KeeperID)
	assert.EqualValues(t, 1, count[Zoo](t, db), "the trigger wrote it")
}

func TestLinksWithoutAModelAreSilent(t *testing.T) {
	t.Parallel()
	db, tr := zoo(t)
	zoos := db.Model(&Keeper{ID: 1}).Association("Zoos")
	require.NoError(t, zoos.Append(&Zoo{Name: "x"}))
	assert.Equal(t, []string{"save *behaviour_test.Zoo"}, tr.take())
	require.NoError(t, zoos.Clear())
	assert.Empty(t, tr.take())
}
