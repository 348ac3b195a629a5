package outbox

import (
	"context"
	"fmt"
	"maps"

	"github.com/gorm-signals/signals"
)

// actorHeader is the attribute that tells who has written.
const actorHeader = "actor"

// headers returns the attributes that travel with the events of a write.
func (ob *Outbox) headers(ctx context.Context) (string, error) {
	var given map[string]string
	if ob.Headers != nil {
		given = ob.Headers(ctx)
	}
	actor, err := signals.ActorText(ctx)
	if err != nil {
		return "", fmt.Errorf("outbox: %w", err)
	}
	if _, named := given[actorHeader]; !named && actor != "" {
		given = maps.Clone(given)
		if given == nil {
			given = map[string]string{}
		}
		given[actorHeader] = actor
	}
	return encodeHeaders(given)
}

// actorOf returns a context whose actor is the one that attributes name, or nobody.
func actorOf(ctx context.Context, extensions map[string]string) context.Context {
	if actor := extensions[actorHeader]; actor != "" {
		return signals.WithActor(ctx, actor)
	}
	if signals.Actor(ctx) == nil {
		return ctx
	}
	return signals.WithActor(ctx, nil)
}
