package conformance

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// relationCases are about rows of other models that a call writes too.
func relationCases() []Case {
	return []Case{
		{"nested belongs-to", "A belongs-to row of Create sends its pair inside the owner's, before the owner is written.", nestedBelongsTo},
		{"nested has-one", "A has-one row of Create sends its pair inside the owner's.", nestedHasOne},
		{"nested has-many", "Has-many rows of Create send their pairs inside the owner's.", nestedHasMany},
		{"nested levels", "Rows that nested rows hold send their pairs inside those of the nested rows.", nestedLevels},
		{"stored belongs-to", "A stored row that a nested write leaves alone sends nothing.", storedBelongsTo},
		{"moved has-many", "A stored has-many row that gets another owner sends an update.", movedHasMany},
		{"unmoved has-many", "A stored has-many row that keeps its owner sends nothing, also beside a new one.", unmovedHasMany},
		{"full save", "FullSaveAssociations sends updates for the rows that it changes.", fullSave},
		{"append to has-many", "Append to a has-many relation sends the new row's create.", appendHasMany},
		{"append to belongs-to", "Append to a belongs-to relation sends the owner's update, and the create of a new row.", appendBelongsTo},
		{"letting go of has-many", "Clear, Replace and Delete of a has-many relation are silent for the rows that are let go.", letGoHasMany},
		{"letting go of one", "Delete and Clear of a belongs-to or has-one relation are silent.", letGoOfOne},
		{"unscoped clear of has-many", "Unscoped Delete and Clear of a has-many relation delete the rows with pairs.", unscopedClear},
		{"omitted associations", "Omit of a relation keeps its rows from being written and told of.", omittedAssociations},
		{"veto of a nested row", "An error for a nested row undoes the whole call.", vetoOfNested},
	}
}

func nestedBelongsTo(c *C) {
	tables(c, &Label{}, &Album{}, &Cover{}, &Track{})
	hear[Label](c)
	hear[Album](c)
	album := Album{Title: "debut", Label: &Label{Name: "blue"}}
	require.NoError(c, create(c, c.DB, &album))
	c.want(around("Album debut created", saves("Label blue created")))
	assert.Equal(c, &album.Label.ID, album.LabelID)
}

func nestedHasOne(c *C) {
	tables(c, &Label{}, &Album{}, &Cover{}, &Track{})
	hear[Cover](c)
	hear[Album](c)
	require.NoError(c, create(c, c.DB, &Album{Title: "debut", Cover: &Cover{Image: "front"}}))
	c.want(around("Album debut created", saves("Cover front created")))
}

func nestedHasMany(c *C) {
	tables(c, &Label{}, &Album{}, &Cover{}, &Track{})
	hear[Track](c)
	hear[Album](c)
	require.NoError(c, create(c, c.DB, &Album{Title: "debut", Tracks: []Track{{Title: "one"}, {Title: "two"}}}))
	c.want(around("Album debut created", saves("Track one created", "Track two created")))
	stored[Track](c, "one", "two")
}

func nestedLevels(c *C) {
	tables(c, &House{}, &Room{}, &Chair{})
	hear[House](c)
	hear[Room](c)
	hear[Chair](c)
	require.NoError(c, create(c, c.DB, &House{Name: "hut", Rooms: []Room{{Name: "bath"}, {Name: "kitchen", Chairs: []Chair{{Name: "stool"}}}}}))
	rooms := saves("Room bath created", "Room kitchen created")
	c.want(around("House hut created", rooms[:2], saves("Chair stool created"), rooms[2:]))
	stored[Chair](c, "stool")
}

func storedBelongsTo(c *C) {
	tables(c, &Label{}, &Album{}, &Cover{}, &Track{})
	label := Label{Name: "blue"}
	require.NoError(c, create(c, c.DB, &label))
	hear[Label](c)
	hear[Album](c)
	label.Name = "not stored"
	require.NoError(c, create(c, c.DB, &Album{Title: "debut", Label: &label}))
	if c.differs("FullSaveAssociations") {
		c.want(around("Album debut created", saves("Label not stored updated")))
		stored[Label](c, "not stored")
		return
	}
	c.want(saves("Album debut created"))
	stored[Label](c, "blue")
}

func movedHasMany(c *C) {
	album := albums(c)
	hear[Track](c)
	hear[Album](c)
	require.NoError(c, create(c, c.DB, &Album{Title: "second", Tracks: []Track{{ID: album.Tracks[0].ID, Title: "one"}}}))
	c.want(around("Album second created", saves("Track one updated")))
	var moved int64
	require.NoError(c, c.truth().Model(&Track{}).Where("album_id = ?", album.ID).Count(&moved).Error)
	assert.EqualValues(c, 1, moved, "one is left")
	other := Album{Title: "third"}
	require.NoError(c, create(c, c.DB, &other))
	c.want(saves("Album third created"))
	signals.For[Track](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Track]) error {
		c.say("%v", e.UpdateFields())
		return nil
	})
	require.NoError(c, c.DB.Model(&other).Association("Tracks").Append(&Track{ID: album.Tracks[1].ID, Title: "two"}))
	moves := saves("Track two updated")
	if c.differs("FullSaveAssociations") {
		c.want(around("Album third updated", moves, line("[AlbumID Title]")))
		return
	}
	c.want(moves, line("[AlbumID]"))
}

