package signals_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

type view struct{ product string }

var errBoom = errors.New("boom")

// recorder returns a receiver that notes its name.
func recorder(into *[]string, name string) signals.Receiver[view] {
	return func(context.Context, view) error {
		*into = append(*into, name)
		return nil
	}
}

func TestReceiversRunByPriorityAndThenInConnectionOrder(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), []string{}
	s.Connect(recorder(&calls, "second"))
	s.Connect(recorder(&calls, "last"), signals.Priority(-1))
	s.Connect(recorder(&calls, "first"), signals.Priority(10))
	s.Connect(recorder(&calls, "third"))
	require.NoError(t, s.Send(t.Context(), view{}))
	assert.Equal(t, []string{"first", "second", "third", "last"}, calls)
}

func TestSendStopsAtTheFirstErrorAndNamesTheReceiver(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), []string{}
	s.Connect(recorder(&calls, "a"))
	s.Connect(func(context.Context, view) error { return errBoom }, signals.UID("broken"))
	s.Connect(recorder(&calls, "never"))
	err := s.Send(t.Context(), view{})
	require.ErrorIs(t, err, errBoom)
	var failed *signals.ReceiverError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "viewed", failed.Signal)
	assert.Equal(t, "broken", failed.Receiver)
	assert.Equal(t, []string{"a"}, calls)
}

func TestAReceiverWithoutUIDIsNamedByFileAndLine(t *testing.T) {
	t.Parallel()
	s := signals.New[view]("viewed")
	_, file, line, _ := runtime.Caller(0)
	s.Connect(func(context.Context, view) error { return errBoom })
	want := fmt.Sprintf("%s:%d", file, line+1)
	assert.Equal(t, want, s.Receivers()[0].Location)
	assert.ErrorContains(t, s.Send(t.Context(), view{}), want)
}

func TestAPanicIsAnErrorWithTheStack(t *testing.T) {
	t.Parallel()
	s := signals.New[view]("viewed")
	s.Connect(func(context.Context, view) error { panicHere(); return nil }, signals.UID("p"))
	var failed *signals.ReceiverError
	require.ErrorAs(t, s.Send(t.Context(), view{}), &failed)
	var panicked *signals.PanicError
	require.ErrorAs(t, failed, &panicked)
	assert.Equal(t, "p", failed.Receiver)
	require.ErrorIs(t, failed, errBoom)
	assert.Contains(t, string(panicked.Stack), "panicHere")
}

func panicHere() { panic(errBoom) }

func TestTheSameUIDReplacesInPlace(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), []string{}
	disconnectOld := s.Connect(recorder(&calls, "old"), signals.UID("x"))
	s.Connect(recorder(&calls, "after"))
	disconnectNew := s.Connect(recorder(&calls, "new"), signals.UID("x"))
	require.NoError(t, s.Send(t.Context(), view{}))
	assert.Equal(t, []string{"new", "after"}, calls)
	assert.False(t, disconnectOld(), "the replaced receiver is gone already")
	assert.Len(t, s.Receivers(), 2)
	assert.True(t, disconnectNew())
	assert.False(t, disconnectNew())
}

func TestDisconnectByUID(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), []string{}
	s.Connect(recorder(&calls, "a"), signals.UID("a"))
	assert.True(t, s.HasReceivers())
	assert.True(t, s.Disconnect("a"))
	assert.False(t, s.Disconnect("a"))
	assert.False(t, s.Disconnect(""))
	assert.False(t, s.HasReceivers())
	require.NoError(t, s.Send(t.Context(), view{}))
	assert.Empty(t, calls)
}

func TestASendWorksOnASnapshot(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), []string{}
	s.Connect(func(context.Context, view) error {
		s.Disconnect("second")
		s.Connect(recorder(&calls, "third"), signals.UID("third"))
		return nil
	})
	s.Connect(recorder(&calls, "second"), signals.UID("second"))
	require.NoError(t, s.Send(t.Context(), view{}))
	assert.Equal(t, []string{"second"}, calls, "this send calls whom it started with")
	require.NoError(t, s.Send(t.Context(), view{}))
	assert.Equal(t, []string{"second", "third"}, calls)
}

func TestSendRobustCallsAllAndAnswersInOrder(t *testing.T) {
	t.Parallel()
	s := signals.New[view]("viewed")
	s.Connect(func(context.Context, view) error { return errBoom }, signals.UID("a"))
	s.Connect(func(context.Context, view) error { panic("no") }, signals.UID("b"))
	s.Connect(func(context.Context, view) error { return nil }, signals.UID("c"))
	responses := s.SendRobust(t.Context(), view{})
	require.Len(t, responses, 3)
	require.ErrorIs(t, responses[0].Err, errBoom)
	var panicked *signals.PanicError
	require.ErrorAs(t, responses[1].Err, &panicked)
	require.NoError(t, responses[2].Err)
	assert.Equal(t, "c", responses[2].Receiver.UID)
}

