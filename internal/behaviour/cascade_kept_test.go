package behaviour_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// keptBox has parts that go with it, and labels that it shares with other boxes.
type (
	keptBox struct {
		ID     uint
		Tenant int
		Parts  []keptPart  `gorm:"foreignKey:BoxID;constraint:OnDelete:CASCADE"`
		Labels []keptLabel `gorm:"many2many:kept_box_labels;constraint:OnDelete:CASCADE"`
	}
	keptPart struct {
		ID    uint
		BoxID uint
	}
	keptLabel struct{ ID uint }
)

// seedBoxes stores the boxes 1 to 3, of which 2 belongs to another tenant. Box n has the parts 10n and 10n+1 and the label n.
func seedBoxes(t *testing.T, db *gorm.DB) {
	t.Helper()
	for n := range uint(3) {
		n++
		box := keptBox{ID: n, Tenant: 1, Parts: []keptPart{{ID: 10 * n}, {ID: 10*n + 1}}, Labels: []keptLabel{{ID: n}}}
		if n == 2 {
			box.Tenant = 2
		}
		require.NoError(t, db.Create(&box).Error)
	}
}

func traceBoxes(db *gorm.DB) *trace {
	tr := &trace{}
	signals.For[keptBox](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*keptBox]) error {
		tr.add("box %d", e.Instance.ID)
		return nil
	})
	signals.For[keptPart](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*keptPart]) error {
		tr.add("part %d", e.Instance.ID)
		return nil
	})
	signals.For[keptBox](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*keptBox]) error {
		if !e.Action.Pre() {
			tr.add("%s box %d %v", e.Action, e.Instance.ID, e.PKs)
		}
		return nil
	})
	return tr
}

// keepBox2 are ways in which something else than the plugin keeps box 2 from being deleted.
func keepBox2() map[string]func(*testing.T, *gorm.DB) {
	tenant := func(tx *gorm.DB) {
		if tx.Statement.Table == "kept_boxes" {
			tx.Statement.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: "tenant", Value: 1}}})
		}
	}
	return map[string]func(*testing.T, *gorm.DB){
		"a trigger": func(t *testing.T, db *gorm.DB) {
			t.Helper()
			require.NoError(t, db.Exec("CREATE TRIGGER keep BEFORE DELETE ON kept_boxes WHEN old.tenant = 2 BEGIN SELECT RAISE(IGNORE); END").Error)
		},
		"a condition of another plugin": func(t *testing.T, db *gorm.DB) {
			t.Helper()
			require.NoError(t, db.Callback().Delete().Before("gorm:delete").Register("tenant", tenant))
		},
	}
}

func TestChildrenOfARowThatStaysSendNoPostDelete(t *testing.T) {
	t.Parallel()
	gone := func(n int) []string {
		return []string{fmt.Sprint("part ", 10*n), fmt.Sprint("part ", 10*n+1), fmt.Sprintf("post_clear box %d [%d]", n, n), fmt.Sprint("box ", n)}
	}
	for name, keep := range keepBox2() {
		for _, batch := range []int{1, 2, 500} {
			t.Run(fmt.Sprint(name, " in batches of ", batch), func(t *testing.T) {
				t.Parallel()
				db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: batch}, &keptBox{}, &keptPart{}, &keptLabel{})
				seedBoxes(t, db)
				keep(t, db)
				heard := traceBoxes(db)
				tx := db.Where("id > 0").Delete(&keptBox{})
				require.NoError(t, tx.Error)
				assert.EqualValues(t, 2, tx.RowsAffected)
				assert.ElementsMatch(t, append(gone(1), gone(3)...), heard.take())
				require.NoError(t, db.Delete(&keptBox{ID: 2}).Error)
				assert.Empty(t, heard.take())
			})
		}
	}
}

func TestSweptChildrenThatATriggerKeepsAreToldOfWhenTheyGo(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: 2}, &keptBox{}, &keptPart{}, &keptLabel{})
	require.NoError(t, db.Create(&keptBox{ID: 1}).Error)
	parts := make([]keptPart, 100)
	for i := range parts {
		parts[i] = keptPart{ID: uint(i + 1), BoxID: 1}
	}
	require.NoError(t, db.Create(&parts).Error)
	// The trigger lets no part go as long as its box is there.
	require.NoError(t, db.Exec(`CREATE TRIGGER keep BEFORE DELETE ON kept_parts
		WHEN old.id % 3 = 0 AND EXISTS (SELECT 1 FROM kept_boxes WHERE id = old.box_id) BEGIN SELECT RAISE(IGNORE); END`).Error)
	told := map[uint]int{}
	signals.For[keptPart](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*keptPart]) error {
		told[e.Instance.ID]++
		return nil
	})
	require.NoError(t, db.Delete(&keptBox{ID: 1}).Error)
	var left int64
	require.NoError(t, db.Model(&keptPart{}).Count(&left).Error)
	assert.Zero(t, left)
	assert.Len(t, told, 100)
	for id, n := range told {
		assert.Equal(t, 1, n, "part %d", id)
	}
}

func TestLinksThatSomethingKeepsSendNothing(t *testing.T) {
	t.Parallel()
	owners := func(tx *gorm.DB) {
		if tx.Statement.Table == "song_genres" {
			tx.Statement.AddClause(clause.Where{Exprs: []clause.Expression{clause.Neq{Column: "genre_id", Value: 2}}})
		}
	}
	for name, keep := range map[string]func(*testing.T, *gorm.DB){
		"a trigger": func(t *testing.T, db *gorm.DB) {
			t.Helper()
			require.NoError(t, db.Exec("CREATE TRIGGER keep BEFORE DELETE ON song_genres WHEN old.genre_id = 2 BEGIN SELECT RAISE(IGNORE); END").Error)
			require.NoError(t, db.Exec("CREATE TRIGGER refuse BEFORE INSERT ON song_genres WHEN new.genre_id = 3 BEGIN SELECT RAISE(IGNORE); END").Error)
		},
		"a condition of another plugin": func(t *testing.T, db *gorm.DB) {
			t.Helper()
			require.NoError(t, db.Callback().Delete().Before("gorm:delete").Register("tenant", owners))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, heard := music(t)
			keep(t, db)
			posts := func() (lines []string) {
				for _, line := range heard.take() {
					if line[:4] == "post" {
						lines = append(lines, line)
					}
				}
				return lines
			}
			require.NoError(t, db.Model(&Song{ID: 1}).Association("Genres").Delete(&Genre{ID: 1}, &Genre{ID: 2}))
			assert.Equal(t, []string{"post_remove Genres of a [1]", "post_remove Songs of jazz [1] reverse"}, posts())
			require.NoError(t, db.Model(&Song{ID: 2}).Association("Genres").Clear())
			assert.Empty(t, posts())
			if name == "a trigger" {
				require.NoError(t, db.Model(&Song{ID: 3}).Association("Genres").Append(&Genre{ID: 1}, &Genre{ID: 3}))
				assert.Equal(t, []string{"post_add Genres of c [1]", "post_add Songs of jazz [3] reverse"}, posts())
			}
		})
	}
}
