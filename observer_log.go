package signals

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gorm-signals/signals/internal/fault"
)

// LogObserver returns an observer that logs every step when it ends: a failed step as an error, any other step and a rollback for debugging. The
// attributes are step, signal, sender, receiver, phase, events (their number), took, error, and actor if the context names one.
func LogObserver(logger *slog.Logger) Observer { return logObserver{logger} }

type logObserver struct{ logger *slog.Logger }

type startedKey struct{}

// ObserveStart notes the time.
func (l logObserver) ObserveStart(ctx context.Context, _ Observed) context.Context {
	return context.WithValue(ctx, startedKey{}, time.Now())
}

// ObserveEnd logs.
func (l logObserver) ObserveEnd(ctx context.Context, o Observed, err error) {
	level := slog.LevelDebug
	if err != nil && !errors.Is(err, fault.ErrRolledBack) {
		level = slog.LevelError
	}
	if !l.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("step", o.Step.String()), slog.String("signal", o.Signal), slog.String("phase", o.Phase), slog.Int("events", o.Events)}
	if o.Sender != "" {
		attrs = append(attrs, slog.String("sender", o.Sender))
	}
	if o.Receiver != nil {
		attrs = append(attrs, slog.String("receiver", receiverName(o.Receiver)))
	}
	if actor := actorShown(ctx); actor != "" {
		attrs = append(attrs, slog.String("actor", actor))
	}
	if started, ok := ctx.Value(startedKey{}).(time.Time); ok {
		attrs = append(attrs, slog.Duration("took", time.Since(started)))
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	l.logger.LogAttrs(ctx, level, "signal", attrs...)
}

// actorShown returns the text of the actor, or its type if it has no text.
func actorShown(ctx context.Context) string {
	text, err := ActorText(ctx)
	if err != nil {
		return fmt.Sprintf("%T", Actor(ctx))
	}
	return text
}

// receiverName returns the name of a receiver in the log.
func receiverName(r *ReceiverInfo) string { return cmp.Or(r.UID, r.Location) }
