package dispatch_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// in sets the phase of a receiver.
func in(p dispatch.Phase) func(*dispatch.Entry) { return func(e *dispatch.Entry) { e.Phase = p } }

// need sets what is read for a receiver.
func need(n dispatch.Need) func(*dispatch.Entry) {
	return func(e *dispatch.Entry) { e.Info.Needs = n }
}

func atomic(e *dispatch.Entry) { e.Atomic = true }

// net makes a receiver one of net events.
func net(e *dispatch.Entry) { e.Net, e.Phase = true, dispatch.AfterCommit }

// row is the need of a whole stored row.
const row = dispatch.Keys + 1

func TestAPlanHasReceiversOfChangesAmongThoseOfSavesAndDeletes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&item{}, dispatch.PostSave, w.receiver("save"))
	w.on(&item{}, dispatch.PostChange, w.receiver("change"), need(row+1))
	w.on(&item{}, dispatch.PostDelete, w.receiver("delete"))
	w.on(&item{}, dispatch.PostChange, w.receiver("created"), func(e *dispatch.Entry) { e.Only = &dispatch.Only{Created: true} })
	w.on(&item{}, dispatch.PostChange, w.receiver("later"), in(dispatch.AfterCommit))
	p := w.planOf(&item{})
	assert.Equal(t, "save change created", names(p.Entries[dispatch.PostSave]))
	assert.Equal(t, "change delete", names(p.Entries[dispatch.PostDelete]))
	assert.Equal(t, "change created", names(p.Entries[dispatch.PostChange]), "for what is sent by hand")
	assert.Equal(t, "later", names(p.Deferred[dispatch.PostSave]))
	assert.Equal(t, "later", names(p.Deferred[dispatch.PostDelete]))
	assert.Equal(t, row+1, p.Needs.Save)
	assert.Equal(t, row, p.Needs.Delete, "a delete reads no more than the row")
}

func TestAPlanPartsReceiversThatWaitFromOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, p := range map[string]dispatch.Phase{
		"now": dispatch.InSend, "before": dispatch.BeforeCommit, "after": dispatch.AfterCommit, "undone": dispatch.AfterRollback,
	} {
		w.on(&item{}, dispatch.PostSave, w.receiver(name), in(p), func(e *dispatch.Entry) { e.Priority = -int(p) })
	}
	w.on(&item{}, dispatch.PreDelete, w.receiver("deleting"))
	p := w.planOf(&item{})
	assert.Equal(t, "now", names(p.Entries[dispatch.PostSave]))
	assert.Equal(t, "before after undone", names(p.Deferred[dispatch.PostSave]), "in one order")
	assert.Equal(t, "deleting", names(p.Entries[dispatch.PreDelete]))
	for phase, want := range map[dispatch.Phase]bool{
		dispatch.InSend: false, dispatch.BeforeCommit: true, dispatch.AfterCommit: true, dispatch.AfterRollback: true,
	} {
		assert.Equal(t, want, p.WaitsFor(dispatch.PostSave, phase), phase)
		assert.False(t, p.WaitsFor(dispatch.PostDelete, phase), phase)
	}
}

func TestAPlanNeedsWhatItsReceiversNeedAtMost(t *testing.T) {
	t.Parallel()
	type needs struct{ save, remove, link dispatch.Need }
	for _, c := range []struct {
		fact    string
		connect func(w *world)
		want    needs
	}{
		{"nothing without a need", func(w *world) { w.on(&item{}, dispatch.PreSave, w.receiver("a")) }, needs{}},
		{"the most of both signals of a save", func(w *world) {
			w.on(&item{}, dispatch.PreSave, w.receiver("a"), need(dispatch.Keys))
			w.on(&item{}, dispatch.PostSave, w.receiver("b"), need(dispatch.Original))
			w.on(&item{}, dispatch.PostSave, w.receiver("c"), need(row))
		}, needs{save: dispatch.Original}},
		{"the most of both signals of a delete", func(w *world) {
			w.on(&item{}, dispatch.PostDelete, w.receiver("a"), need(row))
			w.on(&item{}, dispatch.PreDelete, w.receiver("b"), need(dispatch.Keys))
		}, needs{remove: row}},
		{"also of receivers that wait", func(w *world) {
			w.on(&item{}, dispatch.PostDelete, w.receiver("a"), need(row), in(dispatch.AfterCommit))
		}, needs{remove: row}},
		{"of links by themselves", func(w *world) {
			w.on(&item{}, dispatch.M2mChanged, w.receiver("a"), need(row))
		}, needs{link: row}},
		{"nothing for loads", func(w *world) { w.on(&item{}, dispatch.PostLoad, w.receiver("a"), need(row)) }, needs{}},
		{"for net events both ends of a row, saved or deleted", func(w *world) {
			w.on(&item{}, dispatch.PostSave, w.receiver("a"), net, need(dispatch.Keys))
		}, needs{save: dispatch.Original, remove: row}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.connect(w)
			p := w.planOf(&item{})
			assert.Equal(t, c.want, needs{p.Needs.Save, p.Needs.Delete, p.Needs.Link})
		})
	}
}

