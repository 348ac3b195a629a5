package behaviour_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// desk has a method for every signal of bikes.
type desk struct{ trace }

func (d *desk) PreSave(_ context.Context, e signals.SaveEvent[*Bike]) error {
	d.add("pre_save %s", e.Instance.Name)
	return nil
}

func (d *desk) PostSave(_ context.Context, e signals.SaveEvent[*Bike]) error {
	d.add("post_save %v", e.Key())
	return nil
}

func (d *desk) PreDelete(_ context.Context, e signals.DeleteEvent[*Bike]) error {
	d.add("pre_delete %v", e.Key())
	return nil
}

func (d *desk) PostDelete(_ context.Context, events []signals.DeleteEvent[*Bike]) error {
	d.add("post_delete of %d", len(events))
	return nil
}

func (d *desk) PostChange(_ context.Context, e signals.ChangeEvent[*Bike]) error {
	d.add("post_change %v", e.Kind)
	return nil
}

func (d *desk) M2MChanged(_ context.Context, e signals.M2MEvent[*Bike]) error {
	d.add("m2m_changed %v %v", e.Action, e.PKs)
	return nil
}

func (d *desk) PostLoad(_ context.Context, e signals.LoadEvent[*Bike]) error {
	d.add("post_load %v", e.Key())
	return nil
}

// Sold is not named after a signal and takes no event.
func (d *desk) Sold() bool { return false }

func TestConnectAllConnectsTheMethodsThatAreNamedAfterSignals(t *testing.T) {
	t.Parallel()
	db, d := open(t, &Bike{}, &Sticker{}), &desk{}
	_, file, line, _ := runtime.Caller(0)
	end := signals.ConnectAll[Bike](db, d)
	for _, info := range signals.Receivers(db) {
		assert.Equal(t, fmt.Sprintf("%s:%d", file, line+1), info.Location)
		assert.Equal(t, "Bike", info.Sender)
	}
	assert.Len(t, signals.Receivers(db), 7)
	bike := Bike{Name: "red"}
	require.NoError(t, db.Create(&bike).Error)
	assert.Equal(t, []string{"pre_save red", "post_save 1", "post_change created"}, d.take())
	require.NoError(t, db.WithContext(signals.Mute(t.Context())).Create(&Sticker{ID: 5}).Error)
	require.NoError(t, db.Model(&bike).Association("Stickers").Append(&Sticker{ID: 5}))
	lines := d.take()
	assert.Contains(t, lines, "m2m_changed pre_add [5]")
	assert.Contains(t, lines, "m2m_changed post_add [5]")
	require.NoError(t, db.Model(&bike).Association("Stickers").Clear())
	d.take()
	require.NoError(t, db.First(&Bike{}).Error)
	assert.Equal(t, []string{"post_load 1"}, d.take())
	require.NoError(t, db.Create(&Bike{Name: "blue"}).Error)
	d.take()
	require.NoError(t, db.Where("1 = 1").Delete(&Bike{}).Error)
	assert.Equal(t, []string{"pre_delete 1", "pre_delete 2", "post_delete of 2", "post_change deleted", "post_change deleted"}, d.take())
	assert.True(t, end())
	assert.False(t, end())
	assert.Empty(t, signals.Receivers(db))
	require.NoError(t, db.Create(&Bike{}).Error)
	assert.Empty(t, d.take())
}

// everything hears of all models.
type everything struct{ *trace }

func (e everything) PostSave(_ context.Context, event signals.SaveEvent[any]) error {
	old, err := event.Original()
	e.add("%s %v %v %v", event.Schema().Name, event.Key(), old != nil, err)
	return nil
}

func (e everything) PostChange(_ context.Context, events []signals.ChangeEvent[any]) error {
	e.add("%T %v", events[0].Instance, events[0].Kind)
	return nil
}

// shelved is what some models are.
type shelved interface{ Shelf() string }

// Tin is shelved.
type Tin struct {
	ID    uint
	Place string
}

func (j *Tin) Shelf() string { return j.Place }

type shelves struct{ *trace }

func (s *shelves) PreSave(_ context.Context, e signals.SaveEvent[shelved]) error {
	s.add("on %s", e.Instance.Shelf())
	return nil
}

