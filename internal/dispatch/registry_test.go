package dispatch_test

import (
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// names returns the UIDs of receivers.
func names(list []*dispatch.Entry) string {
	all := make([]string, len(list))
	for i, e := range list {
		all[i] = e.UID
	}
	return strings.Join(all, " ")
}

func TestTheSignalsOfAScopeAreMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := 0
	build := func() (any, [dispatch.Kinds]*dispatch.Signal) {
		made++
		var all [dispatch.Kinds]*dispatch.Signal
		for k := range all {
			all[k] = &dispatch.Signal{}
		}
		return &made, all
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { assert.Same(t, &made, w.Bind(w.scope(&item{}), build), "everybody gets the same") })
	}
	group.Wait()
	assert.Equal(t, 1, made)
	w.Bind(wide("item"), build)
	assert.Equal(t, 2, made, "another scope has its own")
}

func TestSignalsKnowTheirNameKindAndScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bound := w.signals(w.scope(&item{}))
	for k, name := range []string{"pre_save", "post_save", "pre_delete", "post_delete", "post_load", "m2m_changed", "post_change"} {
		kind := dispatch.Kind(k)
		assert.Equal(t, name, kind.String())
		assert.Equal(t, name, bound[k].Name)
		assert.Equal(t, kind, bound[k].Kind)
		assert.Equal(t, reflect.TypeFor[item](), bound[k].Scope.Type)
	}
	assert.Len(t, bound, 7)
}

func TestPhasesHaveNames(t *testing.T) {
	t.Parallel()
	for p, name := range []string{"send", "before_commit", "after_commit", "after_rollback"} {
		assert.Equal(t, name, dispatch.Phase(p).String())
	}
}

func TestAllReceiversOfADatabaseCanBeListed(t *testing.T) {
	t.Parallel()
	type other struct{ ID uint }
	w := newWorld(t)
	w.on(&item{}, dispatch.PreSave, w.receiver("a"))
	w.connect(wide("item", "other"), dispatch.PreSave, w.receiver("b"))
	w.on(&other{}, dispatch.PreSave, w.receiver("c"))
	w.on(&other{}, dispatch.M2mChanged, w.receiver("d"))
	all := w.Collect()
	assert.Equal(t, "a b c", names(all[dispatch.PreSave]), "of all models and interfaces, in the order in which they run")
	assert.Equal(t, "d", names(all[dispatch.M2mChanged]))
	assert.Empty(t, all[dispatch.PostSave])
}

func TestAModelIsHeardByItsReceiversAndThoseOfItsInterfaces(t *testing.T) {
	t.Parallel()
	type (
		other  struct{ ID uint }
		lonely struct{ ID uint }
	)
	w := newWorld(t)
	w.on(&item{}, dispatch.PreSave, w.receiver("a"))
	w.on(&other{}, dispatch.PreSave, w.receiver("b"))
	w.connect(wide("item", "other"), dispatch.PreSave, w.receiver("c"))
	assert.Equal(t, "a c", names(w.planOf(&item{}).Entries[dispatch.PreSave]))
	assert.Equal(t, "b c", names(w.planOf(&other{}).Entries[dispatch.PreSave]))
	assert.Nil(t, w.planOf(&lonely{}), "nobody hears it")
}

func TestASessionOfTheRegistryIsOfTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reg := dispatch.New(w.db.Where("price > ?", 1).Table("archive"), dispatch.Config{BatchSize: 7})
	stmt := reg.DB.Model(&item{}).Statement
	assert.Empty(t, stmt.Table, "it has nothing of the statement that the plugin was installed through")
	assert.Empty(t, stmt.Clauses)
	assert.Equal(t, 7, reg.BatchSize)
	assert.False(t, reg.Listening(), "nobody is connected at first")
	require.Nil(t, reg.PlanFor(w.schemaOf(&item{})))
}
