package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// Stamp has a composite key, a text and a time.
type Stamp struct {
	Country string    `gorm:"primaryKey"`
	Printed time.Time `gorm:"primaryKey"`
}

// Album is linked to stamps and to labels.
type Album struct {
	ID     uint
	Stamps []Stamp `gorm:"many2many:album_stamps"`
	Labels []Label `gorm:"many2many:album_labels"`
}

// Label is linked to albums, also from its own side.
type Label struct {
	ID     uint
	Name   string
	Albums []Album `gorm:"many2many:album_labels"`
}

func link(t *testing.T, db *gorm.DB) {
	t.Helper()
	album := Album{}
	require.NoError(t, db.Create(&album).Error)
	require.NoError(t, db.Model(&album).Association("Labels").Append(&Label{Name: "a"}, &Label{Name: "b"}))
	require.NoError(t, db.Model(&album).Association("Labels").Delete(&Label{ID: 1}))
	printed := time.Date(1840, 5, 6, 0, 0, 0, 0, time.UTC)
	require.NoError(t, db.Model(&album).Association("Stamps").Append(&Stamp{Country: "GB", Printed: printed}))
	require.NoError(t, db.Model(&Label{ID: 2}).Association("Albums").Clear())
	require.Error(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Model(&album).Association("Labels").Append(&Label{Name: "undone"}))
		return errBoom
	}))
}

func TestADurableReceiverHearsOfLinksAfterTheyHaveChanged(t *testing.T) {
	t.Parallel()
	db := open(t, &Album{}, &Label{}, &Stamp{})
	ob := install(t, db, outbox.Config{Poll: 2 * time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
	h, failed := &heard{}, false
	signals.For[Album](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Album]) error {
		if !failed { // the first call fails, so that a second one follows
			failed = true
			return errBoom
		}
		h.add("%d %s %s %v reverse %t", e.Instance.ID, e.Relation, e.Action, e.PKs, e.Reverse)
		return nil
	}, outbox.Durable(ob, "search"))
	running(t, ob.Run)
	link(t, db)
	soon(t, func() bool { return len(h.lines()) >= 4 }, "all of them come")
	assert.Equal(t, []string{
		"1 Labels post_add [1 2] reverse false", "1 Labels post_remove [1] reverse false",
		"1 Stamps post_add [[GB 1840-05-06 00:00:00 +0000 UTC]] reverse false", "1 Labels post_remove [2] reverse true",
	}, h.lines())
}

func TestLinksArePublishedForOtherPrograms(t *testing.T) {
	t.Parallel()
	db := open(t, &Album{}, &Label{}, &Stamp{})
	ob := install(t, db, outbox.Config{})
	stop := outbox.Publish[Album](ob, outbox.LinksChanged)
	link(t, db)
	var lines []string
	for _, e := range entries(t, db) {
		var l outbox.Links
		require.NoError(t, json.Unmarshal([]byte(e.Data), &l))
		lines = append(lines, fmt.Sprint(e.Type, " ", e.Subject, " ", l.Relation, " ", l.Keys, " ", l.Reverse))
	}
	assert.Equal(t, []string{
		"albums.linked.v1 albums/1 Labels [1 2] false", "albums.unlinked.v1 albums/1 Labels [1] false",
		"albums.linked.v1 albums/1 Stamps [[GB 1840-05-06T00:00:00Z]] false", "albums.unlinked.v1 albums/1 Labels [2] true",
	}, lines)
	stop()
	require.NoError(t, db.Model(&Album{ID: 1}).Association("Labels").Append(&Label{Name: "c"}))
	assert.Len(t, entries(t, db), 4)
}

func TestLinksOfACreateComeBeforeTheirOwner(t *testing.T) {
	t.Parallel()
	db := open(t, &Album{}, &Label{}, &Stamp{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Album](ob, outbox.Saved, outbox.LinksChanged)
	require.NoError(t, db.Create(&Album{Labels: []Label{{Name: "a"}}}).Error)
	album := Album{}
	require.NoError(t, db.Create(&album).Error)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.Model(&album).Association("Labels").Append(&Label{Name: "b"}) }))
	assert.Equal(t, []string{"albums.linked.v1 albums/1", "albums.created.v1 albums/1", "albums.created.v1 albums/2", "albums.linked.v1 albums/2"}, kept(t, db)[:4],
		"GORM inserts links inside the create of their owner")
}
