package conformance

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// rowCases are about the rows of conditional writes: one by one, in batches, all or none.
func rowCases() []Case {
	return []Case{
		{"changed row of a condition", "A receiver that changes one row of a condition changes that row only.", changedRow},
		{"changed field of an update", "What pre_save changes beside the assignments of the call is written too.", changedField},
		{"veto of one row of an update", "An error for one row undoes the whole update, what receivers wrote included.", vetoOfOneRow},
		{"veto of one row of a delete", "An error for one row undoes the whole delete.", vetoOfOneDelete},
		{"many rows", "More rows than a batch send one pair each, in the order of their keys.", manyRows},
		{"veto of a later batch", "An error for a row of a later batch undoes the batches before it.", vetoOfLaterBatch},
		{"late row", "A row that begins to match meanwhile is not written unannounced.", lateRow},
		{"row deleted meanwhile", "A row that a receiver of pre_save deletes has no post_save.", deletedMeanwhile},
		{"delete within a delete", "A row that a receiver of pre_delete deletes is told of by that delete, and has one post_delete.", deleteWithinDelete},
		{"veto in the caller's transaction", "An error in a transaction of the caller is the caller's to roll back.", vetoInTransaction},
	}
}

func changedRow(c *C) {
	seed(c, "abc")
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		if e.Instance.Name == "b" {
			e.Instance.Price, e.Instance.Name = 20, "B"
		}
		return nil
	})
	affected, err := update[Item](c, c.DB, "price", 9, "1 = 1")
	require.NoError(c, err)
	assert.Equal(c, 3, affected)
	stored[Item](c, "a 9", "B 20", "c 9")
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		if e.Instance.Name == "a" {
			e.Instance.Name = "A"
		}
		return nil
	})
	_, err = update[Item](c, c.DB, "price", gorm.Expr("price + 1"), "1 = 1")
	require.NoError(c, err)
	stored[Item](c, "A 10", "B 21", "c 10") // a row that a receiver changed gets the assignments of the call too
}

func changedField(c *C) {
	a := seed(c, "a")[0]
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		e.Instance.Name += fmt.Sprint(e.Instance.Price)
		return nil
	})
	hear[Item](c)
	require.NoError(c, c.DB.Model(&a).Update("price", 9).Error)
	c.want(saves("Item a9 9 updated"))
	stored[Item](c, "a9 9")
}

func vetoOfOneRow(c *C) {
	seed(c, "abc")
	tables(c, &Audit{})
	items := signals.For[Item](c.DB)
	veto := func(_ context.Context, e signals.SaveEvent[*Item]) error {
		if e.Instance.Name == "c" {
			return errRefused
		}
		return e.DB().Create(&Audit{Text: e.Instance.Name}).Error
	}
	for _, signal := range []*signals.Signal[signals.SaveEvent[*Item]]{items.PreSave, items.PostSave} {
		disconnect := signal.Connect(veto)
		_, err := update[Item](c, c.DB, "price", 9, "1 = 1")
		require.ErrorIs(c, err, errRefused)
		disconnect()
		stored[Item](c, "a 1", "b 2", "c 3")
		stored[Audit](c)
	}
}

func vetoOfOneDelete(c *C) {
	seed(c, "abc")
	items := signals.For[Item](c.DB)
	veto := func(_ context.Context, e signals.DeleteEvent[*Item]) error {
		if e.Instance.Name == "c" {
			return errRefused
		}
		return nil
	}
	for _, signal := range []*signals.Signal[signals.DeleteEvent[*Item]]{items.PreDelete, items.PostDelete} {
		disconnect := signal.Connect(veto)
		_, err := remove[Item](c, c.DB, "1 = 1")
		require.ErrorIs(c, err, errRefused)
		disconnect()
		stored[Item](c, "a 1", "b 2", "c 3")
	}
}

// many is more than the default batch of the plugin.
const many = 501

// manySeats stores many seats.
func manySeats(c *C) {
	c.Helper()
	tables(c, &Seat{})
	rows := make([]Seat, many)
	for i := range rows {
		rows[i] = Seat{Line: "a", Place: i}
	}
	require.NoError(c, createBatches(c, c.DB, &rows, many))
}

