package dbtest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/conformance"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// Lamp is deleted.
type Lamp struct {
	ID    uint
	Name  string `gorm:"size:40"`
	Price int
}

// LampLog is written by a trigger.
type LampLog struct {
	ID   uint
	Lamp uint
}

// lamps opens a database of so many lamps.
func lamps(t *testing.T, dialector gorm.Dialector, n int) *gorm.DB {
	t.Helper()
	db := opened(t, dialector, &Lamp{}, &LampLog{})
	rows := make([]Lamp, n)
	for i := range rows {
		rows[i] = Lamp{Name: fmt.Sprint("lamp ", i+1), Price: i + 1}
	}
	require.NoError(t, db.CreateInBatches(&rows, 1000).Error)
	return db
}

// statementsOf counts the statements that a write makes, without those about transactions.
func statementsOf(t *testing.T, db *gorm.DB, write func(tx *gorm.DB) error) (n int) {
	t.Helper()
	require.NoError(t, db.Transaction(func(tx *gorm.DB) (err error) {
		n, err = conformance.Statements(tx, write)
		return err
	}))
	return n
}

func TestReceiversThatLookAfterwardsCostADeleteFewStatements(t *testing.T) {
	t.Parallel()
	byKey := func(tx *gorm.DB) error { return tx.Delete(&Lamp{ID: 1}).Error }
	byKeys := func(tx *gorm.DB) error { return tx.Delete(&Lamp{}, []int{2, 3, 4}).Error }
	byCondition := func(tx *gorm.DB) error { return tx.Where("price > ?", 0).Delete(&Lamp{}).Error }
	post := func(db *gorm.DB, heard *atomic.Int64, options ...signals.ConnectOption) {
		signals.For[Lamp](db).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Lamp]) error {
			heard.Add(1)
			return nil
		}, options...)
	}
	for name, c := range map[string]struct {
		connect     func(db *gorm.DB, heard *atomic.Int64)
		key, keys   int
		tenThousand int
	}{
		"nobody": {func(*gorm.DB, *atomic.Int64) {}, 1, 1, 1},
		"post":   {func(db *gorm.DB, heard *atomic.Int64) { post(db, heard) }, 1, 1, 6},
		"keys":   {func(db *gorm.DB, heard *atomic.Int64) { post(db, heard, signals.Needs(signals.Keys)) }, 1, 1, 6},
		"commit": {func(db *gorm.DB, heard *atomic.Int64) { post(db, heard, signals.AfterCommit()) }, 1, 1, 6},
		"pre too": {func(db *gorm.DB, heard *atomic.Int64) {
			post(db, heard)
			signals.For[Lamp](db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Lamp]) error { return nil })
		}, 2, 2, 42},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := lamps(t, dialector(), 10_005)
				require.NoError(t, db.Use(signals.Plugin{}))
				var heard atomic.Int64
				c.connect(db, &heard)
				require.NoError(t, db.Delete(&Lamp{}, 5).Error) // what is asked once is known now
				assert.Equal(t, c.key, statementsOf(t, db, byKey), "by key")
				assert.Equal(t, c.keys, statementsOf(t, db, byKeys), "by keys")
				heard.Store(0)
				assert.LessOrEqual(t, statementsOf(t, db, byCondition), c.tenThousand, "10,000 rows by a condition")
				if name != "nobody" {
					assert.EqualValues(t, 10_000, heard.Load())
				}
			})
		})
	}
}

func TestReceiversThatLookAfterwardsCostAnUpdateByKeyNoStatement(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write   func(tx *gorm.DB) error
		row     map[string]int // statements with a receiver of post_save that needs the row, by database
		keys    map[string]int
		written Lamp
	}{
		"update": {
			func(tx *gorm.DB) error { return tx.Model(&Lamp{ID: 2}).Update("price", 9).Error },
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 2},
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 2},
			Lamp{2, "lamp 2", 9},
		},
		"expression": {
			func(tx *gorm.DB) error { return tx.Model(&Lamp{ID: 2}).Update("price", gorm.Expr("price * 2")).Error },
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 3},
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 2},
			Lamp{2, "lamp 2", 4},
		},
		"condition": {
			func(tx *gorm.DB) error {
				return tx.Model(&Lamp{}).Where("id = ?", 2).Updates(map[string]any{"price": 9}).Error
			},
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 2},
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 2},
			Lamp{2, "lamp 2", 9},
		},
		"save": {
			func(tx *gorm.DB) error { return tx.Save(&Lamp{2, "new", 9}).Error },
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 3},
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 3},
			Lamp{2, "new", 9},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := lamps(t, dialector(), 3)
				require.NoError(t, db.Use(signals.Plugin{}))
				require.NoError(t, db.Exec("UPDATE lamps SET price = 2 WHERE id = 2").Error)
				var heard []Lamp
				hear := func(need signals.Need) {
					signals.For[Lamp](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
						assert.False(t, e.Created)
						assert.True(t, e.Changed("Price"))
						if fields := e.UpdateFields(); fields != nil { // nil means all
							assert.Contains(t, fields, "Price")
						}
						heard = append(heard, *e.Instance)
						return nil
					}, signals.UID("one"), signals.Needs(need))
				}
				hear(signals.Keys)
				require.NoError(t, db.Model(&Lamp{ID: 1}).Update("price", 7).Error) // what is asked once is known now
				heard = nil
				assert.Equal(t, c.keys[db.Name()], statementsOf(t, db, c.write), "keys")
				require.Len(t, heard, 1)
				assert.EqualValues(t, 2, heard[0].ID)
				require.NoError(t, db.Exec("UPDATE lamps SET price = 2, name = 'lamp 2' WHERE id = 2").Error)
				hear(signals.Row)
				require.NoError(t, db.Model(&Lamp{ID: 1}).Update("price", 8).Error)
				heard = nil
				assert.Equal(t, c.row[db.Name()], statementsOf(t, db, c.write), "row")
				assert.Equal(t, []Lamp{c.written}, heard)
				heard = nil
				require.NoError(t, db.Model(&Lamp{ID: 99}).Update("price", 1).Error)
				assert.Empty(t, heard)
			})
		})
	}
}

