package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// netPages connects net receivers to saves and deletes of pages.
func netPages(db *gorm.DB) *heard {
	h := &heard{}
	pages := signals.For[Page](db)
	pages.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Page]) error {
		old, err := e.Original()
		switch {
		case e.Created:
			h.add("created %s", e.Instance.Title)
		case e.Restored():
			h.add("restored %s", e.Instance.Title)
		default:
			h.add("%s -> %s", old.Title, e.Instance.Title)
		}
		return err
	}, signals.AfterCommit(), signals.Net())
	pages.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Page]) error {
		h.add("deleted %s, soft %t", e.Instance.Title, e.Soft)
		return nil
	}, signals.AfterCommit(), signals.Net())
	return h
}

func TestNetMakesOneEventPerRowAndTransaction(t *testing.T) {
	t.Parallel()
	title := func(id uint, title string) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Model(&Page{ID: id}).Update("title", title).Error }
	}
	create := func(p Page) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Create(&p).Error }
	}
	soft := func(tx *gorm.DB) error { return tx.Delete(&Page{}, 1).Error }
	hard := func(tx *gorm.DB) error { return tx.Unscoped().Delete(&Page{}, 1).Error }
	restore := func(tx *gorm.DB) error { return tx.Unscoped().Model(&Page{ID: 1}).Update("deleted_at", nil).Error }
	undone := func(step func(tx *gorm.DB) error) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error {
			_ = tx.Transaction(func(tx *gorm.DB) error {
				_ = step(tx)
				return errBoom
			})
			return nil
		}
	}
	for name, c := range map[string]struct {
		steps []func(tx *gorm.DB) error
		want  []string
	}{
		"updates":                    {steps{title(1, "x"), title(1, "y"), title(1, "z")}, []string{"home -> z"}},
		"update and back":            {steps{title(1, "x"), title(1, "home")}, nil},
		"create and update":          {steps{create(Page{ID: 9, Title: "a"}), title(9, "b")}, []string{"created b"}},
		"create and delete":          {steps{create(Page{ID: 9, Title: "a"}), func(tx *gorm.DB) error { return tx.Delete(&Page{}, 9).Error }}, nil},
		"update and delete":          {steps{title(1, "x"), hard}, []string{"deleted home, soft false"}},
		"update and soft delete":     {steps{title(1, "x"), soft}, []string{"deleted home, soft true"}},
		"soft, then hard delete":     {steps{soft, hard}, []string{"deleted home, soft false"}},
		"delete and create again":    {steps{hard, create(Page{ID: 1, Title: "new"})}, []string{"home -> new"}},
		"delete and create the same": {steps{hard, create(Page{ID: 1, Title: "home"})}, nil},
		"soft delete and restore":    {steps{soft, restore}, nil},
		"two rows in order of their last write": {
			steps{title(1, "x"), title(2, "y"), title(1, "z")}, []string{"about -> y", "home -> z"},
		},
		"other instances of one row": {
			steps{func(tx *gorm.DB) error { return tx.Save(&Page{ID: 1, Title: "x"}).Error }, title(1, "y")}, []string{"home -> y"},
		},
		"a part that is rolled back": {steps{title(1, "x"), undone(title(1, "y"))}, []string{"home -> x"}},
		"all rolled back":            {steps{undone(title(1, "y"))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Page{})
			require.NoError(t, db.Create(&[]Page{{Title: "home"}, {Title: "about"}}).Error)
			h := netPages(db)
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				for _, step := range c.steps {
					if err := step(tx); err != nil {
						return err
					}
				}
				return nil
			}))
			assert.Equal(t, c.want, h.take())
		})
	}
}

type steps = []func(tx *gorm.DB) error

func TestNetOfASoftDeletedRow(t *testing.T) {
	t.Parallel()
	db := open(t, &Page{})
	require.NoError(t, db.Create(&Page{Title: "home"}).Error)
	require.NoError(t, db.Delete(&Page{}, 1).Error)
	h := netPages(db)
	restore := func(tx *gorm.DB) error { return tx.Unscoped().Model(&Page{ID: 1}).Update("deleted_at", nil).Error }
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, restore(tx))
		return tx.Delete(&Page{}, 1).Error
	}))
	assert.Empty(t, h.take(), "restored and deleted again is nothing")
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, restore(tx))
		return tx.Model(&Page{ID: 1}).Update("title", "back").Error
	}))
	assert.Equal(t, []string{"restored back"}, h.take())
}

