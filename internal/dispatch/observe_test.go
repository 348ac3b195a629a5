package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

// witness is an observer that notes the steps it sees.
type witness struct {
	mu    sync.Mutex
	steps []string
	seen  []dispatch.Observed
	hides bool // it returns the contexts that it gets
}

func newWitness() *witness { return &witness{} }

// place is the key of the steps that a context lies in.
type place struct{}

// Start notes the begin of a step.
func (o *witness) Start(ctx context.Context, of dispatch.Observed) context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	within, _ := ctx.Value(place{}).(string)
	name := "send"
	if of.Step == dispatch.Calling {
		name = of.Receiver.UID
	}
	o.steps, o.seen = append(o.steps, within+"<"+name), append(o.seen, of)
	if o.hides {
		return ctx
	}
	return context.WithValue(ctx, place{}, within+name+"/")
}

// End notes the end of a step.
func (o *witness) End(ctx context.Context, _ dispatch.Observed, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	within, _ := ctx.Value(place{}).(string)
	step := strings.TrimSuffix(within, "/") + ">"
	if err != nil {
		step += "!" + strings.ReplaceAll(err.Error(), " ", "_")
	}
	o.steps = append(o.steps, step)
}

func (o *witness) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.steps, " ")
}

// observedWorld is a world with an observer.
func observedWorld(t *testing.T) (*world, *witness) {
	t.Helper()
	o := newWitness()
	return newWorld(t, func(of *dispatch.Config) { of.Observer = o }), o
}

func TestAnObserverSeesEachSendAndEachCallWithinIt(t *testing.T) {
	t.Parallel()
	goexit := strings.ReplaceAll(fault.ErrGoexit.Error(), " ", "_")
	for _, c := range []struct {
		fact            string
		receivers, rows string
		does            func(*dispatch.Frame) error // by b
		want            string
	}{
		{"one call for each row", "a", "1 2", nil, "<send send/<a send/a> send/<a send/a> send>"},
		{"one call of a batch receiver", "A a", "1 2", nil, "<send send/<A send/A> send/<a send/a> send/<a send/a> send>"},
		{"no call of a receiver that is muted", "muted a", "1", nil, "<send send/<a send/a> send>"},
		{"no send without a row that is written", "a A", "-1 -2", nil, ""},
		{"no send without receivers", "", "1", nil, ""},
		{
			"an error, in the call as it is and in the send by its receiver", "b c", "1",
			func(*dispatch.Frame) error { return errors.New("no") },
			"<send send/<b send/b>!no send>!b_failed:_no",
		},
		{
			"a panic, as an error", "b c", "1",
			func(*dispatch.Frame) error { panic("boom") },
			"<send send/<b send/b>!panic:_boom send>!b_failed:_panic:_boom",
		},
		{
			"the end of a goroutine, as an error", "b c", "1",
			func(*dispatch.Frame) error { runtime.Goexit(); return nil },
			"<send send/<b send/b>!" + goexit + " send>!" + goexit,
		},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w, o := observedWorld(t)
			w.does["b"] = c.does
			f, list, rows := w.frame(dispatch.Mute(t.Context(), []string{"muted"})), w.list(c.receivers), w.rows(c.rows)
			goexits(func() { _ = w.Call(list, f, rows) })
			assert.Equal(t, c.want, o.String())
		})
	}
}

func TestReceiversGetTheContextThatTheObserverMade(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "A"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, o := observedWorld(t)
			w.does[name] = func(f *dispatch.Frame) error {
				assert.Equal(t, "send/"+name+"/", f.Value(place{}))
				assert.Same(t, f, dispatch.FrameOf(f), "it still is the frame of the send")
				return w.Call(w.list("inner"), w.frame(f), w.rows("2"))
			}
			require.NoError(t, w.call(t.Context(), name, "1"))
			assert.Equal(t, "<send send/<N send/N/<send send/N/send/<inner send/N/send/inner> send/N/send> send/N> send>",
				strings.NewReplacer("/"+name, "/N", "<"+name, "<N").Replace(o.String()), "a send of a receiver lies within its call")
			assert.Equal(t, name+":1 inner:2", w.heard())
		})
	}
}

func TestAnObserverMayLeaveTheContextAsItIs(t *testing.T) {
	t.Parallel()
	w, o := observedWorld(t)
	o.hides = true
	f := w.frame(t.Context())
	w.does["a"] = func(got *dispatch.Frame) error {
		assert.Same(t, f, got, "then no frame is made for it")
		return nil
	}
	require.NoError(t, w.Call(w.list("a"), f, w.rows("1")))
	assert.Len(t, o.seen, 2)
}

