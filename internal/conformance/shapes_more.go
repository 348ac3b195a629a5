package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

func limitAndOrder(c *C) {
	seed(c, "abc")
	hearEnds[Item](c, "post_save")
	require.NoError(c, c.DB.Model(&Item{}).Where("price > ?", 0).Order("price DESC").Limit(2).Update("stock", 1).Error)
	told := c.heard()
	var changed []Item
	require.NoError(c, c.truth().Where("stock = ?", 1).Find(&changed).Error)
	rows := make([]string, len(changed))
	for i := range changed {
		rows[i] = "post_save Item " + changed[i].String() + " updated"
	}
	assert.ElementsMatch(c, rows, told)
	if c.differs("mysql or mariadb") {
		assert.ElementsMatch(c, each("post_save Item ", "c 3 updated", "b 2 updated"), told)
	} else {
		assert.Len(c, told, 3)
	}
}

// alike makes the same call for two rows, with receivers for only one of them. Both calls must leave the same in the caller's values.
func alike(c *C, call func(name string, rows *[]Item) error) {
	c.Helper()
	show := func(name string) string {
		var rows []Item
		err := call(name, &rows)
		for i := range rows {
			rows[i].UpdatedAt = time.Time{}
		}
		return fmt.Sprintf("%v: %+v", err, rows)
	}
	seed(c, "ab")
	silent := show("a")
	hear[Item](c)
	assert.Equal(c, silent, show("b"))
	assert.NotEmpty(c, c.heard())
}

func returningOfUpdate(c *C) {
	alike(c, func(name string, rows *[]Item) error {
		columns := []clause.Column{{Name: "price"}, {Name: "stock"}}
		return c.DB.Model(rows).Clauses(clause.Returning{Columns: columns}).Where("name = ?", name).Update("price", 9).Error
	})
}

func returningOfDelete(c *C) {
	alike(c, func(name string, rows *[]Item) error {
		return c.DB.Clauses(clause.Returning{Columns: []clause.Column{{Name: "stock"}}}).Where("name = ?", name).Delete(rows).Error
	})
}

func preparedSession(c *C) {
	seed(c, "ab")
	hear[Item](c)
	db := c.DB.Session(&gorm.Session{PrepareStmt: true})
	require.NoError(c, create(c, db, &Item{Name: "c", Price: 3}))
	c.want(saves("Item c 3 created"))
	for range 2 {
		_, err := update[Item](c, db, "stock", gorm.Expr("stock + 1"), "price > ?", 2)
		require.NoError(c, err)
		c.want(saves("Item c 3 updated"))
	}
	require.NoError(c, db.Transaction(func(tx *gorm.DB) error {
		_, err := remove[Item](c, tx, "price > ?", 1)
		return err
	}))
	c.want(removes("Item b 2", "Item c 3"))
	stored[Item](c, "a 1")
}

func cleanSession(c *C) {
	seed(c, "ab")
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		var n int64
		err := e.DB().Model(&Item{}).Count(&n).Error
		c.say("%d rows", n)
		return err
	})
	_, err := update[Item](c, c.DB, "stock", 1, "name = ?", "a")
	require.NoError(c, err)
	c.want(line("2 rows"))
}

func cancelledContext(c *C) {
	seed(c, "a")
	ctx, cancel := context.WithCancel(c.Context())
	items := signals.For[Item](c.DB)
	items.PreSave.Connect(func(context.Context, signals.SaveEvent[*Item]) error { cancel(); return nil })
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, "post_save"))
	err := c.DB.WithContext(ctx).Model(&Item{}).Where("name = ?", "a").Update("price", 9).Error
	require.ErrorContains(c, err, context.Canceled.Error()) // the error of GORM's rollback may hide it
	c.want()
	stored[Item](c, "a 1")
}

func genericsSet(c *C) {
	seed(c, "ab")
	hear[Item](c)
	price := clause.Assignment{Column: clause.Column{Name: "price"}, Value: 9}
	affected, err := gorm.G[Item](c.DB).Where("name = ?", "a").Set(price).Update(c.Context())
	require.NoError(c, err)
	assert.Equal(c, 1, affected)
	c.want(saves("Item a 9 updated"))
	stored[Item](c, "a 9", "b 2")
}

func genericsRefused(c *C) {
	tables(c, &Hooked{})
	require.NoError(c, create(c, c.DB, &Hooked{Name: "a"}))
	hear[Hooked](c)
	_, err := gorm.G[Hooked](c.DB).Where("name = ?", "a").Update(c.Context(), "name", "b")
	require.ErrorIs(c, err, gorm.ErrInvalidValue)
	c.want()
	stored[Hooked](c, "a")
}