func TestConnectAllOfAnInterfaceHearsOfAllModelsWithIt(t *testing.T) {
	t.Parallel()
	db := open(t, &Bike{}, &Tin{})
	tr := &trace{}
	before := signals.ConnectAll[shelved](db, &shelves{tr})
	end := signals.ConnectAll[any](db, everything{tr})
	require.NoError(t, db.Create(&Tin{Place: "top"}).Error)
	require.NoError(t, db.Create(&Bike{}).Error)
	assert.Equal(t, []string{
		"on top", "Tin 1 false <nil>", "*behaviour_test.Tin created", "Bike 1 false <nil>", "*behaviour_test.Bike created",
	}, tr.take())
	require.NoError(t, db.Model(&Tin{ID: 1}).Update("place", "low").Error)
	assert.Equal(t, []string{"on low", "Tin 1 true <nil>", "*behaviour_test.Tin updated"}, tr.take())
	assert.True(t, end())
	assert.True(t, before())
	signals.Implementing[shelved](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[shelved]) error {
		tr.add("saved on %s", e.Instance.Shelf())
		return nil
	})
	require.NoError(t, signals.Implementing[shelved](db).PostSave.Send(t.Context(), signals.SaveEvent[shelved]{Instance: &Tin{Place: "hand"}}))
	require.Error(t, signals.Implementing[shelved](db).PostSave.Send(t.Context(), signals.SaveEvent[shelved]{}))
	assert.Equal(t, []string{"saved on hand"}, tr.take())
}

// choosy says when its methods run.
type choosy struct{ trace }

func (c *choosy) PreSave(context.Context, signals.SaveEvent[*Order]) error {
	c.add("pre")
	return nil
}

func (c *choosy) PostSave(context.Context, signals.SaveEvent[*Order]) error {
	c.add("post")
	return nil
}

func (c *choosy) ConnectOptions(signal string) []signals.ConnectOption {
	if signal == "post_save" {
		return []signals.ConnectOption{signals.AfterCommit(), signals.OnCreate()}
	}
	return nil
}

func TestConnectAllTakesOptionsForAllMethodsAndForSingleOnes(t *testing.T) {
	t.Parallel()
	db, first, c := open(t, &Order{}), &choosy{}, &choosy{}
	end := signals.ConnectAll[Order](db, first, signals.UID("choosy"))
	signals.ConnectAll[Order](db, c, signals.UID("choosy"), signals.Priority(3))
	infos := signals.Receivers(db)
	require.Len(t, infos, 2, "the same UID replaces, signal by signal")
	assert.False(t, end(), "those of the first call are replaced")
	assert.Equal(t, []string{"send", "after_commit"}, []string{infos[0].Phase, infos[1].Phase})
	assert.Equal(t, []int{3, 3}, []int{infos[0].Priority, infos[1].Priority})
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		order := Order{}
		require.NoError(t, tx.Create(&order).Error)
		require.NoError(t, tx.Model(&order).Update("total", 1).Error)
		assert.Equal(t, []string{"pre", "pre"}, c.take())
		return nil
	}))
	assert.Equal(t, []string{"post"}, c.take())
	assert.Empty(t, first.take())
}

// What is wrong with these types, their names say.
type (
	noMethod       struct{}
	otherModel     struct{}
	noContext      struct{}
	noError        struct{}
	variadic       struct{}
	pastTense      struct{}
	lowerCase      struct{}
	hookOfGORM     struct{}
	ofLaravel      struct{}
	slip           struct{}
	wrongOptions   struct{}
	pointerOptions struct{}
	pointerMethod  struct{}
	wrongEvent     struct{}
	hooksOfModel   struct{ noContextless }
	noContextless  struct{}
	refusedOption  struct{}
)

func (otherModel) PostSave(context.Context, signals.SaveEvent[*Page]) error    { return nil }
func (noContext) PostSave(signals.SaveEvent[*Order]) error                     { return nil }
func (noError) PostSave(context.Context, signals.SaveEvent[*Order])            {}
func (variadic) PostSave(context.Context, ...signals.SaveEvent[*Order]) error  { return nil }
func (pastTense) PostSaved(context.Context)                                    {}
func (lowerCase) Postsave(context.Context, signals.SaveEvent[*Order]) error    { return nil }
func (hookOfGORM) AfterSave(context.Context, signals.SaveEvent[*Order]) error  { return nil }
func (ofLaravel) Deleted(context.Context, []signals.DeleteEvent[*Order]) error { return nil }
func (slip) PostSve(context.Context, signals.SaveEvent[*Order]) error          { return nil }
func (wrongOptions) PostSave(context.Context, signals.SaveEvent[*Order]) error { return nil }
func (wrongOptions) ConnectOptions() []signals.ConnectOption                   { return nil }
func (pointerOptions) PostSave(context.Context, signals.SaveEvent[*Order]) error {
	return nil
}
func (*pointerOptions) ConnectOptions(string) []signals.ConnectOption              { return nil }
func (*pointerMethod) PostSave(context.Context, signals.SaveEvent[*Order]) error   { return nil }
func (wrongEvent) PostDelete(context.Context, signals.SaveEvent[*Order]) error     { return nil }
func (noContextless) PostSave(context.Context, signals.SaveEvent[*Order]) error    { return nil }
func (hooksOfModel) AfterSave(*gorm.DB) error                                      { return nil }
func (hooksOfModel) Saved() int                                                    { return 0 }
func (hooksOfModel) PostSale(amount int) int                                       { return amount }
func (hooksOfModel) Index(context.Context, signals.SaveEvent[*Order]) error        { return nil }
func (refusedOption) PreSave(context.Context, signals.SaveEvent[*Order]) error     { return nil }
func (refusedOption) PreDelete(context.Context, signals.DeleteEvent[*Order]) error { return nil }
func (refusedOption) ConnectOptions(signal string) []signals.ConnectOption {
	if signal == "pre_delete" {
		return []signals.ConnectOption{signals.AfterCommit()}
	}
	return nil
}

