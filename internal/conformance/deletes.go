package conformance

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// deleteCases are about Delete.
func deleteCases() []Case {
	return []Case{
		{"delete of a struct", "Delete of a struct that holds only its key sends one pair with the whole stored row.", deleteOfStruct},
		{"delete of a slice", "Delete of a slice sends one pair per row.", deleteOfSlice},
		{"delete by keys", "Delete by keys sends one pair per row that exists, and nothing for others.", deleteByKeys},
		{"delete by condition", "Delete by a condition sends one pair per matching row: all pre, DELETE, all post.", deleteByCondition},
		{"forms of delete", "Every form of a delete sends one pair per row that exists and matches, loaded whole.", formsOfDelete},
		{"delete that matches nothing", "A delete that matches no row sends nothing.", deleteNothing},
		{"delete of everything", "AllowGlobalUpdate lets a delete send for every row; without it GORM refuses, and nothing is sent.", deleteEverything},
		{"soft delete", "A soft delete sends a pair with Soft; the row stays.", softDelete},
		{"unscoped delete", "Unscoped delete of a model with soft delete sends a pair without Soft; the row goes.", unscopedDelete},
		{"delete of deleted rows", "A soft-deleted row is not deleted again, and is not told of.", deleteOfDeleted},
		{"keys of a delete", "A Keys receiver of a delete gets the key only.", keysOfDelete},
		{"delete with children", "Select of a relation deletes the children with pairs of their own, inside the pair of the parent.", deleteWithChildren},
		{"delete with associations", "Select of clause.Associations deletes the children of every has-one and has-many.", deleteWithAssociations},
		{"veto of a soft delete", "An error of post_delete undoes a soft delete.", vetoOfSoftDelete},
	}
}

func deleteOfStruct(c *C) {
	a := seed(c, "ab")[0]
	hear[Item](c)
	result := c.DB.Delete(&Item{ID: a.ID})
	require.NoError(c, result.Error)
	assert.EqualValues(c, 1, result.RowsAffected)
	c.want(removes("Item a 1"))
	stored[Item](c, "b 2")
}

func deleteOfSlice(c *C) {
	rows := seed(c, "abc")[:2]
	hear[Item](c)
	require.NoError(c, c.DB.Delete(&rows).Error)
	c.want(removes("Item a 1", "Item b 2"))
	stored[Item](c, "c 3")
}

func deleteByKeys(c *C) {
	rows := seed(c, "abc")
	hear[Item](c)
	result := c.DB.Delete(&Item{}, []uint{rows[0].ID, rows[2].ID, rows[2].ID + 7})
	require.NoError(c, result.Error)
	assert.EqualValues(c, 2, result.RowsAffected)
	c.want(removes("Item a 1", "Item c 3"))
	require.NoError(c, c.DB.Delete(&Item{}, rows[1].ID).Error)
	c.want(removes("Item b 2"))
	stored[Item](c)
}

func deleteByCondition(c *C) {
	seed(c, "abc")
	hear[Item](c)
	affected, err := remove[Item](c, c.DB, "price < ?", 3)
	require.NoError(c, err)
	assert.Equal(c, 2, affected)
	c.want(removes("Item a 1", "Item b 2"))
	stored[Item](c, "c 3")
}

func formsOfDelete(c *C) {
	one, two := []string{"Item a 1"}, []string{"Item a 1", "Item b 2"}
	for name, form := range map[string]struct {
		call func(db *gorm.DB, a, b uint) *gorm.DB
		want []string
	}{
		"slice":          {func(db *gorm.DB, a, b uint) *gorm.DB { return db.Delete(&[]Item{{ID: a}, {ID: b}, {ID: b + 70}}) }, two},
		"pointers":       {func(db *gorm.DB, a, b uint) *gorm.DB { return db.Delete([]*Item{{ID: a}, {ID: b}}) }, two},
		"key as text":    {func(db *gorm.DB, a, _ uint) *gorm.DB { return db.Delete(&Item{}, fmt.Sprint(a)) }, one},
		"inline":         {func(db *gorm.DB, _, _ uint) *gorm.DB { return db.Delete(&Item{}, "price < ?", 3) }, two},
		"or":             {func(db *gorm.DB, _, _ uint) *gorm.DB { return db.Where("price = 1").Or("price = 2").Delete(&Item{}) }, two},
		"value and more": {func(db *gorm.DB, a, _ uint) *gorm.DB { return db.Where("name = ?", "a").Delete(&Item{ID: a}) }, one},
		"model and dest": {func(db *gorm.DB, a, _ uint) *gorm.DB { return db.Model(&Item{ID: a}).Delete(&Item{}) }, one},
		"table": {func(db *gorm.DB, _, _ uint) *gorm.DB {
			return db.Table(tableOf(c, &Item{}).Name).Where("price < 3").Delete(&Item{})
		}, two},
		"not matching": {func(db *gorm.DB, a, _ uint) *gorm.DB { return db.Where("name = ?", "b").Delete(&Item{ID: a}) }, nil},
	} {
		rows := seed(c, "abc")
		disconnect := hearDeletes(c)
		result := form.call(c.DB, rows[0].ID, rows[1].ID)
		require.NoError(c, result.Error, name)
		assert.EqualValues(c, len(form.want), result.RowsAffected, name)
		c.want(removes(form.want...))
		stored[Item](c, []string{"a 1", "b 2", "c 3"}[len(form.want):]...)
		disconnect()
	}
}

