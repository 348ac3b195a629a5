package outbox_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/outbox"
)

func TestWhatWasKeptWithoutItsOriginalIsWhatAfterCommitHears(t *testing.T) {
	t.Parallel()
	for name, need := range map[string]signals.Need{"keys": signals.Keys, "row": signals.Row, "original": signals.Original} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(7, 7))
			db := open(t, &Wide{})
			ob := install(t, db, outbox.Config{ErrorHandler: func(_ context.Context, err error) { t.Error(err) }})
			var want, got []wideEvent
			for to, options := range map[*[]wideEvent][]signals.ConnectOption{
				&want: {signals.AfterCommit(), signals.Needs(need)}, &got: {outbox.Durable(ob, "search"), signals.Needs(need)},
			} {
				signals.For[Wide](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Wide]) error {
					h := wideEvent{
						instance: e.Instance, changes: e.Changes(), fields: e.UpdateFields(), created: e.Created, restored: e.Restored(), changed: e.Changed("S"),
					}
					h.original, h.err = e.Original()
					*to = append(*to, h)
					return nil
				}, options...)
			}
			upsert := func(on clause.OnConflict) error {
				on.Columns = []clause.Column{{Name: "id"}}
				return db.Clauses(on).Create([]*Wide{randomWide(r, 1), randomWide(r, uint64(10+r.IntN(1000)))}).Error
			}
			for i, write := range []func() error{
				func() error { return db.Create(randomWide(r, 1)).Error },
				func() error { return db.Select("ID", "S", "PU").Create(randomWide(r, 2)).Error },
				func() error { return db.Omit("S").Create(randomWide(r, 3)).Error },
				func() error {
					return upsert(clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"i8", "s"})})
				},
				func() error { return upsert(clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"i8"})}) },
				func() error {
					return upsert(clause.OnConflict{DoUpdates: clause.Assignments(map[string]any{"s": gorm.Expr("'x'")})})
				},
				func() error { return upsert(clause.OnConflict{UpdateAll: true}) },
				func() error { return db.Save(randomWide(r, 1)).Error },
				func() error { return db.Save([]*Wide{randomWide(r, 1), randomWide(r, 2)}).Error },
				func() error { return db.Model(&Wide{ID: 1}).Updates(map[string]any{"i8": 5}).Error },
				func() error { return db.Model(&Wide{ID: 1}).Update("s", gorm.Expr("s || 'x'")).Error },
				func() error {
					return db.Model(&Wide{}).Where("id = 2").Select("*").Omit("ID").Updates(randomWide(r, 2)).Error
				},
			} {
				require.NoError(t, write(), "write %d", i)
			}
			require.Len(t, got, len(want))
			for i := range want {
				old := func(c signals.Change) bool { return c.Old != nil }
				if need < signals.Original && slices.ContainsFunc(want[i].changes, old) { // it was read, but not for these receivers
					want[i].changes, got[i].changes, want[i].changed, got[i].changed = nil, nil, false, false
				}
				same(t, want[i], got[i])
			}
		})
	}
}

// Shelf has books that are deleted with it.
type Shelf struct {
	ID    uint
	Books []Book `gorm:"constraint:OnDelete:CASCADE"`
}

// Book belongs to a shelf.
type Book struct {
	ID      uint
	ShelfID uint
	Title   string
}

func TestACascadeIsKeptAsOne(t *testing.T) {
	t.Parallel()
	db := open(t, &Shelf{}, &Book{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Book](ob)
	h := &heard{}
	signals.For[Book](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Book]) error {
		h.add("%s, cascade %t", e.Instance.Title, e.Cascade)
		return nil
	}, outbox.Durable(ob, "search"))
	require.NoError(t, db.Create(&Shelf{Books: []Book{{Title: "a"}, {Title: "b"}}}).Error)
	require.NoError(t, db.Delete(&Shelf{ID: 1}).Error)
	assert.ElementsMatch(t, []string{"a, cascade true", "b, cascade true"}, h.lines())
	assert.Len(t, kept(t, db), 6)
}
