package conformance

import (
	"context"
	"errors"
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// dispatchCases are about which receivers are called, in which order, and what an error does.
func dispatchCases() []Case {
	return []Case{
		{"order of receivers", "Receivers run by priority and then by connection, those of For and Implementing in one order.", orderOfReceivers},
		{"connecting in a send", "A send works on a snapshot: a receiver that is connected meanwhile hears the next one.", connectingInASend},
		{"disconnecting in a send", "A send works on a snapshot: a receiver that is disconnected meanwhile still hears it.", disconnectingInASend},
		{"uid", "Connecting another receiver with the same UID replaces it in its place.", replacingByUID},
		{"implementing", "Implementing hears the models that implement the interface and no others; all of them implement any.", implementing},
		{"sessions", "Receivers hear writes from every session of the database, also from one derived before they were connected.", sessions},
		{"two databases", "Two opened databases never see each other's receivers.", twoDatabases},
		{"first error", "A send stops at the first error, which is the call's as a ReceiverError with the receiver's own inside.", firstError},
		{"panic", "A panic of a receiver is a ReceiverError with a PanicError, and aborts the write as an error does.", panicOfAReceiver},
		{"recursion", "Receivers that write for ever end with ErrRecursion, which shows the chain; nothing stays written.", recursion},
		{"nested write", "What a receiver writes through the event's DB is part of the write: it goes when the write fails.", nestedWrite},
		{"batch receiver", "A batch receiver is called once with all rows of an INSERT or of a batch of a condition.", batchReceiver},
		{"if", "A receiver in If is called for events that satisfy the predicate.", conditionalReceiver},
		{"fields", "Fields narrows a save receiver to writes that change one of the fields, and to creates.", fields},
		{"by hand", "A model signal that is sent by hand reaches the receivers that a write would reach.", byHand},
		{"robust", "SendRobust calls all receivers of a model signal, whatever they return.", robust},
		{"bad input", "A nil receiver, an unknown field and an option without meaning are refused when they are connected.", badInput},
		{"list of receivers", "Receivers lists who is connected, in the order in which they run.", listOfReceivers},
		{"mute", "Under Mute no receiver runs, or none of those named; nested writes included.", mute},
		{"raw", "Raw marks the events of a write, and of the writes of receivers under it.", raw},
	}
}

// note is a receiver that notes a line.
func note[E any](c *C, text string) signals.Receiver[E] {
	return func(context.Context, E) error { c.say("%s", text); return nil }
}

func orderOfReceivers(c *C) {
	tables(c, &Item{})
	items, all := signals.For[Item](c.DB), signals.Implementing[fmt.Stringer](c.DB)
	items.PreSave.Connect(note[signals.SaveEvent[*Item]](c, "first"))
	all.PreSave.Connect(note[signals.SaveEvent[fmt.Stringer]](c, "second"))
	items.PreSave.Connect(note[signals.SaveEvent[*Item]](c, "third"))
	all.PreSave.Connect(note[signals.SaveEvent[fmt.Stringer]](c, "high"), signals.Priority(1))
	items.PreSave.Connect(note[signals.SaveEvent[*Item]](c, "low"), signals.Priority(-1))
	require.NoError(c, create(c, c.DB, &Item{}))
	c.want([]string{"high", "first", "second", "third", "low"})
}

func connectingInASend(c *C) {
	tables(c, &Item{})
	items := signals.For[Item](c.DB)
	items.PreSave.Connect(func(context.Context, signals.SaveEvent[*Item]) error {
		items.PreSave.Connect(note[signals.SaveEvent[*Item]](c, "new"))
		return nil
	})
	require.NoError(c, create(c, c.DB, &Item{}))
	c.want()
	require.NoError(c, create(c, c.DB, &Item{}))
	c.want(line("new"))
}

func disconnectingInASend(c *C) {
	tables(c, &Item{})
	items := signals.For[Item](c.DB)
	var disconnect func() bool
	items.PreSave.Connect(func(context.Context, signals.SaveEvent[*Item]) error { disconnect(); return nil })
	disconnect = items.PreSave.Connect(note[signals.SaveEvent[*Item]](c, "old"))
	require.NoError(c, create(c, c.DB, &Item{}))
	c.want(line("old"))
	require.NoError(c, create(c, c.DB, &Item{}))
	c.want()
	assert.False(c, disconnect(), "it is not connected any more")
}

func replacingByUID(c *C) {
	tables(c, &Item{})
	items := signals.For[Item](c.DB)
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, "old"), signals.UID("one"))
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, "other"))
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, "new"), signals.UID("one"))
	require.NoError(c, create(c, c.DB, &Item{}))
	c.want([]string{"new", "other"})
	assert.True(c, items.PostSave.Disconnect("one"))
	require.NoError(c, create(c, c.DB, &Item{}))
	c.want(line("other"))
}

