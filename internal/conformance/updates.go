package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// updateCases are about Update and Updates.
func updateCases() []Case {
	return []Case{
		{"update of a key", "An update of a struct that holds only its key shows the whole stored row with the assignments.", updateOfKey},
		{"updates with a map", "Updates with a map sends one pair.", updatesWithMap},
		{"updates with a struct", "Updates with a struct assigns the fields that are not zero, and sends one pair per row.", updatesWithStruct},
		{"forms of update", "Every form of an update of one row sends the whole stored row and its change.", formsOfUpdate},
		{"updates of the value", "Updates of the value itself, without a Model, sends one pair.", updatesOfValue},
		{"update by condition", "An update by a condition sends one pair per matching row.", updateByCondition},
		{"computed update", "post_save shows what the database computed for an expression or a subquery.", computedUpdate},
		{"update that matches nothing", "An update that matches no row sends nothing.", updateNothing},
		{"update of a missing row", "An update of a struct whose row is gone sends nothing.", updateMissing},
		{"update of everything", "AllowGlobalUpdate sends one pair for every row; without it GORM refuses, and nothing is sent.", updateEverything},
		{"changed condition", "An update that changes what its condition speaks of sends each row once.", changedCondition},
		{"changes", "Changes lists the columns with old and new values, UpdateFields what the call names, both without update times.", changes},
		{"caller's struct", "The caller's struct gets what GORM and receivers assign and no more, and is not the Instance.", callersStruct},
		{"restore", "An update that clears the mark of a soft-deleted row is Restored.", restore},
		{"soft-deleted rows", "An update by a condition leaves soft-deleted rows alone, in the table and in what is sent.", softDeletedRows},
		{"keys of an update", "A Keys receiver of an update gets the key and what the call names.", keysOfUpdate},
		{"update selects", "Select and Omit narrow what an update writes and what it shows.", updateSelects},
	}
}

func updateOfKey(c *C) {
	a := seed(c, "ab")[0]
	hear[Item](c)
	require.NoError(c, c.DB.Model(&Item{ID: a.ID}).Update("price", 9).Error)
	c.want(saves("Item a 9 updated"))
	stored[Item](c, "a 9", "b 2")
}

func updatesWithMap(c *C) {
	a := seed(c, "a")[0]
	hear[Item](c)
	result := c.DB.Model(&a).Updates(map[string]any{"Price": 9, "name": "lamp"})
	require.NoError(c, result.Error)
	assert.EqualValues(c, 1, result.RowsAffected)
	c.want(saves("Item lamp 9 updated"))
	stored[Item](c, "lamp 9")
}

func updatesWithStruct(c *C) {
	seed(c, "abc")
	hear[Item](c)
	affected, err := updates(c, c.DB, Item{Price: 9}, "price < ?", 3)
	require.NoError(c, err)
	assert.Equal(c, 2, affected)
	c.want(saves("Item a 9 updated", "Item b 9 updated"))
	stored[Item](c, "a 9", "b 9", "c 3")
}

func formsOfUpdate(c *C) {
	a := seed(c, "ab")[0]
	hear[Item](c)
	hearChanges[Item](c)
	for name, call := range map[string]func(db *gorm.DB) *gorm.DB{
		"map":     func(db *gorm.DB) *gorm.DB { return db.Model(&Item{ID: a.ID}).Updates(map[string]any{"Price": 9}) },
		"struct":  func(db *gorm.DB) *gorm.DB { return db.Model(&Item{ID: a.ID}).Updates(Item{Price: 9}) },
		"itself":  func(db *gorm.DB) *gorm.DB { return db.Updates(&Item{ID: a.ID, Price: 9}) },
		"Select":  func(db *gorm.DB) *gorm.DB { return db.Select("Price").Updates(&Item{ID: a.ID, Name: "no", Price: 9}) },
		"Omit":    func(db *gorm.DB) *gorm.DB { return db.Omit("Name").Updates(&Item{ID: a.ID, Name: "no", Price: 9}) },
		"the key": func(db *gorm.DB) *gorm.DB { return db.Model(&Item{}).Where("id", a.ID).Update("price", 9) },
		"or": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Item{}).Where("price = ?", 1).Or("name = ?", "nobody").Update("price", 9)
		},
	} {
		result := call(c.DB)
		require.NoError(c, result.Error, name)
		assert.EqualValues(c, 1, result.RowsAffected, name)
		c.want(saves("Item a 9 updated"), line("Price: 1 to 9"))
		stored[Item](c, "a 9", "b 2")
		require.NoError(c, c.DB.Model(&a).UpdateColumn("price", 1).Error)
	}
}