func TestAPlanIsAtomicOrNetIfOneOfItsReceiversIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact        string
		connect     func(w *world)
		atomic, net bool
	}{
		{"neither", func(w *world) { w.on(&item{}, dispatch.PreSave, w.receiver("b")) }, false, false},
		{"an atomic one", func(w *world) { w.on(&item{}, dispatch.PreSave, w.receiver("b"), atomic) }, true, false},
		{"an atomic one that waits", func(w *world) {
			w.on(&item{}, dispatch.PostSave, w.receiver("b"), atomic, in(dispatch.BeforeCommit))
		}, true, false},
		{"a net one", func(w *world) { w.on(&item{}, dispatch.PostDelete, w.receiver("b"), net) }, false, true},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.on(&item{}, dispatch.PreSave, w.receiver("a"))
			c.connect(w)
			w.on(&item{}, dispatch.PostSave, w.receiver("c"), in(dispatch.AfterCommit))
			p := w.planOf(&item{})
			assert.Equal(t, [2]bool{c.atomic, c.net}, [2]bool{p.Atomic, p.Net})
			assert.Equal(t, c.atomic, p.AtomicBelow, "its own receivers count among those of what goes with its rows")
		})
	}
}

func TestWhoListensToAPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact           string
		kind           dispatch.Kind
		set            func(*dispatch.Entry)
		saves, deletes bool // Listens to a pair
		ofItself       bool // ListensToDeletes
		saved, deleted bool // Waits for the post signal
	}{
		{"pre_save: saves", dispatch.PreSave, in(dispatch.InSend), true, false, false, false, false},
		{"post_save: saves", dispatch.PostSave, in(dispatch.InSend), true, false, false, false, false},
		{"post_save after commit: saves, and waits", dispatch.PostSave, in(dispatch.AfterCommit), true, false, false, true, false},
		{"pre_delete: deletes", dispatch.PreDelete, in(dispatch.InSend), false, true, true, false, false},
		{"post_delete: deletes", dispatch.PostDelete, in(dispatch.InSend), false, true, true, false, false},
		{"post_delete after rollback: deletes, and waits", dispatch.PostDelete, in(dispatch.AfterRollback), false, true, true, false, true},
		{"net events of saves: both", dispatch.PostSave, net, true, true, true, true, true},
		{"net events of deletes: both", dispatch.PostDelete, net, true, true, true, true, true},
		{"post_load: neither", dispatch.PostLoad, in(dispatch.InSend), false, false, false, false, false},
		{"m2m_changed: neither", dispatch.M2mChanged, in(dispatch.InSend), false, false, false, false, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.on(&item{}, c.kind, w.receiver("a"), c.set)
			p := w.planOf(&item{})
			require.NotNil(t, p, "somebody listens to something")
			assert.Equal(t, c.saves, p.Listens(dispatch.PreSave, dispatch.PostSave))
			assert.Equal(t, c.deletes, p.Listens(dispatch.PreDelete, dispatch.PostDelete))
			assert.Equal(t, c.ofItself, p.ListensToDeletes())
			assert.Equal(t, c.saved, p.Waits(dispatch.PostSave))
			assert.Equal(t, c.deleted, p.Waits(dispatch.PostDelete))
			assert.False(t, p.Waits(dispatch.M2mChanged), "net events are not of links")
		})
	}
}

func TestAPlanKnowsWhetherKeysFindTheirRowsAgain(t *testing.T) {
	t.Parallel()
	type (
		plain struct {
			Code string `gorm:"primaryKey"`
		}
		keyless struct{ Name string }
		pair    struct {
			A float32 `gorm:"primaryKey"`
			B uint    `gorm:"primaryKey"`
		}
	)
	for _, c := range []struct {
		fact  string
		model any
		want  bool
	}{
		{"a number", &item{}, true},
		{"a text", &plain{}, true},
		{"no key", &keyless{}, false},
		{"a key of which one part does not", &pair{}, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.on(c.model, dispatch.PreSave, w.receiver("a"))
			assert.Equal(t, c.want, w.planOf(c.model).Steady)
		})
	}
}

func TestAPlanDescribesItsModel(t *testing.T) {
	t.Parallel()
	type stamped struct {
		ID   uint
		Code string `gorm:"uniqueIndex"`
	}
	w := newWorld(t)
	disconnect := w.on(&stamped{}, dispatch.PreSave, w.receiver("a"))
	p := w.planOf(&stamped{})
	assert.Equal(t, "stamped", p.Sender)
	assert.Same(t, w.schemaOf(&stamped{}), p.Schema)
	assert.Same(t, w.Rows.Of(p.Schema), p.Model)
	assert.Same(t, w.Registry, p.Reg)
	require.Len(t, p.Unique, 1)
	disconnect()
	w.on(&stamped{}, dispatch.PreSave, w.receiver("b"))
	again := w.planOf(&stamped{})
	assert.NotSame(t, p, again)
	assert.Same(t, &p.Unique[0], &again.Unique[0], "what is unique is read once")
}

func TestASilentPlanIsHeardByNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&item{}, dispatch.PreSave, w.receiver("a"))
	p := w.Silent(w.schemaOf(&item{}), "Somebody")
	assert.Equal(t, "Somebody", p.Sender)
	assert.Same(t, w.Registry, p.Reg)
	for k := range dispatch.Kinds {
		assert.Empty(t, p.Entries[k])
		assert.False(t, p.Waits(k))
	}
	assert.False(t, p.Listens(dispatch.PreSave, dispatch.PostSave))
}
