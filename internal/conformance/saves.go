package conformance

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
)

// saveCases are about Save.
func saveCases() []Case {
	return []Case{
		{"save without a key", "Save of a row without a key sends as Create.", saveWithoutKey},
		{"save with a key", "Save of a stored row sends one pair, not Created, with the old values.", saveWithKey},
		{"save of a missing row", "A Save that GORM turns into an insert sends one pair, Created.", saveOfMissing},
		{"save of an unchanged row", "A Save that changes nothing sends one pair, not Created, also where the database counts 0 rows.", saveUnchanged},
		{"save of a slice", "Save of a slice tells per element whether it was created.", saveOfSlice},
		{"save of keys", "A Keys receiver hears in post_save whether Save inserted.", saveOfKeys},
		{"receiver of save", "What pre_save changes in a Save is written, and the caller sees it.", receiverOfSave},
		{"veto of a save", "An error of a receiver undoes a Save, whether it updates or inserts.", vetoOfSave},
		{"save restores", "A Save that clears the mark of a soft-deleted row is Restored, in each of its forms.", saveRestores},
		{"save with omit", "Save with Omit shows what was left out as it is stored.", saveWithOmit},
	}
}

// seed stores the items a 1, b 2, and so on, and returns them with their keys.
func seed(c *C, of string) []Item {
	c.Helper()
	tables(c, &Item{})
	rows := make([]Item, 0, len(of))
	for i, name := range of {
		row := Item{Name: string(name), Price: int64(i + 1)}
		require.NoError(c, c.DB.Create(&row).Error)
		rows = append(rows, row)
	}
	return rows
}

func saveWithoutKey(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	lamp := Item{Name: "lamp"}
	require.NoError(c, c.DB.Save(&lamp).Error)
	c.want(saves("Item lamp 0 created"))
	assert.NotZero(c, lamp.ID)
	stored[Item](c, "lamp 0")
}

func saveWithKey(c *C) {
	a := seed(c, "a")[0]
	hear[Item](c)
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		original, err := e.Original()
		c.say("%s to %s, price %t, name %t", original, e.Instance, e.Changed("Price"), e.Changed("Name", "Stock"))
		assert.True(c, e.Changed())
		assert.Nil(c, e.UpdateFields(), "it writes all fields")
		return err
	})
	hearChanges[Item](c)
	a.Price = 9
	result := c.DB.Save(&a)
	require.NoError(c, result.Error)
	assert.EqualValues(c, 1, result.RowsAffected)
	c.want(saves("Item a 9 updated"), line("a 1 to a 9, price true, name false"), line("Price: 1 to 9"))
	stored[Item](c, "a 9")
}

func saveOfMissing(c *C) {
	tables(c, &Seat{})
	hear[Seat](c)
	result := c.DB.Save(&Seat{Line: "a", Place: 1, Taken: true})
	require.NoError(c, result.Error)
	assert.EqualValues(c, 1, result.RowsAffected)
	c.want(saves("Seat a1 true created"))
	stored[Seat](c, "a1 true")
}

func saveUnchanged(c *C) {
	tables(c, &Seat{})
	seat := Seat{Line: "a", Place: 1}
	require.NoError(c, create(c, c.DB, &seat))
	hear[Seat](c)
	require.NoError(c, c.DB.Save(&seat).Error)
	c.want(saves("Seat a1 false updated"))
	stored[Seat](c, "a1 false")
}

func saveOfSlice(c *C) {
	tables(c, &Seat{})
	require.NoError(c, create(c, c.DB, &Seat{Line: "a", Place: 1}))
	hear[Seat](c)
	require.NoError(c, c.DB.Save(&[]Seat{{Line: "a", Place: 1, Taken: true}, {Line: "a", Place: 2}}).Error)
	c.want(saves("Seat a1 true updated", "Seat a2 false created"))
	stored[Seat](c, "a1 true", "a2 false")
	a := seed(c, "a")[0]
	hear[Item](c)
	require.NoError(c, c.DB.Save(&[]Item{{ID: a.ID, Name: "x"}, {Name: "y"}, {ID: a.ID + 20, Name: "z"}}).Error)
	c.want(saves("Item x 0 updated", "Item y 0 created", "Item z 0 created"))
	stored[Item](c, "x 0", "y 0", "z 0")
}