func unmovedHasMany(c *C) {
	album := albums(c)
	hear[Track](c)
	hear[Cover](c)
	require.NoError(c, c.DB.Save(album).Error)
	c.want()
	stored[Track](c, "one", "two")
	album.Tracks = append(album.Tracks, Track{Title: "three"})
	require.NoError(c, c.DB.Save(album).Error)
	c.want(saves("Track three created"))
	stored[Track](c, "one", "two", "three")
	album.Tracks[0].Title = "not stored"
	require.NoError(c, c.DB.Save(album).Error)
	if c.differs("FullSaveAssociations") {
		c.want(saves("Track not stored updated"))
		stored[Track](c, "not stored", "two", "three")
		return
	}
	c.want()
	stored[Track](c, "one", "two", "three")
}

func fullSave(c *C) {
	album := albums(c)
	hear[Track](c)
	hear[Album](c)
	full := c.DB.Session(&gorm.Session{FullSaveAssociations: true})
	album.Title, album.Tracks[0].Title, album.Tracks[1].Title = "new", "new one", "new two"
	require.NoError(c, full.Save(album).Error)
	c.want(around("Album new updated", saves("Track new one updated", "Track new two updated")))
	album.Tracks[1].Title = "third"
	require.NoError(c, full.Save(album).Error)
	c.want(around("Album new updated", saves("Track third updated")))
	stored[Track](c, "new one", "third")
}

func appendHasMany(c *C) {
	album := albums(c)
	hear[Track](c)
	require.NoError(c, c.DB.Model(album).Association("Tracks").Append(&Track{Title: "three"}))
	c.want(saves("Track three created"))
	stored[Track](c, "one", "two", "three")
}

func appendBelongsTo(c *C) {
	album := albums(c)
	hear[Label](c)
	hear[Album](c)
	signals.For[Album](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Album]) error {
		for _, change := range e.Changes() {
			c.say("changed: %s", change.Field)
		}
		return nil
	})
	require.NoError(c, c.DB.Model(album).Association("Label").Append(&Label{Name: "blue"}))
	heard := c.heard()
	assert.Subset(c, heard, saves("Label blue created"))
	assert.Subset(c, heard, saves("Album debut updated"))
	assert.Contains(c, heard, "changed: LabelID")
	assert.Len(c, heard, 5)
	var row Album
	require.NoError(c, c.truth().Preload("Label").First(&row, album.ID).Error)
	assert.Equal(c, "blue", row.Label.Name)
}

func letGoHasMany(c *C) {
	album := albums(c)
	hear[Track](c)
	require.NoError(c, c.DB.Model(album).Association("Tracks").Delete(&album.Tracks[0]))
	c.want()
	require.NoError(c, c.DB.Model(album).Association("Tracks").Clear())
	c.want()
	stored[Track](c, "one", "two")
	var owned int64
	require.NoError(c, c.truth().Model(&Track{}).Where("album_id IS NOT NULL").Count(&owned).Error)
	assert.Zero(c, owned)
}

func letGoOfOne(c *C) {
	album := albums(c)
	require.NoError(c, c.DB.Model(album).Association("Label").Append(&Label{Name: "blue"}))
	hear[Album](c)
	hear[Label](c)
	hear[Cover](c)
	require.NoError(c, c.DB.Model(album).Association("Label").Delete(album.Label))
	require.NoError(c, c.DB.Model(album).Association("Label").Clear())
	require.NoError(c, c.DB.Model(album).Association("Cover").Clear())
	c.want()
	var owned int64
	require.NoError(c, c.truth().Model(&Cover{}).Where("album_id IS NOT NULL").Count(&owned).Error)
	assert.Zero(c, owned)
	var row Album
	require.NoError(c, c.truth().First(&row, album.ID).Error)
	assert.Nil(c, row.LabelID)
}

func unscopedClear(c *C) {
	album := albums(c)
	loose := Track{Title: "loose"}
	require.NoError(c, c.DB.Model(album).Association("Tracks").Append(&loose))
	hear[Track](c)
	require.NoError(c, c.DB.Model(album).Association("Tracks").Unscoped().Delete(&loose))
	c.want(removes("Track loose"))
	require.NoError(c, c.DB.Model(album).Association("Tracks").Unscoped().Clear())
	c.want(removes("Track one", "Track two"))
	stored[Track](c)
}

func omittedAssociations(c *C) {
	tables(c, &Label{}, &Album{}, &Cover{}, &Track{})
	hear[Track](c)
	hear[Album](c)
	require.NoError(c, c.DB.Omit(clause.Associations).Create(&Album{Title: "debut", Tracks: []Track{{Title: "one"}}}).Error)
	c.want(saves("Album debut created"))
	stored[Track](c)
}

func vetoOfNested(c *C) {
	tables(c, &Label{}, &Album{}, &Cover{}, &Track{})
	signals.For[Track](c.DB).PostSave.Connect(refuse[signals.SaveEvent[*Track]])
	require.ErrorIs(c, create(c, c.DB, &Album{Title: "debut", Tracks: []Track{{Title: "one"}}}), errRefused)
	if c.differs("SkipDefaultTransaction") {
		stored[Album](c, "debut") // the nested row may be stored or not
		return
	}
	stored[Album](c)
	stored[Track](c)
}
