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
)

// Position has a key of two parts that programs give, and zero is a number like others.
type Position struct {
	OrderID int    `gorm:"primaryKey;autoIncrement:false"`
	Pos     int    `gorm:"primaryKey;autoIncrement:false"`
	Note    string `gorm:"default:(lower('NONE'))"`
}

func savedNames[M any](db *gorm.DB, show func(*M) string) *[]string {
	heard := &[]string{}
	signals.For[M](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*M]) error {
		*heard = append(*heard, map[bool]string{true: "new ", false: "old "}[e.Created]+show(e.Instance))
		return nil
	})
	return heard
}

func TestDoNothingSendsForRowsWhoseKeyHasAZeroPart(t *testing.T) {
	t.Parallel()
	db := open(t, &Position{})
	require.NoError(t, db.Create(&Position{OrderID: 3, Note: "there"}).Error)
	heard := savedNames(db, func(l *Position) string { return fmt.Sprint(l.OrderID, l.Pos, l.Note) })
	require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Position{{1, 0, "a"}, {3, 0, "b"}, {2, 0, "c"}, {0, 0, "d"}}).Error)
	assert.Equal(t, []string{"new 1 0a", "new 2 0c", "new 0 0d"}, *heard)
}

// Tag has a key that the database makes, and a name that it changes.
type Tag struct {
	ID   uint
	Name string
	N    int
}

// TestRowsThatATriggerKeepsFromAnInsertSendNoPostSave: the trigger changes values as well, so that they tell nothing.
func TestRowsThatATriggerKeepsFromAnInsertSendNoPostSave(t *testing.T) {
	t.Parallel()
	for name, conflict := range map[string][]clause.Expression{"plain": nil, "DO NOTHING": {clause.OnConflict{DoNothing: true}}} {
		for keys, rows := range map[string][]Tag{
			"keys given":     {{ID: 1, Name: "A", N: 1}, {ID: 2, Name: "B", N: -1}, {ID: 3, Name: "C", N: 2}, {ID: 4, Name: "D", N: -2}},
			"keys generated": {{Name: "A", N: 1}, {Name: "B", N: -1}, {Name: "C", N: 2}, {Name: "D", N: -2}},
		} {
			t.Run(name+" "+keys, func(t *testing.T) {
				t.Parallel()
				db := open(t, &Tag{})
				require.NoError(t, db.Exec("CREATE TRIGGER skip BEFORE INSERT ON tags WHEN NEW.n < 0 BEGIN SELECT RAISE(IGNORE); END").Error)
				require.NoError(t, db.Exec("CREATE TRIGGER fold AFTER INSERT ON tags BEGIN UPDATE tags SET name = lower(name) WHERE id = NEW.id; END").Error)
				heard := savedNames(db, func(tag *Tag) string { return fmt.Sprint(tag.ID, strings.ToLower(tag.Name)) })
				tx := db.Clauses(conflict...).Create(&rows)
				require.NoError(t, tx.Error)
				var stored []Tag
				require.NoError(t, db.Find(&stored).Error)
				want := []string{}
				for _, tag := range stored {
					want = append(want, fmt.Sprint("new ", tag.ID, tag.Name))
				}
				assert.Equal(t, want, *heard)
			})
		}
	}
}

func TestAnUpsertThatNamesARowTwiceSendsEachStep(t *testing.T) {
	t.Parallel()
	db := open(t, &Coded{})
	require.NoError(t, db.Create(&Coded{Code: "a", Name: "1"}).Error)
	var steps []string
	signals.For[Coded](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Coded]) error {
		e.Instance.Name += "!"
		return nil
	})
	signals.For[Coded](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Coded]) error {
		old, err := e.Original()
		if old == nil {
			old = &Coded{}
		}
		steps = append(steps, fmt.Sprint(e.Created, " ", old.Name, "->", e.Instance.Name))
		e.Instance.Name = "changed by a receiver"
		return err
	})
	onCode := clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}
	require.NoError(t, db.Clauses(onCode).Create(&[]Coded{{Code: "a", Name: "2"}, {Code: "b", Name: "x"}, {Code: "a", Name: "3"}, {Code: "b", Name: "y"}}).Error)
	assert.Equal(t, []string{"false 1->2!", "true ->x!", "false 2!->3!", "false x!->y!"}, steps)
}

// Hit counts.
type Hit struct {
	ID    uint
	Page  string `gorm:"uniqueIndex"`
	Count int
}

