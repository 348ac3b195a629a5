package delivery_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/receivers"
)

// durable returns a receiver of events that were kept, and what it gets.
func (w *world) durable(do func(f *dispatch.Frame, r *change.Row) error) *dispatch.Entry {
	return &dispatch.Entry{
		Item: receivers.Item{UID: "mail"}, Info: dispatch.Info{UID: "mail", Phase: dispatch.DurablePhase}, Call: do, Errors: w.Errors,
	}
}

func TestAnEventThatWasKeptIsDeliveredAsItWasSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact     string
		event    string
		kind     dispatch.Kind
		least    dispatch.Need
		set      func(w *world, s *change.Facts)
		original bool
		changed  map[string]bool
	}{
		{"a created row", "+1x", dispatch.PostSave, dispatch.Original, nil, false, map[string]bool{"ID": true, "Name": true}},
		{"an updated row with its original", "1x>y", dispatch.PostSave, dispatch.Original, nil, true, map[string]bool{"ID": false, "Name": true}},
		{"an updated row for a receiver that needs no original", "1x>y", dispatch.PostSave, dispatch.Keys, nil, false, map[string]bool{"ID": true, "Name": true}},
		{"the fields that an update names", "1x>y", dispatch.PostSave, dispatch.Keys, func(_ *world, s *change.Facts) {
			s.Strategy, s.Fields = change.NamedFields{}, []string{"Name"}
		}, false, map[string]bool{"ID": false, "Name": true}},
		{"the columns that an upsert writes", "1x>y", dispatch.PostSave, dispatch.Keys, func(w *world, s *change.Facts) {
			s.Strategy, s.Written = change.Upserted{}, map[*schema.Field]bool{w.db.Statement.Schema.LookUpField("Name"): true}
		}, false, map[string]bool{"ID": false, "Name": true}},
		{"a deleted row", "-1x", dispatch.PostDelete, dispatch.Keys, func(_ *world, s *change.Facts) { s.Soft, s.Cascade = true, true }, false, nil},
		{"a row of another table", "+1x", dispatch.PostSave, dispatch.Keys, func(_ *world, s *change.Facts) { s.Table = "archive" }, false, nil},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, facts, rows := w.rows(c.event)
			if c.set != nil {
				c.set(w, facts)
			}
			f := &dispatch.Frame{}
			f.Open(dispatch.Fixtures(t.Context()), w.db, c.kind, w.Silent(w.db.Statement.Schema, "item"))
			kept, err := delivery.KeepRow(&rows[0], f, c.least)
			require.NoError(t, err)
			assert.Equal(t, []any{uint(1)}, kept.Key)
			assert.Equal(t, facts.Table, kept.Table)
			called := 0
			e := w.durable(func(f *dispatch.Frame, r *change.Row) error {
				called++
				assert.Equal(t, rows[0].Instance, r.Instance)
				assert.Equal(t, rows[0].Created, r.Created)
				assert.Equal(t, c.original, r.Original != nil)
				if c.original {
					assert.Equal(t, rows[0].Original, r.Original)
				}
				assert.Equal(t, [2]bool{facts.Soft, facts.Cascade}, [2]bool{r.Facts.Soft, r.Facts.Cascade})
				assert.Equal(t, facts.Table, r.Facts.Table)
				for name, want := range c.changed {
					if !r.Created {
						assert.Equal(t, want, r.Changed(f, []string{name}), name)
					}
				}
				assert.True(t, f.Raw, "it was sent under Raw")
				assert.Equal(t, c.kind, f.Kind)
				assert.Same(t, w.db.ConnPool, f.Session().Statement.ConnPool, "sessions are outside any transaction")
				return nil
			})
			require.NoError(t, delivery.Deliver(t.Context(), nil, w.Registry, w.signals[c.kind], e, kept.Data))
			assert.Equal(t, 1, called)
		})
	}
}

func TestADeliveryReturnsTheErrorOfItsReceiver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, rows := w.rows("+1x")
	f := &dispatch.Frame{}
	f.Open(t.Context(), w.db, dispatch.PostSave, w.Silent(w.db.Statement.Schema, "item"))
	kept, err := delivery.KeepRow(&rows[0], f, dispatch.Keys)
	require.NoError(t, err)
	deliver := func(do func(*dispatch.Frame, *change.Row) error) error {
		return delivery.Deliver(t.Context(), nil, w.Registry, w.signals[dispatch.PostSave], w.durable(do), kept.Data)
	}
	require.EqualError(t, deliver(func(*dispatch.Frame, *change.Row) error { return errors.New("no") }), "mail: no")
	require.EqualError(t, deliver(func(*dispatch.Frame, *change.Row) error { panic("boom") }), "mail: panic: boom")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = deliver(func(*dispatch.Frame, *change.Row) error { runtime.Goexit(); return nil })
	}()
	<-done
	assert.Empty(t, w.heard(), "the error is the deliverer's, and nothing for Handle")
}

func TestAnEventThatCannotBeReadNamesItsReceiver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.durable(func(*dispatch.Frame, *change.Row) error { return nil })
	err := delivery.Deliver(t.Context(), nil, w.Registry, w.signals[dispatch.PostSave], e, []byte("{"))
	require.ErrorContains(t, err, "what was kept for mail cannot be read")
	for _, data := range []string{`{"row":{"id":"x"}}`, `{"row":{"id":1},"original":{"id":"x"}}`} {
		require.Error(t, delivery.Deliver(t.Context(), nil, w.Registry, w.signals[dispatch.PostSave], e, []byte(data)), data)
	}
}
