package dispatch_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// known are the models of the tests of plans, by name.
func (w *world) known() map[string]*schema.Schema {
	return map[string]*schema.Schema{
		"item": w.schemaOf(&item{}), "shop": w.schemaOf(&shop{}), "shelf": w.schemaOf(&shelf{}), "book": w.schemaOf(&book{}),
		"author": w.schemaOf(&author{}), "link": w.joinOf(&book{}, "Authors"), "clerk": w.schemaOf(&clerk{}),
	}
}

// plans returns the plans of models, by name.
func (w *world) plans() map[string]*dispatch.Plan {
	w.t.Helper()
	plans := map[string]*dispatch.Plan{}
	for name, of := range w.known() {
		plans[name] = w.PlanFor(of)
	}
	return plans
}

func TestAModelIsPlannedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect(wide("item", "shelf", "book", "author"), dispatch.PostDelete, w.receiver("a"))
	before := w.plans()
	require.NotNil(t, before["item"])
	assert.Equal(t, before, w.plans())
	for name, p := range before {
		assert.Same(t, p, w.PlanFor(w.known()[name]), name)
	}
}

func TestAConnectDropsOnlyPlansThatItCanTouch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact    string
		connect func(w *world) (disconnect func())
		dropped string
	}{
		{"that of a model without relations", func(w *world) func() { return w.on(&item{}, dispatch.PreSave, w.receiver("b")) }, "item"},
		{"those of the model and of its parents", func(w *world) func() { return w.on(&shelf{}, dispatch.PreSave, w.receiver("b")) }, "shelf shop"},
		{"no parent that it stays behind", func(w *world) func() { return w.on(&clerk{}, dispatch.PreSave, w.receiver("b")) }, "clerk"},
		{"of a linked model those of the links, of the other side and of all parents", func(w *world) func() {
			return w.on(&author{}, dispatch.PreSave, w.receiver("b"))
		}, "author book link shelf shop"},
		{"all, if the receiver is one of an interface", func(w *world) func() {
			return w.connect(wide("item"), dispatch.PreSave, w.receiver("b"))
		}, "author book clerk item link shelf shop"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, model := range []any{&item{}, &shop{}, &shelf{}, &book{}, &author{}, &clerk{}} {
				w.on(model, dispatch.M2mChanged, w.receiver("a"))
			}
			var disconnect func()
			for _, step := range []func(){func() { disconnect = c.connect(w) }, func() { disconnect() }} {
				before := w.plans()
				for name, p := range before {
					require.NotNil(t, p, name)
				}
				step()
				dropped := map[string]bool{}
				for name, p := range w.plans() {
					if before[name] != p {
						dropped[name] = true
					}
				}
				assert.Equal(t, wordsOf(c.dropped), dropped, "a disconnect drops the same")
			}
		})
	}
}

// wordsOf returns the words of a text as a set.
func wordsOf(text string) map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		words[word] = true
	}
	return words
}

func TestTheNextPlanKnowsWhoHasComeAndGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	heard := func() string {
		if p := w.planOf(&item{}); p != nil {
			return names(p.Entries[dispatch.PreSave])
		}
		return "nobody"
	}
	assert.False(t, w.Listening())
	assert.Equal(t, "nobody", heard())
	first := w.on(&item{}, dispatch.PreSave, w.receiver("a"))
	assert.True(t, w.Listening(), "also before a statement asks for a plan")
	second := w.connect(wide("item"), dispatch.PreSave, w.receiver("b"))
	kept := w.planOf(&item{})
	assert.Equal(t, "a b", heard())
	first()
	assert.Equal(t, "b", heard())
	assert.Equal(t, "a b", names(kept.Entries[dispatch.PreSave]), "a plan that a statement has goes on as it was")
	other := w.on(&shop{}, dispatch.PreSave, w.receiver("c"))
	second()
	assert.Equal(t, "nobody", heard())
	assert.True(t, w.Listening(), "to another model")
	other()
	assert.False(t, w.Listening(), "the last one has gone")
	w.on(&item{}, dispatch.PreSave, w.receiver("d"))
	assert.Equal(t, "d", heard(), "and somebody may come again")
}

func TestAReceiverThatTakesThePlaceOfAnotherCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&item{}, dispatch.PreSave, w.receiver("a"))
	disconnect := w.on(&item{}, dispatch.PreSave, w.receiver("a"))
	disconnect()
	assert.False(t, w.Listening())
}

func TestAModelThatNobodyHearsAtFirstIsHeardOfWhenSomebodyConnectsBelow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&item{}, dispatch.PreSave, w.receiver("a"))
	require.Nil(t, w.planOf(&shop{}))
	disconnect := w.on(&book{}, dispatch.PostDelete, w.receiver("b"), need(row))
	require.NotNil(t, w.planOf(&shop{}))
	assert.Equal(t, "shelf(book)", tree(w.planOf(&shop{})))
	disconnect()
	assert.Nil(t, w.planOf(&shop{}))
}

// authorship is a model for the links of books and authors, in a table of its own.
type authorship struct {
	BookID   uint `gorm:"primaryKey"`
	AuthorID uint `gorm:"primaryKey"`
}

func TestAJoinTableThatGetsAModelMakesAllPlansAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&book{}, dispatch.M2mChanged, w.receiver("a"))
	w.on(&item{}, dispatch.PreSave, w.receiver("b"))
	before := w.planOf(&book{})
	require.False(t, before.Marks)
	require.NoError(t, w.db.SetupJoinTable(&book{}, "Authors", &authorship{}))
	join := w.planOf(&authorship{})
	require.NotNil(t, join)
	assert.Equal(t, "book.Authors", sides(join))
	assert.True(t, w.planOf(&book{}).Marks)
	assert.Same(t, w.planOf(&book{}), join.Sides[0].Plan)
}

// TestAPlanIsSeenOnlyWhenItIsWhole lets several goroutines ask for plans that lead to each other in a circle, while receivers come and go.
func TestAPlanIsSeenOnlyWhenItIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deletes := w.receiver("a")
	deletes.Info.Needs = row
	w.connect(wide("shop", "shelf", "book", "author", "poster", "review", "part", "label"), dispatch.PostDelete, deletes)
	w.on(&book{}, dispatch.M2mChanged, w.receiver("b"))
	w.on(&author{}, dispatch.M2mChanged, w.receiver("c"))
	var models []*schema.Schema
	for _, model := range []any{&shop{}, &shelf{}, &book{}, &author{}, &poster{}, &review{}, &part{}, &label{}} {
		models = append(models, w.schemaOf(model))
	}
	models = append(models, w.joinOf(&book{}, "Authors"))
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		group.Go(func() {
			for {
				for _, of := range models {
					p := w.PlanFor(of)
					if p == nil || p.Model == nil || (of == models[0] && len(p.Cascades) != 2) || (of == models[8] && len(p.Sides) != 2) {
						assert.Fail(t, "a plan is half made", of.Table)
						return
					}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range 200 {
		w.on(&author{}, dispatch.PreSave, w.receiver("d"))()
	}
	close(stop)
	group.Wait()
}