func updatesOfValue(c *C) {
	a := seed(c, "a")[0]
	hear[Item](c)
	require.NoError(c, c.DB.Updates(&Item{ID: a.ID, Price: 9}).Error)
	c.want(saves("Item a 9 updated"))
	stored[Item](c, "a 9")
}

func updateByCondition(c *C) {
	seed(c, "abc")
	hear[Item](c)
	affected, err := update[Item](c, c.DB, "price", 9, "price >= ?", 2)
	require.NoError(c, err)
	assert.Equal(c, 2, affected)
	c.want(saves("Item b 9 updated", "Item c 9 updated"))
	stored[Item](c, "a 1", "b 9", "c 9")
}

func computedUpdate(c *C) {
	b := seed(c, "ab")[1]
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		original, err := e.Original()
		c.say("%s to %s", original, e.Instance)
		return err
	})
	hearChanges[Item](c)
	affected, err := update[Item](c, c.DB, "price", gorm.Expr("price * ? + stock", 10), "1 = 1")
	require.NoError(c, err)
	assert.Equal(c, 2, affected)
	c.want([]string{"a 1 to a 10", "Price: 1 to 10", "b 2 to b 20", "Price: 2 to 20"})
	require.NoError(c, c.DB.Model(&Item{ID: b.ID}).Update("price", gorm.Expr("price + 1")).Error)
	c.want([]string{"b 20 to b 21", "Price: 20 to 21"})
	tables(c, &Audit{})
	require.NoError(c, c.DB.Model(&Item{ID: b.ID}).Update("price", c.DB.Model(&Audit{}).Select("COUNT(*) + 30")).Error)
	c.want([]string{"b 21 to b 30", "Price: 21 to 30"})
	stored[Item](c, "a 10", "b 30")
}

func updateNothing(c *C) {
	seed(c, "a")
	hear[Item](c)
	affected, err := update[Item](c, c.DB, "price", 9, "price > ?", 5)
	require.NoError(c, err)
	assert.Zero(c, affected)
	c.want()
}

func updateMissing(c *C) {
	a := seed(c, "a")[0]
	hear[Item](c)
	result := c.DB.Model(&Item{ID: a.ID + 7}).Updates(Item{Price: 9})
	require.NoError(c, result.Error)
	assert.Zero(c, result.RowsAffected)
	c.want()
	stored[Item](c, "a 1")
}

func updateEverything(c *C) {
	seed(c, "ab")
	hear[Item](c)
	require.ErrorIs(c, c.DB.Model(&Item{}).Update("price", 9).Error, gorm.ErrMissingWhereClause)
	c.want()
	result := c.DB.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Item{}).Update("price", 9)
	require.NoError(c, result.Error)
	assert.EqualValues(c, 2, result.RowsAffected)
	c.want(saves("Item a 9 updated", "Item b 9 updated"))
	stored[Item](c, "a 9", "b 9")
}

func changedCondition(c *C) {
	seed(c, "abcdef")
	hearEnds[Item](c, "post_save")
	affected, err := update[Item](c, c.DB, "price", gorm.Expr("price + 2"), "price < ?", 5)
	require.NoError(c, err)
	assert.Equal(c, 4, affected)
	c.want(each("post_save Item ", "a 3 updated", "b 4 updated", "c 5 updated", "d 6 updated"))
	stored[Item](c, "a 3", "b 4", "c 5", "d 6", "e 5", "f 6")
}

