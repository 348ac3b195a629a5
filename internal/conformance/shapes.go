package conformance

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// shapeCases test the same promises with models and statements of every shape.
func shapeCases() []Case {
	return []Case{
		{"composite keys", "Rows with a composite key send like others, row by row.", compositeKeys},
		{"no primary key", "Rows without a primary key are resolved once and send like others.", noPrimaryKey},
		{"fields of every kind", "Embedded, serialized and custom fields are shown and written as the values of the field.", everyKind},
		{"table override", "Table with a model reads and writes that table, and sends.", tableOverride},
		{"scopes", "Scopes are conditions like others.", scopes},
		{"or and not", "Or and Not keep their meaning when rows are resolved and written by key.", orAndNot},
		{"subqueries", "A condition with a subquery on the written table is decided before the first row is written.", subqueries},
		{"joins", "A condition that reaches other tables by a subquery sends for the rows of the model.", joinsInConditions},
		{"limit and order", "With Limit and Order exactly the rows that the database changes are told of.", limitAndOrder},
		{"returning of an update", "Returning of an update fills what it fills without the plugin.", returningOfUpdate},
		{"returning of a delete", "Returning of a delete fills what it fills without the plugin.", returningOfDelete},
		{"generics with Set", "Set of gorm.G sends as the classic update does.", genericsSet},
		{"generics that GORM refuses", "Where gorm.G itself fails, as for a model with update hooks, nothing is sent.", genericsRefused},
		{"prepared session", "A session with PrepareStmt sends as every other.", preparedSession},
		{"new session", "What a receiver's DB writes does not inherit conditions of the write.", cleanSession},
		{"cancelled context", "A write under a cancelled context fails as in GORM, without post signals.", cancelledContext},
	}
}

func compositeKeys(c *C) {
	tables(c, &Seat{})
	hear[Seat](c)
	require.NoError(c, createAll(c, c.DB, &[]Seat{{Line: "a", Place: 1}, {Line: "a", Place: 2}}))
	c.want(saves("Seat a1 false created", "Seat a2 false created"))
	require.NoError(c, create(c, c.DB, &Seat{Line: "b", Place: 1}))
	c.want(saves("Seat b1 false created"))
	_, err := update[Seat](c, c.DB, "taken", true, "place = ?", 1)
	require.NoError(c, err)
	c.want(saves("Seat a1 true updated", "Seat b1 true updated"))
	require.NoError(c, c.DB.Delete(&[]Seat{{Line: "a", Place: 2}, {Line: "b", Place: 1}}).Error)
	c.want(removes("Seat a2 false", "Seat b1 true"))
	stored[Seat](c, "a1 true")
}

func noPrimaryKey(c *C) {
	tables(c, &Event{})
	events := signals.For[Event](c.DB)
	events.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Event]) error {
		c.say("%s %s", e.Instance, kindOf(e))
		return nil
	})
	events.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Event]) error {
		c.say("%s deleted", e.Instance)
		return nil
	})
	require.NoError(c, create(c, c.DB, &Event{Kind: "a"}))
	require.NoError(c, create(c, c.DB, &Event{Kind: "b"}))
	_, err := update[Event](c, c.DB, "count", 7, "kind = ?", "a")
	require.NoError(c, err)
	_, err = remove[Event](c, c.DB, "kind = ?", "b")
	require.NoError(c, err)
	c.want([]string{"a 0 created", "b 0 created", "a 7 updated", "b 0 deleted"})
	require.NoError(c, create(c, c.DB, &Event{Kind: "c"}))
	_, err = update[Event](c, c.DB, "count", 8, "1 = 1")
	require.NoError(c, err)
	assert.ElementsMatch(c, []string{"c 0 created", "a 8 updated", "c 8 updated"}, c.heard())
	events.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Event]) error { e.Instance.Kind += "!"; return nil })
	_, err = update[Event](c, c.DB, "count", 9, "1 = 1")
	require.ErrorIs(c, err, gorm.ErrPrimaryKeyRequired, "nothing could write that row alone")
	var left []Event
	require.NoError(c, c.truth().Order("kind").Find(&left).Error)
	assert.Equal(c, []Event{{Kind: "a", Count: 8}, {Kind: "c", Count: 8}}, left)
}

func everyKind(c *C) {
	tables(c, &Crate{})
	hear[Crate](c)
	crate := Crate{Name: "box", Size: Size{Width: 1, Height: 2}, Labels: []string{"up"}, Level: 1}
	require.NoError(c, create(c, c.DB, &crate))
	c.want(saves("Crate box 1x2 [up] 1 created"))
	require.NoError(c, c.DB.Model(&Crate{ID: crate.ID}).Updates(Crate{Size: Size{Width: 5}, Labels: []string{"up", "down"}, Level: 2}).Error)
	c.want(saves("Crate box 5x2 [up down] 2 updated"))
	signals.For[Crate](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Crate]) error {
		e.Instance.Labels, e.Instance.Level = append(e.Instance.Labels, "new"), 3
		return nil
	}, signals.Priority(1))
	_, err := update[Crate](c, c.DB, "name", "case", "level = ?", Level(2))
	require.NoError(c, err)
	c.want(saves("Crate case 5x2 [up down new] 3 updated"))
	stored[Crate](c, "case 5x2 [up down new] 3")
}