func TestNetWithBatchAndFields(t *testing.T) {
	t.Parallel()
	db := open(t, &Page{})
	require.NoError(t, db.Create(&[]Page{{Title: "home"}, {Title: "about"}}).Error)
	h := &heard{}
	signals.For[Page](db).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Page]) error {
		h.add("%d", len(events))
		for _, e := range events {
			h.add("%s %s", e.Instance.Title, fmt.Sprint(e.Changes()))
		}
		return nil
	}, signals.AfterCommit(), signals.Net(), signals.Fields("Title"))
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		for _, views := range []int{1, 2, 3} {
			if err := tx.Model(&Page{}).Where("1 = 1").Update("views", views).Error; err != nil {
				return err
			}
		}
		return tx.Model(&Page{ID: 2}).Update("title", "us").Error
	}))
	assert.Equal(t, []string{"1", "us [{Title title about us} {Views views 0 3}]"}, h.take())
	require.NoError(t, db.Model(&Page{}).Where("1 = 1").Update("title", "all").Error)
	assert.Equal(t, []string{"2", "all [{Title title home all}]", "all [{Title title us all}]"}, h.take(), "one call for both rows")
}

type restricted struct {
	ID    uint
	Owner string `gorm:"<-:create"`
	Name  string
	N     int
}

func TestWhatWasNotWrittenIsInNoEventThatWaits(t *testing.T) {
	t.Parallel()
	upsert := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}
	all := restricted{ID: 1, Owner: "mallory", Name: "new", N: 2}
	for name, c := range map[string]struct {
		write   func(db *gorm.DB) error
		stored  restricted
		changed []string
	}{
		"save": {func(db *gorm.DB) error { v := all; return db.Save(&v).Error }, restricted{1, "ann", "new", 2}, []string{"Name", "N"}},
		"save of some": {
			func(db *gorm.DB) error { v := all; return db.Omit("N").Save(&v).Error }, restricted{1, "ann", "new", 1}, []string{"Name"},
		},
		"upsert": {
			func(db *gorm.DB) error {
				v := all
				return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&v).Error
			},
			restricted{1, "ann", "new", 2},
			[]string{"Name", "N"},
		},
		"upsert of some": {func(db *gorm.DB) error { v := all; return db.Clauses(upsert).Create(&v).Error }, restricted{1, "ann", "new", 1}, []string{"Name"}},
		"update":         {func(db *gorm.DB) error { v := all; return db.Updates(&v).Error }, restricted{1, "ann", "new", 2}, []string{"Name", "N"}},
		"create of some": {
			func(db *gorm.DB) error { v := all; v.ID = 2; return db.Select("Name").Create(&v).Error }, restricted{2, "", "new", 0}, []string{"ID", "Name"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, store := open(t, &restricted{}), &shelf{}
			require.NoError(t, db.Create(&restricted{ID: 1, Owner: "ann", Name: "old", N: 1}).Error)
			heard := 0
			for _, options := range [][]signals.ConnectOption{
				{signals.AfterCommit()}, {signals.BeforeCommit()}, {signals.AfterCommit(), signals.Net()}, {signals.Durable(store, "all")},
			} {
				signals.For[restricted](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*restricted]) error {
					heard++
					var changed []string
					for _, ch := range e.Changes() {
						changed = append(changed, ch.Field)
					}
					assert.Equal(t, c.stored, *e.Instance)
					assert.Equal(t, c.changed, changed)
					return nil
				}, options...)
			}
			require.NoError(t, c.write(db))
			store.deliver(t)
			assert.Equal(t, 4, heard)
			assert.Equal(t, c.stored, find[restricted](t, db, c.stored.ID))
		})
	}
}

func TestANetChangeThatRestoresARowAndHidesItAgainIsNoneWhateverItsFirstWrite(t *testing.T) {
	t.Parallel()
	db := open(t, &Page{})
	require.NoError(t, db.Create(&Page{ID: 1}).Error)
	require.NoError(t, db.Delete(&Page{}, 1).Error)
	tr := changed[Page](db, signals.AfterCommit(), signals.Net())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(
			tx.Unscoped().Model(&Page{ID: 1}).Update("views", 1).Error, tx.Unscoped().Model(&Page{ID: 1}).Update("deleted_at", nil).Error,
			tx.Delete(&Page{}, 1).Error,
		)
	}))
	assert.Empty(t, tr.take(), "the row was soft-deleted before, and is")
}
