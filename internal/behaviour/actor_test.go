package behaviour_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// clerk is somebody with a text.
type clerk struct{ name string }

func (c *clerk) String() string { return "clerk " + c.name }

func TestReceiversOfEveryPhaseKnowWhoWrites(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{}, &Product{})
	tr, orders := &trace{}, signals.For[Order](db)
	hear := func(when string, opts ...signals.ConnectOption) {
		orders.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Order]) error {
			tr.add("%s %v %v", when, signals.Actor(ctx), signals.Actor(e.DB().Statement.Context))
			return nil
		}, opts...)
	}
	hear("at once")
	hear("before the commit", signals.BeforeCommit())
	hear("after the commit", signals.AfterCommit())
	hear("after the rollback", signals.AfterRollback())
	orders.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error { return e.DB().Create(&Product{}).Error }, signals.Last())
	signals.For[Product](db).PreSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		tr.add("nested %v", signals.Actor(ctx))
		return nil
	})
	ctx := signals.WithActor(t.Context(), &clerk{"ann"})
	require.NoError(t, db.WithContext(ctx).Create(&Order{}).Error)
	assert.Equal(t, []string{
		"at once clerk ann clerk ann", "nested clerk ann", "before the commit clerk ann clerk ann", "after the commit clerk ann clerk ann",
	}, tr.take())
	require.ErrorIs(t, db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Order{}).Error)
		tr.take()
		return errBoom
	}), errBoom)
	assert.Equal(t, []string{"after the rollback clerk ann clerk ann"}, tr.take())
	require.NoError(t, db.WithContext(signals.WithActor(ctx, nil)).Create(&Order{}).Error)
	assert.Equal(t, "at once <nil> <nil>", tr.take()[0], "nobody again")
	viewed := signals.New[view]("viewed")
	viewed.Connect(func(ctx context.Context, _ view) error { tr.add("viewed by %v", signals.Actor(ctx)); return nil })
	require.NoError(t, viewed.Send(ctx, view{}))
	assert.Equal(t, []string{"viewed by clerk ann"}, tr.take())
}

func TestAnActorHasATextIfItsTypeHas(t *testing.T) {
	t.Parallel()
	type number uint8
	for name, c := range map[string]struct {
		actor any
		want  string
		fails string
	}{
		"nobody":         {nil, "", ""},
		"a nil pointer":  {(*clerk)(nil), "", ""},
		"a text":         {"ann", "ann", ""},
		"a type of text": {Status("ann"), "ann", ""},
		"a number":       {-7, "-7", ""},
		"a small number": {number(7), "7", ""},
		"a String":       {&clerk{"ann"}, "clerk ann", ""},
		"a MarshalText":  {netip.MustParseAddr("::1"), "::1", ""},
		"a struct":       {struct{ Name string }{"ann"}, "", "give the type a String method"},
		"a model":        {&Product{}, "", "*behaviour_test.Product, which has no text"},
		"a panic":        {panicking{}, "", "panic: boom"},
		"a failure":      {failing{}, "", "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := signals.ActorText(signals.WithActor(t.Context(), c.actor))
			assert.Equal(t, c.want, text)
			if c.fails != "" {
				assert.ErrorContains(t, err, c.fails)
			} else {
				assert.NoError(t, err)
			}
		})
	}
	assert.Nil(t, signals.Actor(t.Context()))
	assert.Nil(t, signals.Actor(nil))                                    //nolint:staticcheck // a nil context is spared a panic
	assert.Equal(t, "ann", signals.Actor(signals.WithActor(nil, "ann"))) //nolint:staticcheck // the same
	assert.Nil(t, signals.Actor(signals.WithActor(t.Context(), (*clerk)(nil))))
}

type panicking struct{}

func (panicking) String() string { panic(errBoom) }

type failing struct{}

func (failing) MarshalText() ([]byte, error) { return nil, errors.New("boom") }

// actors is an observer that notes who is named in the contexts that it gets.
type actors struct{ trace }

func (a *actors) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	a.add("%v begins: %v", o.Step, signals.Actor(ctx))
	return ctx
}

func (a *actors) ObserveEnd(ctx context.Context, o signals.Observed, _ error) {
	a.add("%v ends: %v", o.Step, signals.Actor(ctx))
}

func TestObserversKnowWhoWrites(t *testing.T) {
	t.Parallel()
	by := &actors{}
	var log bytes.Buffer
	logger := signals.LogObserver(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Observer: signals.Observers(by, logger)}, &Order{})
	hearing[Order](db, signals.AfterCommit())
	require.NoError(t, db.WithContext(signals.WithActor(t.Context(), "ann")).Create(&Order{}).Error)
	assert.Equal(t, []string{
		"waiting begins: ann", "waiting ends: ann", "sending begins: ann", "calling begins: ann", "calling ends: ann", "sending ends: ann",
	}, by.take())
	assert.Contains(t, log.String(), " actor=ann ")
	log.Reset()
	require.NoError(t, db.WithContext(signals.WithActor(t.Context(), struct{ Secret string }{"x"})).Create(&Order{}).Error)
	assert.Contains(t, log.String(), `actor="struct { Secret string }"`, "no value of what has no text")
	log.Reset()
	require.NoError(t, db.Create(&Order{}).Error)
	assert.NotContains(t, log.String(), "actor")
}
