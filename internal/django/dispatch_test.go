package django_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// After Django's tests/dispatch/tests.py. A sender is a type here, so tests about senders use the signals of models.

// calls keeps what its methods hear as receivers.
type calls struct{ values []string }

func (c *calls) receive(_ context.Context, value string) error {
	c.values = append(c.values, value)
	return nil
}

func (c *calls) save(_ context.Context, e signals.SaveEvent[any]) error {
	c.values = append(c.values, shown(e.Instance))
	return nil
}

// assertClean fails the test when a receiver is left.
func assertClean[E any](t *testing.T, s *signals.Signal[E]) {
	t.Helper()
	assert.False(t, s.HasReceivers())
	assert.Empty(t, s.Receivers())
}

func TestCannotConnectNonCallable(t *testing.T) {
	t.Parallel()
	s := signals.New[string]("a")
	text := testkit.PanicOf(func() { s.Connect(nil) })
	assert.Contains(t, text, "the receiver is nil: pass a function")
	assertClean(t, s)
}

func TestSend(t *testing.T) {
	t.Parallel()
	s, c := signals.New[string]("a"), &calls{}
	disconnect := s.Connect(c.receive)
	// Differs: Send answers with the first error and not with a pair per receiver.
	require.NoError(t, s.Send(t.Context(), "test"))
	assert.Equal(t, []string{"test"}, c.values)
	assert.True(t, disconnect())
	assertClean(t, s)
}

func TestSendNoReceivers(t *testing.T) {
	t.Parallel()
	require.NoError(t, signals.New[string]("a").Send(t.Context(), "test"))
}

func TestSendConnectedNoSender(t *testing.T) {
	t.Parallel()
	db, c := open(t, &Author{}, &Page{}), &calls{}
	all := signals.Implementing[any](db).PostSave // every sender
	disconnect := all.Connect(c.save)
	create(t, db, &Author{Name: "ann"}, &Page{Text: "one"})
	assert.Equal(t, []string{"1 ann", "1 one"}, c.values)
	assert.True(t, disconnect())
	assertClean(t, all)
}

func TestSendDifferentNoSender(t *testing.T) {
	t.Parallel()
	db, heard := open(t, &Author{}, &Page{}), 0
	pages := signals.For[Page](db).PostSave
	disconnect := pages.Connect(func(context.Context, signals.SaveEvent[*Page]) error {
		heard++
		return nil
	})
	create(t, db, &Author{Name: "ann"})
	assert.Zero(t, heard)
	create(t, db, &Page{Text: "one"})
	assert.Equal(t, 1, heard)
	assert.True(t, disconnect())
	assertClean(t, pages)
}

func TestMultipleRegistration(t *testing.T) {
	t.Parallel()
	s, c := signals.New[string]("a"), &calls{}
	var disconnects []func() bool
	for range 6 {
		disconnects = append(disconnects, s.Connect(c.receive))
	}
	require.NoError(t, s.Send(t.Context(), "test"))
	// Differs: Go cannot compare functions, so each Connect counts. With a UID there is one.
	assert.Len(t, c.values, 6)
	for _, disconnect := range disconnects {
		assert.True(t, disconnect())
	}
	assertClean(t, s)
	for range 6 {
		s.Connect(c.receive, signals.UID("uid"))
	}
	c.values = nil
	require.NoError(t, s.Send(t.Context(), "test"))
	assert.Len(t, c.values, 1)
	assert.Len(t, s.Receivers(), 1)
}

func TestUIDRegistration(t *testing.T) {
	t.Parallel()
	s, first, second := signals.New[string]("a"), &calls{}, &calls{}
	s.Connect(first.receive, signals.UID("uid"))
	s.Connect(second.receive, signals.UID("uid"))
	assert.Len(t, s.Receivers(), 1)
	require.NoError(t, s.Send(t.Context(), "test"))
	// Differs: Django keeps the first receiver of a UID, here the last one replaces it.
	assert.Empty(t, first.values)
	assert.Equal(t, []string{"test"}, second.values)
	assert.True(t, s.Disconnect("uid"))
	assertClean(t, s)
}

func TestSendRobustSuccess(t *testing.T) {
	t.Parallel()
	s, c := signals.New[string]("a"), &calls{}
	disconnect := s.Connect(c.receive, signals.UID("one"))
	responses := s.SendRobust(t.Context(), "test")
	require.Len(t, responses, 1)
	// Differs: a response is an error or none. A receiver that has more to say writes it into the event.
	require.NoError(t, responses[0].Err)
	assert.Equal(t, "one", responses[0].Receiver.UID)
	assert.Equal(t, []string{"test"}, c.values)
	assert.True(t, disconnect())
	assertClean(t, s)
}

