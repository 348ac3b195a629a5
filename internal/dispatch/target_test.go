package dispatch_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

var errNo = errors.New("no")

// targets returns one target for each word. The receiver "no" returns an error, "panic" panics, "exit" ends its goroutine, and all others return nil.
// Receivers have the names of their words.
func (w *world) targets(words string) []dispatch.Target {
	var list []dispatch.Target
	for word := range strings.FieldsSeq(words) {
		list = append(list, dispatch.Target{Entry: w.receiver(word), Call: func(e *dispatch.Entry) error {
			switch e.UID {
			case "no":
				return errNo
			case "panic":
				panic("boom")
			case "exit":
				runtime.Goexit()
			}
			return nil
		}})
	}
	return list
}

// answered shows answers, one word each: the receiver, with "!" if it answered an error.
func answered(answers []dispatch.Answer) string {
	words := make([]string, len(answers))
	for i, a := range answers {
		if words[i] = a.Entry.UID; a.Err != nil {
			words[i] += "!"
		}
	}
	return strings.Join(words, " ")
}

func TestAWayToSendDecidesWhoIsCalledAfterAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		way   dispatch.Way
		calls string
		want  string
	}{
		{"until the first error: all without one", dispatch.UntilError, "a b c", "a b c"},
		{"until the first error: nobody after it", dispatch.UntilError, "a no b", "a no!"},
		{"until the first error: a panic is one", dispatch.UntilError, "panic a", "panic!"},
		{"until the first error: nobody without receivers", dispatch.UntilError, "", ""},
		{"all in turn: also after errors and panics", dispatch.AllInTurn, "no a panic b no", "no! a panic! b no!"},
		{"at once: all, and their answers in the order of connecting", dispatch.AtOnce, "no a panic b exit c", "no! a panic! b exit! c"},
		{"at once: nobody without receivers", dispatch.AtOnce, "", ""},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, answered(c.way.Send(t.Context(), newWorld(t).targets(c.calls))))
		})
	}
}

func TestAnAnswerIsTheErrorOfItsReceiver(t *testing.T) {
	t.Parallel()
	answers := dispatch.AtOnce.Send(t.Context(), newWorld(t).targets("a no panic exit"))
	require.Len(t, answers, 4)
	require.NoError(t, answers[0].Err)
	require.EqualError(t, answers[1].Err, "no failed: no")
	require.ErrorIs(t, answers[1].Err, errNo)
	require.EqualError(t, answers[2].Err, "panic failed: panic: boom")
	require.ErrorIs(t, answers[3].Err, fault.ErrGoexit)
	require.ErrorContains(t, answers[3].Err, "exit failed: ")
	assert.Same(t, answers[1].Err, dispatch.FirstError(answers))
	assert.NoError(t, dispatch.FirstError(answers[:1]))
	assert.NoError(t, dispatch.FirstError(nil))
}

func TestAReceiverThatEndsItsGoroutineEndsASendInTurn(t *testing.T) {
	t.Parallel()
	for _, way := range []dispatch.Way{dispatch.UntilError, dispatch.AllInTurn} {
		w, called := newWorld(t), false
		list := append(w.targets("exit"), dispatch.Target{Entry: w.receiver("a"), Call: func(*dispatch.Entry) error {
			called = true
			return nil
		}})
		assert.True(t, goexits(func() { way.Send(t.Context(), list) }), "it is the caller's goroutine")
		assert.False(t, called)
	}
}

func TestCallsAtOnceRunBesideEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var met sync.WaitGroup
	met.Add(3)
	meet := func(*dispatch.Entry) error {
		met.Done()
		met.Wait()
		return nil
	}
	var list []dispatch.Target
	for _, e := range w.list("a b c") {
		list = append(list, dispatch.Target{Entry: e, Call: meet})
	}
	assert.Equal(t, "a b c", answered(dispatch.AtOnce.Send(t.Context(), list)), "each waits for the others")
}

func TestCallsAtOnceAreWaitedForUntilTheirContextEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	late, over := errors.New("too late"), make(chan struct{})
	defer close(over)
	first := make(chan struct{})
	list := []dispatch.Target{
		{Entry: w.receiver("waiting"), Call: func(*dispatch.Entry) error {
			<-first
			cancel(late)
			<-over
			return nil
		}},
		{Entry: w.receiver("a"), Call: func(*dispatch.Entry) error { close(first); return nil }},
		{Entry: w.receiver("endless"), Call: func(*dispatch.Entry) error { <-over; return nil }},
	}
	answers := dispatch.AtOnce.Send(ctx, list)
	require.Len(t, answers, 3)
	require.ErrorIs(t, answers[0].Err, late, "the answer is why the context ended")
	require.EqualError(t, answers[2].Err, "endless failed: too late")
}

func TestAnAnswerThatIsThereCountsAfterTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		endless := dispatch.Target{Entry: w.receiver("endless"), Call: func(*dispatch.Entry) error {
			synctest.Wait() // until all others have answered
			cancel()
			<-over
			return nil
		}}
		answers := dispatch.AtOnce.Send(ctx, append([]dispatch.Target{endless}, w.targets("a no b no c no d")...))
		close(over)
		assert.Equal(t, "endless! a no! b no! c no! d", answered(answers))
		require.ErrorIs(t, answers[0].Err, context.Canceled)
		require.ErrorIs(t, answers[2].Err, errNo)
	})
}

func TestCallsInTurnDoNotLookAtTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := newWorld(t)
	assert.Equal(t, "a b", answered(dispatch.AllInTurn.Send(ctx, w.targets("a b"))))
	assert.Equal(t, "a b", answered(dispatch.UntilError.Send(ctx, w.targets("a b"))))
}
