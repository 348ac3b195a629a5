package natsjs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gorm-signals/signals/outbox"
)

// dispatch queues a message in its row, and starts a worker if the row has none.
func (r *run) dispatch(handling context.Context, d *delivery) {
	if r.queue(d) {
		r.working.Go(func() { r.work(handling, d.row) })
	}
}

// work handles the messages of a row, one after the other, until there are none or Run ends.
func (r *run) work(ctx context.Context, row string) {
	for {
		d := r.head(row)
		if d == nil || !r.process(ctx, d) {
			return
		}
	}
}

// process tries a message until it is done or parked. It reports false if Run ends before.
func (r *run) process(ctx context.Context, d *delivery) bool {
	for try := 1; ; try++ {
		if !r.enter() {
			return false
		}
		err := r.try(ctx, d)
		<-r.slots
		switch {
		case err == nil:
			r.answer(ctx, "ack", r.settle(d).Ack)
			return true
		case ctx.Err() != nil: // its context was ended after Grace, which is no fault of the message
			return false
		case outbox.IsPermanent(err), try >= r.maxTries:
			r.park(ctx, d, err)
			return true
		}
		r.log.LogAttrs(ctx, slog.LevelWarn, "natsjs: an event failed and is tried again",
			r.about(d, slog.Int("try", try), slog.Any("error", err))...)
		if !rest(r.stop, r.pause(ctx, d, try)) {
			return false
		}
	}
}

// enter waits for a free slot. It reports false if no handler may start any more.
func (r *run) enter() bool {
	select {
	case <-r.stop:
		return false
	default:
	}
	select {
	case <-r.stop:
		return false
	case r.slots <- struct{}{}:
		return true
	}
}

// try calls the handlers of a message.
func (r *run) try(ctx context.Context, d *delivery) error {
	if d.bad != nil {
		return outbox.Permanent(d.bad)
	}
	return apart("a handler", func() error { return r.call(ctx, d.m) })
}

// pause returns how long a message waits after failed tries. If the function of Backoff does not return, it is the default.
func (r *run) pause(ctx context.Context, d *delivery, tries int) time.Duration {
	pause := backoff(tries)
	err := apart("Backoff", func() error {
		pause = r.backoff(tries)
		return nil
	})
	if err != nil {
		r.log.LogAttrs(ctx, slog.LevelError, "natsjs: an event waits for the default of Backoff", r.about(d, slog.Any("error", err))...)
	}
	return pause
}

// apart calls f, which runs code of the program, on a goroutine of its own and waits. A panic of f or of a method of its error, and a call of
// [runtime.Goexit], become errors.
func apart(what string, f func() error) error {
	result := make(chan error, 1)
	go func() {
		err := errors.New("natsjs: " + what + " has ended its goroutine with runtime.Goexit, as FailNow of a test does: return an error instead")
		defer func() { result <- err }()
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("natsjs: %s panicked: %v\n%s", what, v, debug.Stack())
			}
		}()
		if err = f(); err != nil {
			_, _ = err.Error(), outbox.IsPermanent(err) // the methods of a nil pointer panic here, and not later
		}
	}()
	return <-result
}

// park calls OnDead and tells the server not to deliver a message again.
func (r *run) park(ctx context.Context, d *delivery, cause error) {
	r.log.LogAttrs(ctx, slog.LevelError, "natsjs: an event is parked and will not be delivered again", r.about(d, slog.Any("error", cause))...)
	if err := r.bury(ctx, d.m, cause); err != nil {
		r.log.LogAttrs(ctx, slog.LevelError, "natsjs: OnDead failed", r.about(d, slog.Any("error", err))...)
	}
	msg := r.settle(d)
	r.answer(ctx, "term", func() error {
		if !atLeast(r.nc, 2, 10, 4) {
			return msg.Term() // older servers do not understand a reason, and would deliver the message again
		}
		return msg.TermWithReason(reason(cause))
	})
}

func (r *run) bury(ctx context.Context, m outbox.Message, cause error) error {
	if r.onDead == nil {
		return nil
	}
	return apart("OnDead", func() error {
		r.onDead(ctx, m, cause)
		return nil
	})
}

// reason returns the first line of an error, short enough for an advisory of the server.
func reason(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.ToValidUTF8(line[:min(len(line), 200)], "") // without a character that the limit cuts
}

// answer acknowledges or ends a message on the server. If that is lost, the message comes again, and receive answers it.
func (r *run) answer(ctx context.Context, what string, send func() error) {
	if err := send(); err != nil {
		r.log.LogAttrs(ctx, slog.LevelDebug, "natsjs: an answer to the server was lost",
			r.attrs(slog.String("answer", what), slog.Any("error", err))...)
	}
}

// about adds the event to attributes of a log entry.
func (r *run) about(d *delivery, more ...slog.Attr) []slog.Attr {
	return r.attrs(append([]slog.Attr{
		slog.String("id", d.m.ID), slog.String("type", d.m.Type), slog.String("subject", d.m.Subject),
		slog.Uint64("stream_sequence", d.at.sequence),
	}, more...)...)
}
