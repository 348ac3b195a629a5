package signals

import (
	"context"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// Mute returns a context under which the receivers with these UIDs do not run. Without UIDs, no receiver runs.
//
//	db.WithContext(signals.Mute(ctx)).Save(&product)
//
// This applies to all writes and sends under the context, including nested writes and custom signals.
func Mute(ctx context.Context, uids ...string) context.Context { return dispatch.Mute(ctx, uids) }

// Raw returns a context that marks writes under it as fixture loading, as Django's raw argument does. Receivers ask the event's Raw method, and
// should then not read or change other rows.
func Raw(ctx context.Context) context.Context { return dispatch.Fixtures(ctx) }
