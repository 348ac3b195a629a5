package conformance

import (
	"context"
	"errors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// createCases are about Create.
func createCases() []Case {
	return []Case{
		{"create of a struct", "Create of a struct sends pre_save and post_save, both Created.", createOfAStruct},
		{"create of a slice", "Create of a slice sends one pair per element, in order: all pre, INSERT, all post.", createOfASlice},
		{"create of pointers", "A slice of pointers sends as a slice of structs does.", createOfPointers},
		{"create of other lists", "Arrays, and slices that are passed by value, send as a pointer to a slice does.", createOfOtherLists},
		{"create in batches", "CreateInBatches sends batch by batch: all pre, INSERT, all post.", createInBatches},
		{"create from a map", "A map sends an Instance built from it, and what receivers change goes back into the map.", createFromAMap},
		{"create from maps", "A slice of maps sends one pair per map.", createFromMaps},
		{"expression in a map", "Only the database knows what an expression in a map gives: Instance shows zero.", expressionInAMap},
		{"instance of create", "Instance of Create is the caller's own struct: what pre_save changes is written, and the caller sees it.", instanceOfCreate},
		{"changed row of a slice", "A receiver that changes one element of a slice changes that row only.", changedElement},
		{"original of create", "A created row has a zero Original, no UpdateFields, and is Changed.", originalOfCreate},
		{"key in post_save", "post_save shows the key that the database gave.", keyInPostSave},
		{"order among hooks", "pre_save comes after the Before hooks of GORM and post_save after its After hooks.", orderAmongHooks},
		{"selected fields of create", "Create with Omit sends a pair; the row stored is the caller's without what was left out.", omitOfCreate},
		{"refused duplicate", "An INSERT that the database refuses has no post_save; the error is GORM's.", refusedDuplicate},
		{"veto of pre_save of a create", "An error of pre_save writes nothing.", vetoOfPreSave},
		{"veto of post_save of a create", "An error of post_save undoes the INSERT.", vetoOfPostSave},
		{"first or create", "FirstOrCreate sends what its create sends, and nothing when the row is found.", firstOrCreate},
		{"first or create with assign", "Assign of a found row sends an update; of a missing one, a create.", firstOrCreateAssign},
		{"first or init", "FirstOrInit writes nothing and sends nothing.", firstOrInit},
	}
}

func createOfAStruct(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	require.NoError(c, create(c, c.DB, &Item{Name: "lamp", Price: 3}))
	c.want(saves("Item lamp 3 created"))
	stored[Item](c, "lamp 3")
}

func createOfASlice(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	require.NoError(c, c.DB.Create(&[]Item{{Name: "a"}, {Name: "b"}, {Name: "c"}}).Error)
	if c.differs("CreateBatchSize") {
		c.want(saves("Item a 0 created", "Item b 0 created"), saves("Item c 0 created"))
	} else {
		c.want(saves("Item a 0 created", "Item b 0 created", "Item c 0 created"))
	}
	stored[Item](c, "a 0", "b 0", "c 0")
}

func createOfPointers(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	rows := []*Item{{Name: "a"}, {Name: "b"}}
	result := c.DB.Create(rows)
	require.NoError(c, result.Error)
	assert.EqualValues(c, 2, result.RowsAffected)
	assert.NotZero(c, rows[1].ID)
	c.want(saves("Item a 0 created", "Item b 0 created"))
}

func createOfOtherLists(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	lists := []any{[]Item{{Name: "a"}, {Name: "b"}}, &[]*Item{{Name: "a"}, {Name: "b"}}}
	if !c.differs("CreateBatchSize") {
		lists = append(lists, &[2]Item{{Name: "a"}, {Name: "b"}}, &[2]*Item{{Name: "a"}, {Name: "b"}})
	}
	for _, rows := range lists {
		require.NoError(c, c.DB.Create(rows).Error, "%T", rows)
		c.want(saves("Item a 0 created", "Item b 0 created"))
	}
}

func createInBatches(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	require.NoError(c, createBatches(c, c.DB, &[]Item{{Name: "a"}, {Name: "b"}, {Name: "c"}}, 2))
	c.want(saves("Item a 0 created", "Item b 0 created"), saves("Item c 0 created"))
	stored[Item](c, "a 0", "b 0", "c 0")
}

func createFromAMap(c *C) {
	tables(c, &Item{})
	hear[Item](c, signals.Priority(1))
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		e.Instance.Price++
		e.Instance.Stock = 7
		return nil
	})
	values := map[string]any{"name": "lamp", "Price": 3}
	require.NoError(c, c.DB.Model(&Item{}).Create(values).Error)
	c.want(line("pre_save Item lamp 3 created"), line("post_save Item lamp 4 created"))
	assert.EqualValues(c, 4, values["Price"])
	assert.EqualValues(c, 7, values["stock"])
	stored[Item](c, "lamp 4")
}