func implementing(c *C) {
	type priced interface{ hook(name string) error }
	tables(c, &Item{}, &Hooked{})
	signals.Implementing[priced](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[priced]) error {
		c.say("%s %T", e.Schema().Name, e.Instance)
		return nil
	})
	signals.Implementing[any](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error {
		c.say("any %T of %t", e.Instance, e.Schema().Table == tableOf(c, e.Instance).Name)
		return nil
	}, signals.Priority(-1))
	require.NoError(c, create(c, c.DB, &Item{}))
	require.NoError(c, create(c, c.DB, &Hooked{}))
	c.want([]string{"any *conformance.Item of true", "Hooked *conformance.Hooked", "any *conformance.Hooked of true"})
}

func sessions(c *C) {
	tables(c, &Item{})
	before := c.DB.Session(&gorm.Session{})
	hear[Item](c)
	require.NoError(c, create(c, before, &Item{Name: "before"}))
	require.NoError(c, create(c, c.DB.WithContext(c.Context()).Debug().Session(&gorm.Session{Logger: c.DB.Logger}), &Item{Name: "derived"}))
	c.want(saves("Item before 0 created"), saves("Item derived 0 created"))
}

func twoDatabases(c *C) {
	tables(c, &Item{})
	hear[Item](c)
	other := c.open(c.T)
	assert.False(c, signals.For[Item](other).PreSave.HasReceivers())
	assert.Empty(c, signals.Receivers(other))
	require.NotPanics(c, func() { _ = other.AutoMigrate(&Item{}) })
	require.NoError(c, create(c, other, &Item{}))
	c.want()
}

func firstError(c *C) {
	tables(c, &Item{})
	items := signals.For[Item](c.DB)
	items.PreSave.Connect(refuse[signals.SaveEvent[*Item]], signals.UID("refuse"))
	items.PreSave.Connect(note[signals.SaveEvent[*Item]](c, "second"))
	err := create(c, c.DB, &Item{})
	require.ErrorIs(c, err, errRefused)
	var by *signals.ReceiverError
	require.ErrorAs(c, err, &by)
	assert.Equal(c, "pre_save Item refuse", fmt.Sprint(by.Signal, " ", by.Sender, " ", by.Receiver))
	c.want()
	stored[Item](c)
}

func panicOfAReceiver(c *C) {
	tables(c, &Item{})
	disconnect := signals.For[Item](c.DB).PreSave.Connect(func(context.Context, signals.SaveEvent[*Item]) error { panic("at the disco") }, signals.UID("p"))
	err := create(c, c.DB, &Item{})
	var (
		by       *signals.ReceiverError
		panicked *signals.PanicError
	)
	require.ErrorAs(c, err, &by)
	require.ErrorAs(c, err, &panicked)
	assert.Equal(c, "pre_save Item p", fmt.Sprint(by.Signal, " ", by.Sender, " ", by.Receiver))
	assert.Equal(c, "at the disco", panicked.Value)
	assert.Contains(c, string(panicked.Stack), "panicOfAReceiver")
	stored[Item](c)
	disconnect()
	require.NoError(c, create(c, c.DB, &Item{Name: "a"}), "the connection is fine")
	stored[Item](c, "a 0")
}

func recursion(c *C) {
	tables(c, &Item{}, &Audit{})
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		return e.DB().Create(&Audit{}).Error
	})
	signals.For[Audit](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Audit]) error {
		return e.DB().Create(&Item{}).Error
	})
	err := create(c, c.DB, &Item{})
	require.ErrorIs(c, err, signals.ErrRecursion)
	assert.ErrorContains(c, err, "pre_save Item -> pre_save Audit -> pre_save Item")
	stored[Item](c)
	stored[Audit](c)
}

func nestedWrite(c *C) {
	tables(c, &Item{}, &Audit{})
	hear[Audit](c)
	refused := errors.New("no lamps")
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		if err := e.DB().Create(&Audit{Text: "saved " + e.Instance.Name}).Error; err != nil {
			return err
		}
		if e.Instance.Name == "lamp" {
			return refused
		}
		return nil
	})
	require.NoError(c, create(c, c.DB, &Item{Name: "vase"}))
	c.want(saves("Audit saved vase created"))
	require.ErrorIs(c, create(c, c.DB, &Item{Name: "lamp"}), refused)
	if c.differs("SkipDefaultTransaction") {
		stored[Audit](c, "saved vase", "saved lamp")
		return
	}
	stored[Audit](c, "saved vase")
}
