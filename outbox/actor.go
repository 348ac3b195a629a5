package outbox

import (
	"context"
	"fmt"
	"maps"

	"github.com/gorm-signals/signals"
)

// actorHeader is the attribute with the text of the actor, who has caused the write.
const actorHeader = "actor"

// headers returns the attributes for the events of a write, as JSON.
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

// actorOf returns a context whose actor is the one of the attributes. Without one there, the context has no actor.
func actorOf(ctx context.Context, extensions map[string]string) context.Context {
	if actor := extensions[actorHeader]; actor != "" {
		return signals.WithActor(ctx, actor)
	}
	if signals.Actor(ctx) == nil {
		return ctx
	}
	return signals.WithActor(ctx, nil)
}