func TestSendConcurrentRunsAllAtOnceAndAnswersInConnectionOrder(t *testing.T) {
	t.Parallel()
	s := signals.New[view]("viewed")
	var together sync.WaitGroup
	together.Add(3)
	for i := range 3 {
		s.Connect(func(context.Context, view) error {
			together.Done()
			together.Wait() // only returns when all three run at once
			if i == 1 {
				return errBoom
			}
			return nil
		}, signals.UID(fmt.Sprint(i)))
	}
	responses := s.SendConcurrent(t.Context(), view{})
	require.Len(t, responses, 3)
	for i, r := range responses {
		assert.Equal(t, fmt.Sprint(i), r.Receiver.UID)
		assert.Equal(t, i == 1, errors.Is(r.Err, errBoom))
	}
}

func TestSendConcurrentSurvivesAReceiverThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	s := signals.New[view]("viewed")
	s.Connect(func(context.Context, view) error { runtime.Goexit(); return nil })
	responses := s.SendConcurrent(t.Context(), view{})
	require.Len(t, responses, 1)
	assert.ErrorContains(t, responses[0].Err, "Goexit")
}

func TestConnectDisconnectAndSendFromManyGoroutines(t *testing.T) {
	t.Parallel()
	s := signals.New[view]("viewed")
	var calls atomic.Int64
	count := func(ctx context.Context, _ view) error { calls.Add(1); return ctx.Err() }
	s.Connect(count)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				disconnect := s.Connect(count, signals.UID(fmt.Sprint(i)))
				assert.NoError(t, s.Send(context.Background(), view{}))
				assert.True(t, disconnect())
			}
		})
	}
	wg.Wait()
	assert.GreaterOrEqual(t, calls.Load(), int64(2*8*200), "its own and the common one, at least")
	assert.Len(t, s.Receivers(), 1)
}

func TestMuteSilencesAllOrSome(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), []string{}
	s.Connect(recorder(&calls, "a"), signals.UID("a"))
	s.Connect(recorder(&calls, "b"), signals.UID("b"))
	require.NoError(t, s.Send(signals.Mute(t.Context()), view{}))
	assert.Empty(t, s.SendRobust(signals.Mute(t.Context()), view{}))
	assert.Empty(t, calls)
	require.NoError(t, s.Send(signals.Mute(signals.Mute(t.Context(), "a"), "other"), view{}))
	assert.Equal(t, []string{"b"}, calls)
}

func TestIfCallsOnlyForEventsThatSatisfy(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), []string{}
	s.Connect(signals.If(func(v view) bool { return v.product == "lamp" }, recorder(&calls, "lamp")))
	require.NoError(t, s.Send(t.Context(), view{"chair"}))
	require.NoError(t, s.Send(t.Context(), view{"lamp"}))
	assert.Equal(t, []string{"lamp"}, calls)
}

func TestABatchReceiverOfACustomSignalGetsOneEvent(t *testing.T) {
	t.Parallel()
	s := signals.New[view]("viewed")
	var got [][]view
	s.ConnectBatch(func(_ context.Context, events []view) error {
		got = append(got, events)
		return nil
	})
	require.NoError(t, s.Send(t.Context(), view{"lamp"}))
	assert.Equal(t, [][]view{{{"lamp"}}}, got)
}

func TestTheZeroSignalAndANilContextWork(t *testing.T) {
	t.Parallel()
	var s signals.Signal[view]
	var calls []string
	s.Connect(recorder(&calls, "a"))
	require.NoError(t, s.Send(nil, view{}))         //nolint:staticcheck // a nil context is what is tested
	assert.Len(t, s.SendRobust(nil, view{}), 1)     //nolint:staticcheck // the same
	assert.Len(t, s.SendConcurrent(nil, view{}), 1) //nolint:staticcheck // the same
	assert.Equal(t, []string{"a", "a", "a"}, calls)
}

// shapes sends an event in all ways through a signal and returns what its receivers and its observer got.
func shapes[E any](t *testing.T, s *signals.Signal[E], event E) (heard []any) {
	t.Helper()
	s.Connect(func(_ context.Context, e E) error { heard = append(heard, e); return nil })
	s.ConnectBatch(func(_ context.Context, events []E) error { heard = append(heard, events); return errBoom }, signals.UID("batch"))
	require.ErrorIs(t, s.Send(t.Context(), event), errBoom)
	responses := s.SendRobust(t.Context(), event)
	require.Len(t, responses, 2)
	require.NoError(t, responses[0].Err)
	require.ErrorIs(t, responses[1].Err, errBoom)
	s.Observe(sees{func(event any) { heard = append(heard, event) }})
	require.ErrorIs(t, s.Send(t.Context(), event), errBoom)
	s.Observe(nil)
	s.Disconnect("batch")
	require.NoError(t, s.Send(t.Context(), event))
	return heard
}