func saveOfKeys(c *C) {
	tables(c, &Seat{})
	signals.For[Seat](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Seat]) error {
		if _, err := e.Original(); e.Created {
			require.NoError(c, err)
		} else {
			require.ErrorIs(c, err, signals.ErrNotLoaded)
		}
		assert.True(c, e.Changed("Taken"))
		c.say("%s %s", e.Instance, kindOf(e))
		return nil
	}, signals.Needs(signals.Keys))
	require.NoError(c, c.DB.Save(&Seat{Line: "a", Place: 1}).Error)
	require.NoError(c, c.DB.Save(&Seat{Line: "a", Place: 1, Taken: true}).Error)
	c.want([]string{"a1 false created", "a1 true updated"})
	stored[Seat](c, "a1 true")
}

func receiverOfSave(c *C) {
	a := seed(c, "a")[0]
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		assert.Same(c, &a, e.Instance)
		e.Instance.Price = 9
		return nil
	})
	hearChanges[Item](c)
	require.NoError(c, c.DB.Save(&a).Error)
	c.want(line("Price: 1 to 9"))
	assert.EqualValues(c, 9, a.Price)
	stored[Item](c, "a 9")
}

func vetoOfSave(c *C) {
	tables(c, &Seat{})
	require.NoError(c, create(c, c.DB, &Seat{Line: "a", Place: 1}))
	seats := signals.For[Seat](c.DB)
	for _, signal := range []*signals.Signal[signals.SaveEvent[*Seat]]{seats.PreSave, seats.PostSave} {
		disconnect := signal.Connect(refuse[signals.SaveEvent[*Seat]])
		require.ErrorIs(c, c.DB.Save(&Seat{Line: "a", Place: 1, Taken: true}).Error, errRefused)
		require.ErrorIs(c, c.DB.Save(&Seat{Line: "a", Place: 2}).Error, errRefused)
		stored[Seat](c, "a1 false")
		disconnect()
	}
}

func saveRestores(c *C) {
	tables(c, &Letter{})
	letter := Letter{Text: "hi"}
	require.NoError(c, create(c, c.DB, &letter))
	hear[Letter](c)
	for _, save := range []func() error{
		func() error { return c.DB.Unscoped().Save(&letter).Error },
		func() error { return c.DB.Save(&letter).Error },
		func() error { return c.DB.Save(&[]Letter{letter}).Error },
	} {
		require.NoError(c, c.DB.Delete(&Letter{}, letter.ID).Error)
		c.want(removes("Letter hi soft"))
		require.NoError(c, save())
		c.want(saves("Letter hi restored"))
		var live int64
		require.NoError(c, c.truth().Model(&Letter{}).Count(&live).Error)
		assert.EqualValues(c, 1, live)
	}
}

func saveWithOmit(c *C) {
	a := seed(c, "a")[0]
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		e.Instance.Stock = 7
		if !e.Created {
			assert.False(c, e.Changed("Price"))
			assert.Equal(c, []string{"Name", "Stock", "CreatedAt"}, e.UpdateFields())
		}
		return nil
	})
	hearSaves[Item](c)
	a.Name, a.Price = "lamp", 9
	require.NoError(c, c.DB.Omit("Price").Save(&a).Error)
	c.want(saves("Item lamp 1 updated"))
	assert.Equal(c, 7, a.Stock)
	stored[Item](c, "lamp 1")
	require.NoError(c, c.DB.Omit("Price").Save(&Item{ID: a.ID + 20, Name: "new", Price: 4}).Error)
	c.want(saves("Item new 4 created"))
}
