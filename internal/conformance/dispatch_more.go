package conformance

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
)

func batchReceiver(c *C) {
	tables(c, &Item{})
	items := signals.For[Item](c.DB)
	count := func(word string) signals.BatchReceiver[signals.SaveEvent[*Item]] {
		return func(_ context.Context, events []signals.SaveEvent[*Item]) error {
			c.say("%s of %d", word, len(events))
			return nil
		}
	}
	items.PreSave.ConnectBatch(count("pre_save"), signals.Priority(1))
	hearSaves[Item](c)
	items.PostSave.ConnectBatch(count("post_save"))
	require.NoError(c, createAll(c, c.DB, &[]Item{{Name: "a"}, {Name: "b"}}))
	c.want(line("pre_save of 2"), saves("Item a 0 created", "Item b 0 created"), line("post_save of 2"))
	_, err := update[Item](c, c.DB, "price", 1, "price = ?", 0)
	require.NoError(c, err)
	c.want(line("pre_save of 2"), saves("Item a 1 updated", "Item b 1 updated"), line("post_save of 2"))
}

func conditionalReceiver(c *C) {
	tables(c, &Item{})
	dear := func(e signals.SaveEvent[*Item]) bool { return e.Instance.Price > 5 }
	signals.For[Item](c.DB).PostSave.Connect(signals.If(dear, func(_ context.Context, e signals.SaveEvent[*Item]) error {
		c.say("%s", e.Instance)
		return nil
	}))
	require.NoError(c, createAll(c, c.DB, &[]Item{{Name: "a", Price: 5}, {Name: "b", Price: 6}}))
	c.want(line("b 6"))
}

func fields(c *C) {
	tables(c, &Item{})
	hear[Item](c, signals.Priority(1))
	items := signals.For[Item](c.DB)
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, "price"), signals.Fields("Price"))
	lamp := Item{Name: "lamp", Price: 3}
	require.NoError(c, create(c, c.DB, &lamp))
	c.want(saves("Item lamp 3 created"), line("price"))
	_, err := update[Item](c, c.DB, "stock", 2, "id = ?", lamp.ID)
	require.NoError(c, err)
	c.want(saves("Item lamp 3 updated"))
	require.NoError(c, c.DB.Model(&lamp).Updates(map[string]any{"price": 4, "stock": 3}).Error)
	c.want(saves("Item lamp 4 updated"), line("price"))
	lamp.Stock = 9
	require.NoError(c, c.DB.Save(&lamp).Error)
	c.want(saves("Item lamp 4 updated"))
	require.NoError(c, create(c, c.DB, &Item{Name: "vase", Price: 5}))
	c.want(saves("Item vase 5 created"), line("price"))
	_, err = update[Item](c, c.DB, "price", 5, "1 = 1")
	require.NoError(c, err)
	c.want(each("pre_save Item ", "lamp 5 updated", "vase 5 updated"), []string{"post_save Item lamp 5 updated", "price"},
		line("post_save Item vase 5 updated")) // its price was 5 already
}

func byHand(c *C) {
	tables(c, &Item{})
	items := signals.For[Item](c.DB)
	items.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		c.say("%s %t", e.Instance, e.Created)
		return nil
	})
	require.NoError(c, items.PostSave.Send(c.Context(), signals.SaveEvent[*Item]{Instance: &Item{Name: "lamp"}, Created: true}))
	c.want(line("lamp 0 true"))
	stored[Item](c)
}

func robust(c *C) {
	items := signals.For[Item](c.DB)
	items.PostSave.Connect(refuse[signals.SaveEvent[*Item]], signals.UID("refuse"))
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, "second"))
	answers := items.PostSave.SendRobust(c.Context(), signals.SaveEvent[*Item]{Instance: &Item{}})
	require.Len(c, answers, 2)
	require.ErrorIs(c, answers[0].Err, errRefused)
	require.NoError(c, answers[1].Err)
	assert.Equal(c, "refuse", answers[0].Receiver.UID)
	c.want(line("second"))
}

func badInput(c *C) {
	items := signals.For[Item](c.DB)
	receive := note[signals.SaveEvent[*Item]](c, "never")
	for name, connect := range map[string]func(){
		"nil receiver":          func() { items.PreSave.Connect(nil) },
		"empty UID":             func() { items.PreSave.Connect(receive, signals.UID("")) },
		"unknown field":         func() { items.PreSave.Connect(receive, signals.Fields("Weight")) },
		"phase of a pre signal": func() { items.PreSave.Connect(receive, signals.AfterCommit()) },
		"Net without commit":    func() { items.PostSave.Connect(receive, signals.Net()) },
		"no model":              func() { signals.For[int](c.DB) },
		"no interface":          func() { signals.Implementing[Item](c.DB) },
	} {
		assert.Panics(c, connect, name)
	}
	assert.Empty(c, signals.Receivers(c.DB))
}

func listOfReceivers(c *C) {
	items := signals.For[Item](c.DB)
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, ""), signals.UID("second"), signals.AfterCommit())
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, ""), signals.UID("first"), signals.Priority(1), signals.Needs(signals.Keys))
	for _, info := range signals.Receivers(c.DB) {
		assert.Contains(c, info.Location, "dispatch_more.go:")
		c.say("%s %s %s %s %d", info.Signal, info.Sender, info.UID, info.Phase, info.Priority)
	}
	c.want([]string{"post_save Item first send 1", "post_save Item second after_commit 0"})
}

func mute(c *C) {
	tables(c, &Album{}, &Track{})
	hear[Album](c)
	hear[Track](c)
	signals.For[Album](c.DB).PostSave.Connect(note[signals.SaveEvent[*Album]](c, "one"), signals.UID("one"))
	all := c.DB.WithContext(signals.Mute(c.Context()))
	require.NoError(c, all.Create(&Album{Title: "a", Tracks: []Track{{Title: "t"}}}).Error)
	c.want()
	stored[Track](c, "t")
	require.NoError(c, c.DB.WithContext(signals.Mute(c.Context(), "one")).Create(&Album{Title: "b"}).Error)
	c.want(saves("Album b created"))
	require.NoError(c, c.DB.Create(&Album{Title: "c"}).Error)
	c.want(saves("Album c created"), line("one"))
}

func raw(c *C) {
	tables(c, &Item{}, &Audit{})
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		c.say("item %t", e.Raw())
		return e.DB().Create(&Audit{}).Error
	})
	signals.For[Audit](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Audit]) error {
		c.say("audit %t", e.Raw())
		return nil
	})
	signals.For[Item](c.DB).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Item]) error {
		c.say("deleted %t", e.Raw())
		return nil
	})
	loading := c.DB.WithContext(signals.Raw(c.Context()))
	item := Item{Name: "a"}
	require.NoError(c, loading.Create(&item).Error)
	require.NoError(c, loading.Delete(&item).Error)
	require.NoError(c, c.DB.Create(&Item{}).Error)
	c.want([]string{"item true", "audit true", "deleted true", "item false", "audit false"})
}