// sees is an observer of the events of a signal.
type sees struct{ event func(any) }

func (s sees) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	s.event(o.Event)
	return ctx
}

func (sees) ObserveEnd(context.Context, signals.Observed, error) {}

func TestSignalsThatNewMadeAndZeroSignalsSendEventsOfAnyShape(t *testing.T) {
	t.Parallel()
	check := func(one, batch any, got []any) {
		t.Helper()
		observed := []any{one, one, one, one, batch} // the send, and the call of each receiver
		assert.ElementsMatch(t, slices.Concat([]any{one, batch}, []any{one, batch}, observed, []any{one}), got)
	}
	large := [9]string{0: "a", 8: "b"}
	check(view{"lamp"}, []view{{"lamp"}}, shapes(t, signals.New[view]("viewed"), view{"lamp"}))
	check(view{"lamp"}, []view{{"lamp"}}, shapes(t, new(signals.Signal[view]), view{"lamp"}))
	check(large, [][9]string{large}, shapes(t, signals.New[[9]string]("large"), large))
	check(large, [][9]string{large}, shapes(t, new(signals.Signal[[9]string]), large))
	check(nil, []error{nil}, shapes[error](t, signals.New[error]("an interface"), nil))
	check(nil, []error{nil}, shapes[error](t, new(signals.Signal[error]), nil))
	check(struct{}{}, []struct{}{{}}, shapes(t, signals.New[struct{}]("empty"), struct{}{}))
	check(struct{}{}, []struct{}{{}}, shapes(t, new(signals.Signal[struct{}]), struct{}{}))
}

func TestBadInputAtConnectPanicsAndNamesTheCure(t *testing.T) {
	t.Parallel()
	db := openProducts(t)
	products := signals.For[Product](db)
	ok := func(context.Context, signals.SaveEvent[*Product]) error { return nil }
	deleted := func(context.Context, signals.DeleteEvent[*Product]) error { return nil }
	loaded := func(context.Context, signals.LoadEvent[*Product]) error { return nil }
	custom := signals.New[view]("viewed")
	viewed := func(context.Context, view) error { return nil }
	for name, c := range map[string]struct {
		connect func()
		want    string
	}{
		"nil receiver":          {func() { products.PostSave.Connect(nil) }, "pass a function"},
		"nil batch receiver":    {func() { products.PostSave.ConnectBatch(nil) }, "pass a function"},
		"nil option":            {func() { products.PostSave.Connect(ok, nil) }, "option is nil"},
		"empty UID":             {func() { products.PostSave.Connect(ok, signals.UID("")) }, "give it a name"},
		"unknown field":         {func() { products.PostSave.Connect(ok, signals.Fields("Prize")) }, `no column field "Prize"`},
		"no field":              {func() { products.PostSave.Connect(ok, signals.Fields()) }, "name one"},
		"unknown need":          {func() { products.PostSave.Connect(ok, signals.Needs(9)) }, "Keys, Row and Original"},
		"fields on delete":      {func() { products.PreDelete.Connect(deleted, signals.Fields("Name")) }, "only saves change fields"},
		"original on delete":    {func() { products.PreDelete.Connect(deleted, signals.Needs(signals.Original)) }, "Needs(Row)"},
		"needs on load":         {func() { products.PostLoad.Connect(loaded, signals.Needs(signals.Row)) }, "leave it out"},
		"fields on custom":      {func() { custom.Connect(viewed, signals.Fields("Name")) }, "model signals"},
		"needs on custom":       {func() { custom.Connect(viewed, signals.Needs(signals.Row)) }, "model signals"},
		"nil predicate":         {func() { signals.If(nil, signals.Receiver[view](viewed)) }, "nil"},
		"For of a number":       {func() { signals.For[int](db) }, "no model"},
		"For of a pointer":      {func() { signals.For[*Product](db) }, "struct type itself"},
		"For of an interface":   {func() { signals.For[fmt.Stringer](db) }, "use Implementing"},
		"For of no columns":     {func() { signals.For[struct{}](db) }, "no column"},
		"Implementing a struct": {func() { signals.Implementing[Product](db) }, "use For"},
		"For of a nil db":       {func() { signals.For[Product](nil) }, "db.Use(signals.Plugin{})"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := testkit.PanicOf(c.connect)
			assert.True(t, strings.HasPrefix(message, "signals: "), message)
			assert.Contains(t, message, c.want)
		})
	}
}
