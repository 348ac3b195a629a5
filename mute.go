package signals

import (
	"context"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// Mute returns a context under which the receivers with these UIDs do not run, or no receiver at all when none is named:
//
//	db.WithContext(signals.Mute(ctx)).Save(&product)
//
// It holds for everything that is written or sent under the context, nested writes included, and for custom signals.
func Mute(ctx context.Context, uids ...string) context.Context { return dispatch.Mute(ctx, uids) }

// Raw returns a context that marks the events of writes under it as fixture loading, as Django's raw argument does:
// receivers ask with the event's Raw method and keep from querying or changing other rows.
func Raw(ctx context.Context) context.Context { return dispatch.Fixtures(ctx) }