func TestAStepIsDescribed(t *testing.T) {
	t.Parallel()
	w, o := observedWorld(t)
	e := w.receiver("a")
	e.Phase = dispatch.AfterCommit
	rows := w.rows("1 -2 3")
	f := w.frame(t.Context())
	require.NoError(t, w.Call([]*dispatch.Entry{e}, f, rows))
	require.Len(t, o.seen, 3)
	for i, want := range []dispatch.Observed{
		{Step: dispatch.Sending, Events: 2, Rows: rows, Frame: f},
		{Step: dispatch.Calling, Events: 1, Rows: rows[:1], Receiver: e, Frame: o.seen[1].Frame},
		{Step: dispatch.Calling, Events: 1, Rows: rows[2:], Receiver: e, Frame: o.seen[2].Frame},
	} {
		want.Signal, want.Sender, want.Table, want.Phase = "post_save", "item", "items", "after_commit"
		assert.Equal(t, want, o.seen[i], "step %d", i)
	}
}

func TestACallOfABatchReceiverIsDescribedWithTheRowsThatItGets(t *testing.T) {
	t.Parallel()
	w, o := observedWorld(t)
	rows := w.rows("1 -2 3")
	require.NoError(t, w.Call(w.list("A"), w.frame(t.Context()), rows))
	require.Len(t, o.seen, 2)
	assert.Equal(t, 2, o.seen[1].Events)
	assert.Equal(t, w.rows("1 3"), o.seen[1].Rows)
}

func TestAStepOfADurableReceiverIsNamedAfterWhatItDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		keeps bool
		want  string
	}{
		{"the store that keeps its event acts in the send", true, "send"},
		{"its delivery is durable", false, dispatch.DurablePhase},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w, o := observedWorld(t)
			e := w.receiver("a")
			e.Keeps, e.Info.Phase = c.keeps, dispatch.DurablePhase
			require.NoError(t, w.Call([]*dispatch.Entry{e}, w.frame(t.Context()), w.rows("1")))
			require.Len(t, o.seen, 2)
			for _, step := range o.seen {
				assert.Equal(t, c.want, step.Phase)
			}
		})
	}
}

func TestAStepNamesTheTableOfTheStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := w.rows("1")
	assert.Equal(t, "items", w.frame(t.Context()).Observation(dispatch.Sending, dispatch.InSend, rows).Table, "without one that of the model")
	other := w.frameOn(t.Context(), w.db.Table("archive"))
	assert.Equal(t, "archive", other.Observation(dispatch.Sending, dispatch.InSend, rows).Table)
	db := w.db.Table("archive")
	kept := w.frameOn(t.Context(), db)
	kept.Detach(db.Statement, &dispatch.Settings{})
	db.Statement.Table = "used_again"
	assert.Equal(t, "archive", kept.Observation(dispatch.Waiting, dispatch.AfterCommit, rows).Table, "also after GORM has used the statement again")
	db = w.db.Session(&gorm.Session{NewDB: true})
	bare := w.frameOn(t.Context(), db)
	bare.Detach(db.Statement, &dispatch.Settings{})
	db.Statement.Table = "used_again"
	assert.Equal(t, "items", bare.Observation(dispatch.Waiting, dispatch.AfterCommit, rows).Table)
}

func TestAFrameOfNoSendHasNoSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := &dispatch.Frame{}
	f.Open(t.Context(), w.db, dispatch.PreDelete, nil)
	o := f.Observation(dispatch.Sending, dispatch.InSend, w.rows("1"))
	assert.Equal(t, [2]string{"pre_delete", ""}, [2]string{o.Signal, o.Sender})
}

func TestACallThatIsObservedByItself(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact string
		call func(context.Context) error
		want string
	}{
		{"ends without an error", func(context.Context) error { return nil }, "<send send>"},
		{"ends with an error", func(context.Context) error { return errors.New("no") }, "<send send>!no"},
		{"gets the observer's context", func(ctx context.Context) error { return fmt.Errorf("in %v", ctx.Value(place{})) }, "<send send>!in_send/"},
		{"panics, which is an error", func(context.Context) error { panic("boom") }, "<send send>!panic:_boom"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			o := newWitness()
			err := dispatch.Observe(t.Context(), o, dispatch.Observed{Step: dispatch.Sending}, errorTypes(), c.call)
			assert.Equal(t, c.want, o.String())
			_, text, failed := strings.Cut(c.want, "!")
			assert.Equal(t, failed, err != nil)
			if failed {
				assert.Equal(t, text, strings.ReplaceAll(err.Error(), " ", "_"), "the caller gets the same error")
			}
		})
	}
}