func createFromMaps(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	maps := []map[string]any{{"name": "a", "price": 1}, {"name": "b", "price": 2}}
	if c.differs("CreateBatchSize") {
		for _, one := range maps {
			require.NoError(c, c.DB.Model(&Item{}).Create(one).Error)
		}
		c.want(saves("Item a 1 created"), saves("Item b 2 created"))
	} else {
		require.NoError(c, c.DB.Model(&Item{}).Create(&maps).Error)
		c.want(saves("Item a 1 created", "Item b 2 created"))
	}
	stored[Item](c, "a 1", "b 2")
}

func expressionInAMap(c *C) {
	tables(c, &Item{})
	hearSaves[Item](c)
	require.NoError(c, c.DB.Model(&Item{}).Create(map[string]any{"name": "a", "price": gorm.Expr("1 + 1")}).Error)
	c.want(saves("Item a 0 created"))
	stored[Item](c, "a 2")
}

func instanceOfCreate(c *C) {
	tables(c, &Item{})
	lamp := Item{Name: "lamp", Price: 3}
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		assert.Same(c, &lamp, e.Instance)
		e.Instance.Price = 9
		return nil
	})
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		assert.Same(c, &lamp, e.Instance)
		return nil
	})
	require.NoError(c, create(c, c.DB, &lamp))
	assert.EqualValues(c, 9, lamp.Price)
	stored[Item](c, "lamp 9")
}

func changedElement(c *C) {
	tables(c, &Item{})
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		if e.Instance.Name == "b" {
			e.Instance.Price = 9
		}
		return nil
	})
	rows := []Item{{Name: "a"}, {Name: "b"}}
	require.NoError(c, createAll(c, c.DB, &rows))
	assert.EqualValues(c, 9, rows[1].Price)
	stored[Item](c, "a 0", "b 9")
}

func originalOfCreate(c *C) {
	tables(c, &Item{})
	check := func(_ context.Context, e signals.SaveEvent[*Item]) error {
		original, err := e.Original()
		assert.Nil(c, original)
		assert.Nil(c, e.UpdateFields())
		assert.True(c, e.Changed())
		assert.True(c, e.Changed("Price"))
		c.say("asked")
		return err
	}
	signals.For[Item](c.DB).PreSave.Connect(check)
	signals.For[Item](c.DB).PostSave.Connect(check)
	require.NoError(c, create(c, c.DB, &Item{Name: "lamp"}))
	c.want([]string{"asked", "asked"})
}

func keyInPostSave(c *C) {
	tables(c, &Item{})
	keys := map[string]uint{}
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		keys[e.Instance.Name] = e.Instance.ID
		return nil
	})
	require.NoError(c, createAll(c, c.DB, &[]Item{{Name: "a"}, {Name: "b"}}))
	require.Len(c, keys, 2)
	for name, key := range keys {
		var row Item
		require.NoError(c, c.truth().First(&row, key).Error)
		assert.Equal(c, name, row.Name)
	}
}