func TestConnectAllSaysWhatIsWrongAndHowItMustBe(t *testing.T) {
	t.Parallel()
	const save = "PostSave(ctx context.Context, e signals.SaveEvent[*behaviour_test.Order]) error"
	db := open(t, &Order{})
	t.Cleanup(func() { assert.Empty(t, signals.Receivers(db), "nothing of it was connected") })
	for want, value := range map[string]any{
		"the receivers are nil: pass a value that has methods such as PostSave":                                                        nil,
		"the receivers are nil: pass a value":                                                                                          (*pointerMethod)(nil),
		"behaviour_test.noMethod has no exported method that is named after a signal: write func (r *behaviour_test.noMethod) " + save: noMethod{},
		"PostSave has the signature func(context.Context, signals.SaveEvent[*github.com/gorm-signals/signals/internal/behaviour_test.Page]) error: it must be func (r *behaviour_test.otherModel) " + save: otherModel{},
		"it must be func (r *behaviour_test.noContext) " + save:                                                         noContext{},
		"it must be func (r *behaviour_test.noError) " + save + ", or take a slice of these":                            noError{},
		"it must be func (r *behaviour_test.variadic) " + save:                                                          variadic{},
		"no signal is named PostSaved: did you mean PostSave? Write func (r *behaviour_test.past":                       pastTense{},
		"no signal is named Postsave: did you mean PostSave?":                                                           lowerCase{},
		"no signal is named AfterSave: did you mean PostSave?":                                                          hookOfGORM{},
		"no signal is named Deleted: did you mean PostDelete?":                                                          ofLaravel{},
		"no signal is named PostSve: did you mean PostSave?":                                                            slip{},
		"it must be func (r *behaviour_test.wrongOptions) ConnectOptions(signal string) []signals":                      wrongOptions{},
		"ConnectOptions is a method of *behaviour_test.pointerOptions and not of":                                       pointerOptions{},
		"PostSave is a method of *behaviour_test.pointerMethod and not of behaviour_test.pointerMethod: pass a pointer": pointerMethod{},
		"it must be func (r *behaviour_test.wrongEvent) PostDelete(ctx context.Context, e signals.DeleteEvent[*":        wrongEvent{},
		"AfterCommit has no meaning for pre_delete":                                                                     refusedOption{},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, file, line, _ := runtime.Caller(0)
			message := testkit.PanicOf(func() { signals.ConnectAll[Order](db, value) })
			assert.Contains(t, message, want)
			assert.Contains(t, message, fmt.Sprintf(" at %s:%d: ", file, line+1))
		})
	}
	for want, connect := range map[string]func(){
		"db.Use(signals.Plugin{})": func() { signals.ConnectAll[Order](nil, slip{}) },
		"is no model":              func() { signals.ConnectAll[int](db, slip{}) },
	} {
		assert.Contains(t, testkit.PanicOf(connect), want)
	}
}

func TestConnectAllLeavesMethodsAloneThatMeanSomethingElse(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	end := signals.ConnectAll[Order](db, hooksOfModel{})
	assert.Len(t, signals.Receivers(db), 1)
	assert.True(t, end())
}

func TestAGroupDisconnectsItsReceiversTogether(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	var g signals.Group
	assert.False(t, g.Disconnect(), "an empty one")
	orders := signals.For[Order](db)
	receive := func(context.Context, signals.SaveEvent[*Order]) error { return nil }
	end := orders.PostSave.Connect(receive)
	g.Add(end, orders.PreSave.Connect(receive))
	g.Add(signals.ConnectAll[Order](db, &choosy{}))
	stays := orders.PostSave.Connect(receive, signals.UID("stays"))
	assert.True(t, end(), "one by itself")
	assert.True(t, g.Disconnect())
	assert.False(t, g.Disconnect())
	require.Len(t, signals.Receivers(db), 1)
	g.Add(stays)
	assert.True(t, g.Disconnect(), "it can be used again")
	assert.Empty(t, signals.Receivers(db))
	assert.Contains(t, testkit.PanicOf(func() { g.Add(nil) }), "give it what Connect returns")
}

func TestAGroupIsSafeFromAnyGoroutine(t *testing.T) {
	t.Parallel()
	viewed := signals.New[view]("viewed")
	var g signals.Group
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				g.Add(viewed.Connect(func(context.Context, view) error { return nil }))
			}
		})
		wg.Go(func() { g.Disconnect() })
	}
	wg.Wait()
	g.Disconnect()
	assert.False(t, viewed.HasReceivers())
}