// keepsThirds makes a trigger that keeps every third lamp, as far as the database lets it, and logs each one that it is asked about.
func keepsThirds(t *testing.T, db *gorm.DB) {
	t.Helper()
	var texts []string
	switch db.Name() {
	case "sqlite":
		texts = []string{`CREATE TRIGGER keeps BEFORE DELETE ON lamps BEGIN
			INSERT INTO lamp_logs (lamp) VALUES (old.id);
			SELECT CASE WHEN old.id % 3 = 0 THEN RAISE(IGNORE) END; END`}
	case "postgres":
		texts = []string{
			`CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO lamp_logs (lamp) VALUES (old.id);
			IF old.id % 3 = 0 THEN RETURN NULL; END IF; RETURN old; END $$`,
			"CREATE TRIGGER keeps BEFORE DELETE ON lamps FOR EACH ROW EXECUTE FUNCTION keeps()",
		}
	default:
		texts = []string{"CREATE TRIGGER keeps BEFORE DELETE ON lamps FOR EACH ROW INSERT INTO lamp_logs (lamp) VALUES (old.id)"}
	}
	for _, text := range texts {
		require.NoError(t, db.Exec(text).Error)
	}
}

func TestATriggerThatKeepsRowsRunsOnceForEachWhoeverLooksAfterwards(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(db *gorm.DB) *gorm.DB{
		"by condition": func(db *gorm.DB) *gorm.DB { return db.Where("price > ?", 0).Delete(&Lamp{}) },
		"by keys":      func(db *gorm.DB) *gorm.DB { return db.Delete(&Lamp{}, []int{1, 2, 3, 4, 5, 6, 7}) },
		"by a key":     func(db *gorm.DB) *gorm.DB { return db.Delete(&Lamp{ID: 3}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := lamps(t, dialector(), 30)
				keepsThirds(t, db)
				require.NoError(t, db.Use(signals.Plugin{BatchSize: 2}))
				var heard, left, asked []uint
				signals.For[Lamp](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Lamp]) error {
					heard = append(heard, e.Instance.ID)
					return nil
				})
				result := remove(db)
				require.NoError(t, result.Error)
				require.NoError(t, db.Model(&Lamp{}).Pluck("id", &left).Error)
				require.NoError(t, db.Model(&LampLog{}).Order("lamp").Pluck("lamp", &asked).Error)
				slices.Sort(heard)
				assert.EqualValues(t, len(heard), result.RowsAffected)
				assert.Equal(t, 30, len(heard)+len(left))
				for _, id := range left {
					assert.NotContains(t, heard, id)
				}
				assert.Equal(t, slices.Compact(slices.Clone(asked)), asked, "a row is asked about once")
			})
		})
	}
}

// TestTablesThatCannotReturnRowsAreDeletedFromAsBefore: a rule or a view of PostgreSQL, and a virtual table of SQLite.
func TestTablesThatCannotReturnRowsAreDeletedFromAsBefore(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := lamps(t, dialector(), 3)
		switch db.Name() {
		case "sqlite":
			if err := db.Exec("CREATE VIRTUAL TABLE lamp_texts USING fts4(id, name, price)").Error; err != nil {
				t.Skip("this SQLite has no FTS4")
			}
			require.NoError(t, db.Exec("INSERT INTO lamp_texts SELECT id, name, price FROM lamps").Error)
			require.NoError(t, db.Exec("DROP TABLE lamps").Error)
			require.NoError(t, db.Exec("CREATE VIRTUAL TABLE lamps USING fts4(id, name, price)").Error)
			require.NoError(t, db.Exec("INSERT INTO lamps (id, name, price) SELECT id, name, price FROM lamp_texts").Error)
		case "postgres":
			require.NoError(t, db.Exec("CREATE RULE stays AS ON DELETE TO lamps WHERE old.id = 2 DO INSTEAD NOTHING").Error)
		default:
			require.NoError(t, db.Exec("RENAME TABLE lamps TO all_lamps").Error)
			require.NoError(t, db.Exec("CREATE VIEW lamps AS SELECT * FROM all_lamps").Error)
		}
		require.NoError(t, db.Use(signals.Plugin{}))
		var heard []string
		signals.For[Lamp](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Lamp]) error {
			heard = append(heard, e.Instance.Name)
			return nil
		})
		require.NoError(t, db.Where("price > ?", 0).Delete(&Lamp{}).Error)
		slices.Sort(heard)
		var left []string
		require.NoError(t, db.Model(&Lamp{}).Pluck("name", &left).Error)
		both := append(slices.Clone(heard), left...)
		slices.Sort(both)
		assert.Equal(t, "lamp 1, lamp 2, lamp 3", strings.Join(both, ", "))
		assert.NotEmpty(t, heard)
	})
}
