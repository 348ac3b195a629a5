package signals

import (
	"context"
	"encoding"
	"fmt"
	"reflect"
	"strconv"
)

type actorKey struct{}

// WithActor returns a context that names who writes and sends under it: a user, a job, another program.
//
//	db.WithContext(signals.WithActor(r.Context(), user)).Save(&product)
//
// Receivers of every phase, and observers, read it with [Actor]. The actor may be of any type; nil, and a nil pointer, mean nobody. Where the actor
// leaves the process, as in an outbox, it becomes the text of [ActorText]: give the type a String method.
func WithActor(ctx context.Context, actor any) context.Context {
	if v := reflect.ValueOf(actor); v.Kind() == reflect.Pointer && v.IsNil() {
		actor = nil
	}
	return context.WithValue(background(ctx), actorKey{}, who{actor})
}

// who holds an actor; nil means nobody.
type who struct{ actor any }

// Actor returns the actor that WithActor has put into ctx, or nil. Durable receivers, and handlers of messages from an outbox, get its text.
func Actor(ctx context.Context) any {
	if ctx == nil {
		return nil
	}
	w, _ := ctx.Value(actorKey{}).(who)
	return w.actor
}

// ActorText returns the actor of a context as text: the result of its String or MarshalText method, or its value if it is a string or an integer. It
// returns "" if ctx names nobody, and an error for an actor of any other type.
func ActorText(ctx context.Context) (text string, err error) {
	actor := Actor(ctx)
	defer func() {
		if v := recover(); v != nil {
			text, err = "", fmt.Errorf("signals: the text of the actor of type %T: panic: %v", actor, v)
		}
	}()
	switch a := actor.(type) {
	case nil:
		return "", nil
	case fmt.Stringer:
		return a.String(), nil
	case encoding.TextMarshaler:
		marshalled, err := a.MarshalText()
		if err != nil {
			return "", fmt.Errorf("signals: the text of the actor of type %T: %w", actor, err)
		}
		return string(marshalled), nil
	}
	switch v := reflect.ValueOf(actor); {
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), nil
	}
	return "", fmt.Errorf("signals: the actor is of type %T, which has no text: give the type a String method, or give WithActor a string or a number", actor)
}
