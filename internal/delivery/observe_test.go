package delivery_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

// witness is an observer that notes how long sends wait.
type witness struct {
	steps []string
	seen  []dispatch.Observed
}

// Start notes that a send waits.
func (o *witness) Start(ctx context.Context, of dispatch.Observed) context.Context {
	if of.Step != dispatch.Waiting {
		return ctx
	}
	o.steps, o.seen = append(o.steps, "<"+of.Phase), append(o.seen, of)
	return context.WithValue(ctx, key{}, of.Phase)
}

// End notes that a send waits no more.
func (o *witness) End(ctx context.Context, of dispatch.Observed, err error) {
	if of.Step != dispatch.Waiting {
		return
	}
	phase, _ := ctx.Value(key{}).(string)
	text := phase + ">"
	switch {
	case errors.Is(err, fault.ErrRolledBack):
		text += "rolled_back"
	case errors.Is(err, fault.ErrOutcomeUnknown):
		text += "unknown"
	case err != nil:
		text += "!" + err.Error()
	}
	o.steps = append(o.steps, text)
}

func TestAnObserverSeesHowASendWaits(t *testing.T) {
	t.Parallel()
	commit := func(_ *testing.T, w *world, script string) { _ = w.play(script).Commit() }
	rollback := func(_ *testing.T, w *world, script string) { _ = w.play(script).Rollback() }
	for _, c := range []struct {
		fact, receivers, script string
		end                     func(t *testing.T, w *world, script string)
		want                    string
	}{
		{"until the commit", "a@after", "+1x", commit, "<after_commit after_commit>"},
		{"in the phase of its first receiver", "b@before a@after", "+1x", commit, "<before_commit before_commit>"},
		{"until the rollback", "a@after", "+1x|+2y", rollback, "<after_commit <after_commit after_commit>rolled_back after_commit>rolled_back"},
		{"until an end that nobody knows", "a@after", "+1x|ROLLBACK TO somewhere", commit, "<after_commit after_commit>unknown"},
		{"not at all if nobody does", "a@send", "+1x", commit, ""},
		{"until the end of a statement outside any transaction", "a@after", "+1x", func(t *testing.T, w *world, script string) {
			t.Helper()
			require.NoError(t, w.write(w.db, script))
		}, "<after_commit after_commit>"},
		{"until such a statement fails", "b@before", "+1x", func(t *testing.T, w *world, script string) {
			t.Helper()
			w.does["b"] = func(*dispatch.Frame) error { return errors.New("no") }
			require.Error(t, w.write(w.db, script))
		}, "<before_commit before_commit>rolled_back"},
		{"not for a transaction that has ended", "a@after", "+1x", func(t *testing.T, w *world, script string) {
			t.Helper()
			tx := w.db.Begin()
			require.NoError(t, tx.Commit().Error)
			require.Error(t, w.write(tx, script))
		}, "<after_commit after_commit>!"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			o := &witness{}
			w := newWorld(t, func(of *dispatch.Config) { of.Observer = o })
			w.connect(c.receivers)
			c.end(t, w, c.script)
			got := strings.Join(o.steps, " ")
			if prefix, open := strings.CutSuffix(c.want, "!"); open {
				assert.Contains(t, got, prefix+"!")
				return
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAStepOfWaitingIsDescribed(t *testing.T) {
	t.Parallel()
	o := &witness{}
	w := newWorld(t, func(of *dispatch.Config) { of.Observer = o })
	w.connect("a@after")
	require.NoError(t, w.play("+1x,+2y").Rollback().Error)
	require.Len(t, o.seen, 1)
	got := o.seen[0]
	assert.Equal(t, []any{"post_save", "item", "items", 2}, []any{got.Signal, got.Sender, got.Table, got.Events})
}

func TestRowsThatAreNotWrittenDoNotWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after")
	k, facts, rows := w.rows("+1x,+2y,+3z")
	rows[1].Silent = true
	tx := w.db.Begin()
	f := &dispatch.Frame{}
	f.Open(t.Context(), tx, k, w.PlanFor(w.db.Statement.Schema))
	var some, none delivery.Deferred
	some.Take(k, f, tx.Statement, facts, rows)
	none.Take(k, f, tx.Statement, facts, rows[1:2])
	for _, d := range []*delivery.Deferred{&some, &none} {
		alone, err := d.Queue(tx.Statement.ConnPool)
		require.NoError(t, err)
		assert.False(t, alone)
	}
	require.NoError(t, tx.Commit().Error)
	assert.Equal(t, "a:+1x a:+3z", w.heard())
}