func tableOverride(c *C) {
	tables(c, &Item{})
	c.table = c.DB.NamingStrategy.TableName("OtherItem")
	require.NoError(c, c.DB.Table(c.table).AutoMigrate(&Item{}))
	other := clause.Table{Name: c.table}
	c.Cleanup(func() { require.NoError(c, c.DB.Exec("DROP TABLE ?", other).Error) })
	require.NoError(c, create(c, c.DB, &Item{Name: "a", Price: 1})) // in the model's own table
	hear[Item](c)
	require.NoError(c, c.DB.Table(c.table).Create(&Item{Name: "a", Price: 1}).Error)
	c.want(saves("Item a 1 created"))
	require.NoError(c, c.DB.Table(c.table).Model(&Item{}).Where("name = ?", "a").Update("price", 9).Error)
	c.want(saves("Item a 9 updated"))
	stored[Item](c, "a 9")
	var row Item
	require.NoError(c, c.truth().Table(c.table).First(&row).Error)
	row.Price = 8
	require.NoError(c, c.DB.Table(c.table).Save(&row).Error)
	c.want(saves("Item a 8 updated"))
	require.NoError(c, c.DB.Table(c.table).Where("name = ?", "a").Delete(&Item{}).Error)
	c.want(removes("Item a 8"))
	stored[Item](c)
	c.table = ""
	stored[Item](c, "a 1")
}

func scopes(c *C) {
	rows := seed(c, "abc")
	hear[Item](c)
	cheap := func(db *gorm.DB) *gorm.DB { return db.Where("price < ?", 3) }
	require.NoError(c, c.DB.Model(&Item{}).Scopes(cheap).Update("stock", 1).Error)
	c.want(saves("Item a 1 updated", "Item b 2 updated"))
	require.NoError(c, c.DB.Scopes(cheap).Delete(&rows[2]).Error)
	c.want() // the scope hides the row
	require.NoError(c, c.DB.Scopes(cheap).Delete(&Item{}).Error)
	c.want(removes("Item a 1", "Item b 2"))
	stored[Item](c, "c 3")
}

func orAndNot(c *C) {
	seed(c, "abcd")
	hear[Item](c)
	require.NoError(c, c.DB.Model(&Item{}).Where("name = ?", "a").Or("name = ?", "d").Not("price = ?", 4).Update("stock", 1).Error)
	told := c.heard()
	var changed []Item
	require.NoError(c, c.truth().Where("stock = ?", 1).Order("id").Find(&changed).Error)
	rows := make([]string, len(changed))
	for i := range changed {
		rows[i] = "Item " + changed[i].String() + " updated"
	}
	assert.Equal(c, saves(rows...), told)
	require.NotEmpty(c, changed)
}

func subqueries(c *C) {
	seed(c, "abc")
	raise := func(db *gorm.DB) error {
		average := c.DB.Model(&Item{}).Select("AVG(price)")
		return db.Model(&Item{}).Where("price <= (?)", average).Update("price", gorm.Expr("price + 10")).Error
	}
	refused := silently(c, raise)
	hearEnds[Item](c, "post_save")
	err := raise(c.DB)
	if c.differs("mysql") {
		assert.Equal(c, refused, err)
		c.want()
		return
	}
	require.NoError(c, err)
	c.want(each("post_save Item ", "a 11 updated", "b 12 updated"))
	stored[Item](c, "a 11", "b 12", "c 3")
}

// silently makes a call without signals, rolls it back, and returns its error.
func silently(c *C, call func(db *gorm.DB) error) error {
	c.Helper()
	var result error
	require.ErrorIs(c, c.DB.Session(&gorm.Session{SkipHooks: true}).Transaction(func(tx *gorm.DB) error {
		result = call(tx)
		return errRefused
	}), errRefused)
	return result
}

func joinsInConditions(c *C) {
	album := albums(c)
	require.NoError(c, create(c, c.DB, &Track{Title: "loose"}))
	hear[Track](c)
	of := c.DB.Model(&Album{}).Select("id").Where("title = ?", album.Title)
	_, err := update[Track](c, c.DB, "title", gorm.Expr("'hit'"), "album_id IN (?)", of)
	require.NoError(c, err)
	heard := c.heard()
	require.Len(c, heard, 4)
	assert.Equal(c, []string{"post_save Track hit updated", "post_save Track hit updated"}, heard[2:])
	stored[Track](c, "hit", "hit", "loose")
}
