package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

func TestWhatHeadersToldOfIsInTheContextOfEveryTry(t *testing.T) {
	t.Parallel()
	db := openAt(t, file(t), &gorm.Config{}, signals.Plugin{}, &Product{})
	told := &errs{}
	ob := install(t, db, outbox.Config{
		Poll: time.Millisecond, Backoff: func(int) time.Duration { return time.Millisecond }, ErrorHandler: told.handle,
		Headers: func(ctx context.Context) map[string]string {
			trace, _ := ctx.Value(traceKey{}).(string)
			return map[string]string{"traceparent": trace}
		},
		Context: func(ctx context.Context, headers map[string]string) context.Context {
			return context.WithValue(ctx, traceKey{}, "after "+headers["traceparent"])
		},
	})
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		h.add("%v", ctx.Value(traceKey{}))
		if len(h.lines()) == 1 {
			return errBoom
		}
		return nil
	}, outbox.Durable(ob, "search"))
	require.NoError(t, db.WithContext(context.WithValue(t.Context(), traceKey{}, "write")).Create(&Product{Name: "a"}).Error)
	running(t, ob.Run)
	soon(t, func() bool { return len(h.lines()) == 2 }, "it is tried again")
	assert.Equal(t, []string{"after write", "after write"}, h.lines())
}