func manyRows(c *C) {
	manySeats(c)
	places := map[string][]int{}
	note := func(word string) signals.Receiver[signals.SaveEvent[*Seat]] {
		return func(_ context.Context, e signals.SaveEvent[*Seat]) error {
			places[word] = append(places[word], e.Instance.Place)
			return nil
		}
	}
	signals.For[Seat](c.DB).PreSave.Connect(note("pre_save"))
	signals.For[Seat](c.DB).PostSave.Connect(note("post_save"))
	gone := func(word string) signals.Receiver[signals.DeleteEvent[*Seat]] {
		return func(_ context.Context, e signals.DeleteEvent[*Seat]) error {
			places[word] = append(places[word], e.Instance.Place)
			return nil
		}
	}
	signals.For[Seat](c.DB).PreDelete.Connect(gone("pre_delete"))
	signals.For[Seat](c.DB).PostDelete.Connect(gone("post_delete"))
	affected, err := update[Seat](c, c.DB, "taken", true, "taken = ?", false)
	require.NoError(c, err)
	assert.Equal(c, many, affected)
	var taken int64
	require.NoError(c, c.truth().Model(&Seat{}).Where("taken = ?", true).Count(&taken).Error)
	assert.EqualValues(c, many, taken)
	affected, err = remove[Seat](c, c.DB, "taken = ?", true)
	require.NoError(c, err)
	assert.Equal(c, many, affected)
	stored[Seat](c)
	require.Len(c, places, 4)
	for word, heard := range places {
		require.Len(c, heard, many, word)
		for i, place := range heard {
			require.Equal(c, i, place, word)
		}
	}
}

func vetoOfLaterBatch(c *C) {
	manySeats(c)
	last := func(s *Seat) error {
		if s.Place == many-1 {
			return errRefused
		}
		return nil
	}
	saving := func(_ context.Context, e signals.SaveEvent[*Seat]) error { return last(e.Instance) }
	deleting := func(_ context.Context, e signals.DeleteEvent[*Seat]) error { return last(e.Instance) }
	seats := signals.For[Seat](c.DB)
	for _, connect := range []func() (disconnect func() bool){
		func() func() bool { return seats.PreSave.Connect(saving) }, func() func() bool { return seats.PostSave.Connect(saving) },
	} {
		disconnect := connect()
		_, err := update[Seat](c, c.DB, "taken", true, "taken = ?", false)
		require.ErrorIs(c, err, errRefused)
		disconnect()
	}
	for _, connect := range []func() (disconnect func() bool){
		func() func() bool { return seats.PreDelete.Connect(deleting) }, func() func() bool { return seats.PostDelete.Connect(deleting) },
	} {
		disconnect := connect()
		_, err := remove[Seat](c, c.DB, "taken = ?", false)
		require.ErrorIs(c, err, errRefused)
		disconnect()
	}
	var left int64
	require.NoError(c, c.truth().Model(&Seat{}).Where("taken = ?", false).Count(&left).Error)
	assert.EqualValues(c, many, left)
}

func lateRow(c *C) {
	seed(c, "ab")
	hearEnds[Item](c, "post_save")
	items := signals.For[Item](c.DB)
	items.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		return e.DB().Session(&gorm.Session{SkipHooks: true}).Model(&Item{}).Where("name = ?", "b").Update("stock", 1).Error
	})
	_, err := update[Item](c, c.DB, "price", 9, "name = ? OR stock = ?", "a", 1)
	require.NoError(c, err)
	c.want(line("post_save Item a 9 updated"))
	stored[Item](c, "a 9", "b 2")
}

func deletedMeanwhile(c *C) {
	seed(c, "ab")
	hearEnds[Item](c, "post_save")
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		return e.DB().Session(&gorm.Session{SkipHooks: true}).Where("name = ?", "b").Delete(&Item{}).Error
	})
	affected, err := update[Item](c, c.DB, "price", 9, "1 = 1")
	require.NoError(c, err)
	assert.Equal(c, 1, affected)
	c.want(line("post_save Item a 9 updated"))
	stored[Item](c, "a 9")
}

func deleteWithinDelete(c *C) {
	rows := seed(c, "ab")
	items := signals.For[Item](c.DB)
	items.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Item]) error {
		c.say("pre_delete %s", e.Instance)
		return nil
	})
	items.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Item]) error {
		c.say("post_delete %s", e.Instance)
		return nil
	})
	items.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Item]) error {
		if e.Instance.Name == "a" {
			return e.DB().Delete(&Item{}, rows[1].ID).Error
		}
		return nil
	})
	affected, err := remove[Item](c, c.DB, "1 = 1")
	require.NoError(c, err)
	assert.Equal(c, 1, affected)
	c.want([]string{"pre_delete a 1"}, removes("b 2"), []string{"pre_delete b 2", "post_delete a 1"}) // b existed when the outer delete began
	stored[Item](c)
}

func vetoInTransaction(c *C) {
	seed(c, "a")
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		if e.Instance.Price == 9 {
			return errRefused
		}
		return nil
	})
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		_, err := update[Item](c, tx, "name", "lamp", "price = ?", 1)
		require.NoError(c, err)
		_, err = update[Item](c, tx, "price", 9, "price = ?", 1)
		require.ErrorIs(c, err, errRefused)
		require.ErrorIs(c, create(c, tx, &Item{Name: "vase", Price: 9}), errRefused)
		return nil
	}))
	stored[Item](c, "lamp 9", "vase 9")
}