func changes(c *C) {
	a := seed(c, "a")[0]
	show := func(_ context.Context, e signals.SaveEvent[*Item]) error {
		for _, change := range e.Changes() {
			c.say("%s %s: %v to %v", change.Field, change.Column, change.Old, change.New)
		}
		c.say("%v, name %t, price %t", e.UpdateFields(), e.Changed("Name"), e.Changed("price"))
		return nil
	}
	signals.For[Item](c.DB).PreSave.Connect(show)
	signals.For[Item](c.DB).PostSave.Connect(show)
	require.NoError(c, c.DB.Model(&a).Updates(map[string]any{"stock": 4, "price": 9, "name": "a"}).Error)
	lines := []string{"Price price: 1 to 9", "Stock stock: 0 to 4", "[Name Price Stock], name false, price true"}
	c.want(lines, lines)
}

func callersStruct(c *C) {
	a := seed(c, "a")[0]
	mine := &Item{ID: a.ID, Name: "not stored"}
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		assert.NotSame(c, mine, e.Instance)
		assert.Equal(c, "a 9", e.Instance.String())
		e.Instance.Stock = 7
		return nil
	})
	require.NoError(c, c.DB.Model(mine).Update("price", 9).Error)
	assert.NotZero(c, mine.UpdatedAt)
	assert.Equal(c, &Item{ID: a.ID, Name: "not stored", Price: 9, Stock: 7, UpdatedAt: mine.UpdatedAt}, mine)
	var row Item
	require.NoError(c, c.truth().First(&row, a.ID).Error)
	assert.Equal(c, 7, row.Stock)
	assert.WithinDuration(c, mine.UpdatedAt, row.UpdatedAt, time.Second)
	stored[Item](c, "a 9")
}

func restore(c *C) {
	tables(c, &Letter{})
	letter := Letter{Text: "hi"}
	require.NoError(c, create(c, c.DB, &letter))
	require.NoError(c, c.DB.Delete(&Letter{}, letter.ID).Error)
	hear[Letter](c)
	require.NoError(c, c.DB.Unscoped().Model(&Letter{}).Where("id = ?", letter.ID).Update("deleted_at", nil).Error)
	c.want(saves("Letter hi restored"))
	require.NoError(c, c.DB.Delete(&Letter{}, letter.ID).Error)
	c.want(removes("Letter hi soft"))
	require.NoError(c, c.DB.Unscoped().Model(&Letter{ID: letter.ID}).Update("deleted_at", nil).Error)
	c.want(saves("Letter hi restored"))
	require.NoError(c, c.DB.Model(&Letter{}).Where("id = ?", letter.ID).Update("text", "ho").Error)
	c.want(saves("Letter ho updated"))
}

func softDeletedRows(c *C) {
	tables(c, &Letter{})
	require.NoError(c, createAll(c, c.DB, &[]Letter{{Text: "a"}, {Text: "b"}}))
	_, err := remove[Letter](c, c.DB, "text = ?", "a")
	require.NoError(c, err)
	hear[Letter](c)
	affected, err := update[Letter](c, c.DB, "text", "new", "1 = 1")
	require.NoError(c, err)
	assert.Equal(c, 1, affected)
	c.want(saves("Letter new updated"))
	require.NoError(c, c.DB.Unscoped().Model(&Letter{}).Where("text = ?", "a").Update("text", "old").Error)
	c.want(saves("Letter old updated"))
	stored[Letter](c, "old", "new")
}

func keysOfUpdate(c *C) {
	a := seed(c, "ab")[0]
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		_, err := e.Original()
		require.ErrorIs(c, err, signals.ErrNotLoaded)
		c.say("%t %d", e.Instance.ID == a.ID, e.Instance.Price)
		return nil
	}, signals.Needs(signals.Keys))
	_, err := update[Item](c, c.DB, "price", 9, "name = ?", "a")
	require.NoError(c, err)
	c.want(line("true 9"))
	stored[Item](c, "a 9", "b 2")
}

func updateSelects(c *C) {
	a := seed(c, "a")[0]
	hear[Item](c)
	require.NoError(c, c.DB.Model(&Item{ID: a.ID}).Select("price").Updates(Item{Name: "lamp", Price: 0}).Error)
	c.want(saves("Item a 0 updated"))
	require.NoError(c, c.DB.Model(&Item{ID: a.ID}).Omit("price").Updates(Item{Name: "lamp", Price: 7}).Error)
	c.want(saves("Item lamp 0 updated"))
	stored[Item](c, fmt.Sprint("lamp ", 0))
}