func orderAmongHooks(c *C) {
	tables(c, &Hooked{})
	hear[Hooked](c)
	row := Hooked{Name: "lamp", Heard: func(hook string) { c.say("%s", hook) }}
	require.NoError(c, create(c, c.DB, &row))
	c.want([]string{"BeforeSave", "BeforeCreate", "pre_save Hooked lamp created", "AfterCreate", "AfterSave", "post_save Hooked lamp created"})
	require.NoError(c, c.DB.Delete(&row).Error)
	c.want([]string{"BeforeDelete", "pre_delete Hooked lamp", "AfterDelete", "post_delete Hooked lamp"})
}

func omitOfCreate(c *C) {
	tables(c, &Item{})
	hearEnds[Item](c, "post_save")
	require.NoError(c, c.DB.Omit("Price").Create(&Item{Name: "lamp", Price: 3}).Error)
	require.NoError(c, c.DB.Select("Name").Create(&Item{Name: "vase", Price: 4}).Error)
	c.want([]string{"post_save Item lamp 3 created", "post_save Item vase 4 created"})
	var prices int64
	require.NoError(c, c.truth().Model(&Item{}).Where("price IS NOT NULL").Count(&prices).Error)
	assert.Zero(c, prices, "prices were left out")
}

func refusedDuplicate(c *C) {
	tables(c, &Voucher{})
	require.NoError(c, create(c, c.DB, &Voucher{Code: "x"}))
	hear[Voucher](c)
	err := create(c, c.DB, &Voucher{Code: "x", Text: "again"})
	require.Error(c, err)
	assert.Equal(c, c.differs("TranslateError"), errors.Is(err, gorm.ErrDuplicatedKey), "%v", err)
	assert.NotErrorAs(c, err, new(*signals.ReceiverError), "it is GORM's")
	c.want(line("pre_save Voucher x again created"))
	stored[Voucher](c, "x ")
}

func vetoOfPreSave(c *C) {
	tables(c, &Item{})
	signals.For[Item](c.DB).PreSave.Connect(refuse[signals.SaveEvent[*Item]])
	result := c.DB.Create(&[]Item{{Name: "a"}, {Name: "b"}})
	require.ErrorIs(c, result.Error, errRefused)
	assert.Zero(c, result.RowsAffected)
	stored[Item](c)
}

func vetoOfPostSave(c *C) {
	tables(c, &Item{})
	signals.For[Item](c.DB).PostSave.Connect(refuse[signals.SaveEvent[*Item]])
	require.ErrorIs(c, create(c, c.DB, &Item{Name: "lamp"}), errRefused)
	if c.differs("SkipDefaultTransaction") {
		stored[Item](c, "lamp 0")
		return
	}
	stored[Item](c)
}

func firstOrCreate(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	db := c.source()
	var lamp Item
	require.NoError(c, db.Where(Item{Name: "lamp"}).Attrs(Item{Price: 3}).FirstOrCreate(&lamp).Error)
	c.want(saves("Item lamp 3 created"))
	var again Item
	require.NoError(c, db.Where(Item{Name: "lamp"}).Attrs(Item{Price: 9}).FirstOrCreate(&again).Error)
	c.want()
	assert.Equal(c, lamp.ID, again.ID)
	stored[Item](c, "lamp 3")
}

func firstOrCreateAssign(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	db := c.source()
	require.NoError(c, db.Where(Item{Name: "lamp"}).Assign(Item{Price: 3}).FirstOrCreate(&Item{}).Error)
	c.want(saves("Item lamp 3 created"))
	require.NoError(c, db.Where(Item{Name: "lamp"}).Assign(Item{Price: 9}).FirstOrCreate(&Item{}).Error)
	c.want(saves("Item lamp 9 updated"))
	stored[Item](c, "lamp 9")
}

func firstOrInit(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	require.NoError(c, c.source().Where(Item{Name: "lamp"}).Attrs(Item{Price: 3}).FirstOrInit(&Item{}).Error)
	c.want()
	stored[Item](c)
}