func TestSendRobustNoReceivers(t *testing.T) {
	t.Parallel()
	assert.Empty(t, signals.New[string]("a").SendRobust(t.Context(), "test"))
}

func TestSendRobustIgnoredSender(t *testing.T) {
	t.Parallel()
	db, c := open(t, &Author{}), &calls{}
	all := signals.Implementing[any](db).PostSave
	disconnect := all.Connect(c.save)
	responses := signals.For[Author](db).PostSave.SendRobust(t.Context(), signals.SaveEvent[*Author]{Instance: &Author{Name: "ann"}})
	require.Len(t, responses, 1)
	require.NoError(t, responses[0].Err)
	assert.Equal(t, []string{"0 ann"}, c.values)
	assert.True(t, disconnect())
	assertClean(t, all)
}

func TestSendRobustFail(t *testing.T) {
	t.Parallel()
	s, c, failure := signals.New[string]("a"), &calls{}, errors.New("this")
	s.Connect(func(context.Context, string) error { return failure }, signals.UID("fails"))
	s.Connect(func(context.Context, string) error { panic(failure) }, signals.UID("panics"))
	s.Connect(c.receive, signals.UID("works"))
	responses := s.SendRobust(t.Context(), "test")
	require.Len(t, responses, 3)
	// Differs: nothing is logged, the caller has the errors.
	require.ErrorIs(t, responses[0].Err, failure)
	require.ErrorIs(t, responses[1].Err, failure)
	var panicked *signals.PanicError // errors have no traceback, panics do
	require.ErrorAs(t, responses[1].Err, &panicked)
	assert.Contains(t, string(panicked.Stack), "TestSendRobustFail")
	require.NoError(t, responses[2].Err)
	assert.Equal(t, []string{"test"}, c.values)
	for _, uid := range []string{"fails", "panics", "works"} {
		assert.True(t, s.Disconnect(uid))
	}
	assertClean(t, s)
}

func TestDisconnection(t *testing.T) {
	t.Parallel()
	s, one, two, three := signals.New[string]("a"), &calls{}, &calls{}, &calls{}
	first, second, third := s.Connect(one.receive), s.Connect(two.receive), s.Connect(three.receive)
	assert.True(t, first())
	require.NoError(t, s.Send(t.Context(), "test"))
	assert.Empty(t, one.values)
	assert.Equal(t, []string{"test"}, two.values)
	assert.Equal(t, []string{"test"}, three.values)
	// Differs: receivers are held firmly, so the second one goes by its own disconnect and not by the garbage collector.
	assert.True(t, second())
	assert.True(t, third())
	assertClean(t, s)
}

func TestValuesReturnedByDisconnection(t *testing.T) {
	t.Parallel()
	s, c := signals.New[string]("a"), &calls{}
	disconnect := s.Connect(c.receive)
	assert.True(t, disconnect())
	assert.False(t, disconnect())
	assert.False(t, s.Disconnect("never connected"))
	assertClean(t, s)
}

func TestHasListeners(t *testing.T) {
	t.Parallel()
	db, c := open(t, &Author{}), &calls{}
	all, authors := signals.Implementing[any](db).PostSave, signals.For[Author](db).PostSave
	assert.False(t, all.HasReceivers())
	assert.False(t, authors.HasReceivers())
	disconnect := all.Connect(c.save)
	assert.True(t, all.HasReceivers())
	// Differs: HasReceivers speaks of what was connected through its own signal.
	assert.False(t, authors.HasReceivers())
	assert.True(t, disconnect())
	assert.False(t, all.HasReceivers())
	assert.False(t, authors.HasReceivers())
}

func TestReceiverSingleSignal(t *testing.T) {
	t.Parallel()
	s, state := signals.New[bool]("a"), false
	s.Connect(func(_ context.Context, value bool) error {
		state = value
		return nil
	})
	require.NoError(t, s.Send(t.Context(), true))
	assert.True(t, state)
}

func TestReceiverSignalList(t *testing.T) {
	t.Parallel()
	a, b, c := signals.New[string]("a"), signals.New[string]("b"), signals.New[string]("c")
	state := &calls{}
	for _, s := range []*signals.Signal[string]{a, b, c} {
		s.Connect(state.receive)
	}
	require.NoError(t, a.Send(t.Context(), "a"))
	require.NoError(t, c.Send(t.Context(), "c"))
	require.NoError(t, b.Send(t.Context(), "b"))
	assert.Equal(t, []string{"a", "c", "b"}, state.values)
}