func TestAnUpsertThatAssignsValuesSendsWhatIsStored(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"an expression": gorm.Expr("hits.count + 1"), "a value": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Hit{})
			require.NoError(t, db.Create(&Hit{Page: "p", Count: 7}).Error)
			var heard []string
			signals.For[Hit](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Hit]) error {
				for _, c := range e.Changes() {
					heard = append(heard, fmt.Sprint(c.Field, " ", c.Old, "->", c.New))
				}
				heard = append(heard, fmt.Sprint(e.Instance.Count, e.Changed("Count"), e.Changed("Page")))
				return nil
			})
			given := []Hit{{Page: "p", Count: 1}}
			require.NoError(t, db.Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "page"}}, DoUpdates: clause.Assignments(map[string]any{"count": value}),
			}).Create(&given).Error)
			assert.Equal(t, []string{"Count 7->8", "8 true false"}, heard)
			assert.Equal(t, []Hit{{ID: 1, Page: "p", Count: 1}}, given, "the caller's struct is what it is without the plugin")
		})
	}
}

func TestAnUpsertThatAssignsAnotherInsertedColumnSendsWhatIsStored(t *testing.T) {
	t.Parallel()
	own := clause.AssignmentColumns([]string{"name", "stock"})
	swapped := clause.Set{
		{Column: clause.Column{Name: "name"}, Value: clause.Column{Table: "excluded", Name: "slug"}},
		{Column: clause.Column{Name: "stock"}, Value: clause.Column{Table: "excluded", Name: "price"}},
	}
	for name, c := range map[string]struct {
		set     clause.Set
		selects []string
	}{
		"its own": {own, nil}, "another": {swapped, nil}, "one that is not inserted": {own, []string{"ID", "Slug"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			require.NoError(t, db.Create(&Product{Name: "old", Slug: "old-slug", Price: 1, Stock: 2}).Error)
			var heard []Product
			signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
				heard = append(heard, *e.Instance)
				return nil
			})
			tx := db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: c.set})
			if c.selects != nil {
				tx = tx.Select(c.selects)
			}
			require.NoError(t, tx.Create(&Product{ID: 1, Name: "new", Slug: "new-slug", Price: 3, Stock: 4}).Error)
			require.Len(t, heard, 1)
			stored := find[Product](t, db, 1)
			assert.Equal(t, []any{stored.Name, stored.Stock}, []any{heard[0].Name, heard[0].Stock})
			assert.NotEqual(t, "old", stored.Name)
		})
	}
}

// Sum has columns that no INSERT of GORM writes.
type Sum struct {
	ID    uint
	A, B  int
	Total int    `gorm:"->;type:integer GENERATED ALWAYS AS (a + b) STORED"`
	Owner string `gorm:"<-:update"`
}

func TestColumnsThatAnInsertDoesNotWriteShowWhatIsStored(t *testing.T) {
	t.Parallel()
	db := open(t, &Sum{})
	sums := signals.For[Sum](db)
	sums.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Sum]) error {
		e.Instance.Total, e.Instance.Owner = 99, "mallory"
		e.Instance.B++
		return nil
	})
	var heard []Sum
	sums.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Sum]) error {
		heard = append(heard, *e.Instance)
		return nil
	})
	given := []Sum{{A: 1, B: 1, Total: 5, Owner: "ann"}, {A: 2, B: 2}}
	require.NoError(t, db.Create(&given).Error)
	assert.Equal(t, []Sum{{ID: 1, A: 1, B: 2, Total: 3}, {ID: 2, A: 2, B: 3, Total: 5}}, heard)
	assert.Equal(t, []Sum{{ID: 1, A: 1, B: 2, Total: 5, Owner: "ann"}, {ID: 2, A: 2, B: 3}}, given, "as without the plugin, but for the receiver's B")
}

// Remark has a column that the table fills in.
type Remark struct {
	OrderID int    `gorm:"primaryKey;autoIncrement:false"`
	Pos     int    `gorm:"primaryKey;autoIncrement:false"`
	Note    string `gorm:"default:none"`
}

func TestACreateFromMapsWritesOnlyColumnsThatSomebodyNamed(t *testing.T) {
	t.Parallel()
	db := open(t, &Remark{})
	signals.For[Remark](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Remark]) error {
		if e.Instance.OrderID == 1 {
			e.Instance.Note = "named"
		}
		return nil
	})
	maps := []map[string]any{{"order_id": 1, "pos": 0}, {"order_id": 2, "pos": 0}}
	require.NoError(t, db.Model(&Remark{}).Create(maps).Error)
	var notes []string
	require.NoError(t, db.Model(&Remark{}).Order("order_id").Pluck("note", &notes).Error)
	assert.Equal(t, []string{"named", "none"}, notes, "the other row keeps its default")
	assert.Equal(t, []map[string]any{{"order_id": 1, "pos": 0, "note": "named"}, {"order_id": 2, "pos": 0}}, maps)
}
