package conformance

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func joinModel(c *C) {
	berths(c)
	hearLinks[Sailor](c)
	hearLinks[Ship](c)
	hear[Berth](c)
	require.NoError(c, create(c, c.DB, &Berth{SailorName: "ann", ShipName: "argo", Bunk: 1}))
	c.wantSame(saves("Berth ann on argo 1 created"), moves("add Sailor.Ships of ann [argo]", "add Ship.Sailors of argo [ann]"))
	require.NoError(c, c.DB.Model(&Berth{SailorName: "ann", ShipName: "argo"}).Update("bunk", 2).Error)
	c.want(saves("Berth ann on argo 2 updated"))
	require.NoError(c, c.DB.Model(&Sailor{Name: "bob"}).Association("Ships").Append(&Ship{Name: "argo"}))
	c.wantSame(saves("Berth bob on argo 0 created"), moves("add Sailor.Ships of bob [argo]", "add Ship.Sailors of argo [bob] reverse"))
	_, err := remove[Berth](c, c.DB, "sailor_name = ?", "ann")
	require.NoError(c, err)
	c.wantSame(removes("Berth ann on argo 2"), moves("remove Sailor.Ships of ann [argo]", "remove Ship.Sailors of argo [ann]"))
	stored[Berth](c, "bob on argo 0")
}

func compositeLinks(c *C) {
	tables(c, &Spot{}, &Route{})
	require.NoError(c, c.DB.Create(&[]Spot{{X: 1, Y: 2}, {X: 1, Y: 3}}).Error)
	require.NoError(c, c.DB.Create(&Route{Name: "north"}).Error)
	hearLinks[Spot](c)
	hearLinks[Route](c)
	north := c.DB.Model(&Route{Name: "north"}).Association("Spots")
	require.NoError(c, north.Append(&Spot{X: 1, Y: 3}))
	c.want(moves("add Route.Spots of north [[1 3]]", "add Spot.Routes of 1/3 [north] reverse"))
	require.NoError(c, north.Clear())
	c.want(moves("clear Route.Spots of north [[1 3]]", "remove Spot.Routes of 1/3 [north] reverse"))
}

func selfLinks(c *C) {
	tables(c, &Friend{})
	require.NoError(c, c.DB.Create(&[]Friend{{Name: "ann"}, {Name: "bob"}}).Error)
	hearLinks[Friend](c)
	ann := func() *gorm.Association { return c.DB.Model(&Friend{Name: "ann"}).Association("Friends") }
	require.NoError(c, ann().Append(&Friend{Name: "bob"}))
	c.want(moves("add Friend.Friends of ann [bob]"))
	require.NoError(c, ann().Append(&Friend{Name: "ann"}))
	c.want(moves("add Friend.Friends of ann [ann]"))
	require.NoError(c, ann().Delete(&Friend{Name: "bob"}))
	c.want(moves("remove Friend.Friends of ann [bob]"))
	require.NoError(c, ann().Clear())
	c.want(moves("clear Friend.Friends of ann [ann]"))
}

// refuseLinks connects a receiver that refuses one action on the links of dishes.
func refuseLinks(c *C, action signals.M2MAction) (disconnect func() bool) {
	is := func(e signals.M2MEvent[*Dish]) bool { return e.Action == action }
	return signals.For[Dish](c.DB).M2MChanged.Connect(signals.If(is, refuse[signals.M2MEvent[*Dish]]))
}

func vetoOfNewLinks(c *C) {
	dishes(c)
	for _, action := range []signals.M2MAction{signals.PreAdd, signals.PostAdd} {
		disconnect := refuseLinks(c, action)
		require.ErrorIs(c, spicesOf(c.DB, "rice").Append(&Spice{Name: "mace"}), errRefused)
		linked(c, "soup-pepper", "soup-salt", "stew-salt")
		require.ErrorIs(c, spicesOf(c.DB, "rice").Append(&Spice{Name: "curry"}), errRefused)
		require.ErrorIs(c, create(c, c.DB, &Dish{Name: "cake", Spices: []Spice{{Name: "mace"}}}), errRefused)
		disconnect()
		if c.differs("SkipDefaultTransaction") {
			require.NoError(c, c.DB.Where("name = ?", "cake").Delete(&Dish{}).Error)
			continue
		}
		stored[Spice](c, "mace", "pepper", "salt")
		stored[Dish](c, "rice", "soup", "stew")
	}
}

func vetoOfReplace(c *C) {
	dishes(c)
	refuseLinks(c, signals.PostRemove)
	mace := &Spice{Name: "mace"}
	require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error { return spicesOf(tx, "stew").Replace(mace) }), errRefused)
	linked(c, "soup-pepper", "soup-salt", "stew-salt")
	require.ErrorIs(c, spicesOf(c.DB, "stew").Replace(mace), errRefused)
	linked(c, "soup-pepper", "soup-salt", "stew-mace", "stew-salt")
}

func fieldsOfLinks(c *C) {
	tables(c, &Dish{}, &Spice{})
	require.NoError(c, c.DB.Create(&Dish{Name: "soup"}).Error)
	hearLinks[Dish](c, signals.Fields("Spices"))
	assert.Panics(c, func() { hearLinks[Spice](c, signals.Fields("Name")) })
	require.NoError(c, spicesOf(c.DB, "soup").Append(&Spice{Name: "salt"}))
	c.want(moves("add Dish.Spices of soup [salt]"))
}

func linksAfterCommit(c *C) {
	tables(c, &Dish{}, &Spice{})
	require.NoError(c, c.DB.Create(&Dish{Name: "soup"}).Error)
	hearLinks[Dish](c, signals.AfterCommit())
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, spicesOf(tx, "soup").Append(&Spice{Name: "salt"}))
		c.want()
		return nil
	}))
	c.want(line("post_add Dish.Spices of soup [salt]"))
	require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, spicesOf(tx, "soup").Clear())
		return errRefused
	}), errRefused)
	c.want()
	linked(c, "soup-salt")
}

func silentLinks(c *C) {
	dishes(c)
	require.NoError(c, spicesOf(c.DB.Session(&gorm.Session{SkipHooks: true}), "rice").Append(&Spice{Name: "mace"}))
	require.NoError(c, spicesOf(c.DB.WithContext(signals.Mute(c.Context())), "soup").Clear())
	c.want()
	linked(c, "rice-mace", "stew-salt")
}

// wantSame is want for lines of several models whose order among each other is not promised.
func (c *C) wantSame(lines ...[]string) {
	c.Helper()
	heard := c.heard()
	rest := map[string]int{}
	for i, text := range heard {
		rest[text] = i
	}
	n := 0
	for _, group := range lines {
		last := -1
		for _, text := range group {
			at, ok := rest[text]
			if !ok || at < last {
				c.Errorf("%q is not sent, or not in its order: %v", text, heard)
			}
			last = at
			n++
		}
	}
	if n != len(heard) {
		c.Errorf("%d lines are wanted: %v", n, heard)
	}
}