// hearDeletes notes deletes of items until it is disconnected.
func hearDeletes(c *C) (disconnect func()) {
	items := signals.For[Item](c.DB)
	pre, post := items.PreDelete.Connect(deleted[Item](c, "pre_delete")), items.PostDelete.Connect(deleted[Item](c, "post_delete"))
	return func() { pre(); post() }
}

func deleteNothing(c *C) {
	rows := seed(c, "a")
	hear[Item](c)
	affected, err := remove[Item](c, c.DB, "price > ?", 3)
	require.NoError(c, err)
	assert.Zero(c, affected)
	require.NoError(c, c.DB.Delete(&Item{ID: rows[0].ID + 7}).Error)
	c.want()
	stored[Item](c, "a 1")
}

func deleteEverything(c *C) {
	seed(c, "ab")
	hear[Item](c)
	require.ErrorIs(c, c.DB.Delete(&Item{}).Error, gorm.ErrMissingWhereClause)
	c.want()
	require.NoError(c, c.DB.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&Item{}).Error)
	c.want(removes("Item a 1", "Item b 2"))
	stored[Item](c)
}

// letters stores letters with these texts.
func letters(c *C, texts ...string) {
	c.Helper()
	tables(c, &Letter{})
	for _, text := range texts {
		require.NoError(c, c.DB.Create(&Letter{Text: text}).Error)
	}
}

func softDelete(c *C) {
	letters(c, "a", "b")
	hear[Letter](c)
	affected, err := remove[Letter](c, c.DB, "text = ?", "a")
	require.NoError(c, err)
	assert.Equal(c, 1, affected)
	c.want(removes("Letter a soft"))
	stored[Letter](c, "a", "b")
	var live int64
	require.NoError(c, c.truth().Model(&Letter{}).Count(&live).Error)
	assert.EqualValues(c, 1, live)
}

func unscopedDelete(c *C) {
	letters(c, "a", "b")
	_, err := remove[Letter](c, c.DB, "text = ?", "a")
	require.NoError(c, err)
	hear[Letter](c)
	require.NoError(c, c.DB.Unscoped().Where("1 = 1").Delete(&Letter{}).Error)
	c.want(removes("Letter a", "Letter b"))
	stored[Letter](c)
}

func deleteOfDeleted(c *C) {
	letters(c, "a", "b")
	_, err := remove[Letter](c, c.DB, "text = ?", "a")
	require.NoError(c, err)
	hear[Letter](c)
	affected, err := remove[Letter](c, c.DB, "1 = 1")
	require.NoError(c, err)
	assert.Equal(c, 1, affected)
	c.want(removes("Letter b soft"))
	var gone []Letter
	require.NoError(c, c.truth().Unscoped().Find(&gone).Error)
	require.NoError(c, c.DB.Delete(&gone[0]).Error)
	c.want()
}

func keysOfDelete(c *C) {
	a := seed(c, "ab")[0]
	heard := func(word string) signals.Receiver[signals.DeleteEvent[*Item]] {
		return func(_ context.Context, e signals.DeleteEvent[*Item]) error {
			assert.Equal(c, &Item{ID: a.ID}, e.Instance)
			c.say("%s", word)
			return nil
		}
	}
	signals.For[Item](c.DB).PreDelete.Connect(heard("before"), signals.Needs(signals.Keys))
	signals.For[Item](c.DB).PostDelete.Connect(heard("after"), signals.Needs(signals.Keys))
	_, err := remove[Item](c, c.DB, "name = ?", "a")
	require.NoError(c, err)
	c.want([]string{"before", "after"})
}

// albums creates the tables of albums, and stores an album with two tracks and a cover.
func albums(c *C) *Album {
	c.Helper()
	tables(c, &Label{}, &Album{}, &Cover{}, &Track{})
	album := Album{Title: "debut", Cover: &Cover{Image: "blue"}, Tracks: []Track{{Title: "one"}, {Title: "two"}}}
	require.NoError(c, c.DB.Create(&album).Error)
	return &album
}

func deleteWithChildren(c *C) {
	album := albums(c)
	require.NoError(c, c.DB.Delete(album.Cover).Error)
	hear[Album](c)
	hear[Track](c)
	require.NoError(c, c.DB.Select("Tracks").Delete(&Album{ID: album.ID}).Error)
	c.want(line("pre_delete Album debut"), removes("Track one", "Track two"), line("post_delete Album debut"))
	stored[Album](c)
	stored[Track](c)
}

func deleteWithAssociations(c *C) {
	album := albums(c)
	hear[Album](c)
	hear[Track](c)
	hear[Cover](c)
	require.NoError(c, c.DB.Select(clause.Associations).Delete(&Album{ID: album.ID}).Error)
	heard := c.heard()
	require.Len(c, heard, 8)
	assert.Equal(c, "pre_delete Album debut", heard[0])
	assert.Equal(c, "post_delete Album debut", heard[7])
	assert.ElementsMatch(c, append(removes("Track one", "Track two"), removes("Cover blue")...), heard[1:7])
	stored[Track](c)
	stored[Cover](c)
}

func vetoOfSoftDelete(c *C) {
	letters(c, "a")
	signals.For[Letter](c.DB).PostDelete.Connect(refuse[signals.DeleteEvent[*Letter]])
	_, err := remove[Letter](c, c.DB, "1 = 1")
	require.ErrorIs(c, err, errRefused)
	var live int64
	require.NoError(c, c.truth().Model(&Letter{}).Count(&live).Error)
	assert.EqualValues(c, 1, live)
}
