package behaviour_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// silent is an observer that returns no context, and counts what begins and ends.
type silent struct{ began, ended atomic.Int32 }

func (s *silent) ObserveStart(context.Context, signals.Observed) context.Context {
	s.began.Add(1)
	return nil
}

func (s *silent) ObserveEnd(ctx context.Context, _ signals.Observed, _ error) {
	if ctx != nil {
		s.ended.Add(1)
	}
}

func TestAnObserverThatReturnsNoContextLeavesIt(t *testing.T) {
	t.Parallel()
	var alone, first, second silent
	for _, by := range []signals.Observer{&alone, signals.Observers(&first, &second)} {
		db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Observer: by}, &Product{})
		receive := func(ctx context.Context, _ signals.SaveEvent[*Product]) error { return ctx.Err() }
		signals.For[Product](db).PreSave.Connect(receive)
		signals.For[Product](db).PostSave.Connect(receive, signals.AfterCommit())
		require.NoError(t, db.Create(&Product{}).Error)
		viewed := signals.New[int]("viewed")
		viewed.Observe(by)
		viewed.Connect(func(ctx context.Context, _ int) error { return ctx.Err() })
		require.NoError(t, viewed.Send(t.Context(), 1))
	}
	for _, s := range []*silent{&alone, &first, &second} {
		assert.EqualValues(t, 7, s.began.Load(), "two sends of a row with a call each, what waits, and a send of one call")
		assert.EqualValues(t, 7, s.ended.Load())
	}
}
