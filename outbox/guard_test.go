package outbox_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// breaks returns ways of a function not to return, by name.
func breaks() map[string]func() {
	return map[string]func(){
		"panics":             func() { panic("broken") },
		"ends its goroutine": runtime.Goexit,
	}
}

// wrapped is an error whose methods panic for a nil pointer, which is an error that is not nil.
type wrapped struct{ cause error }

func (e *wrapped) Error() string { return e.cause.Error() }
func (e *wrapped) Unwrap() error { return e.cause }

// parks writes a product for a receiver and an engine that both refuse it with an error, and waits until both events are parked. Then it checks that
// another product is handled.
func parks(t *testing.T, cfg outbox.Config, refusal error, opts ...outbox.DurableOption) {
	t.Helper()
	db := open(t, &Product{})
	cfg.MaxTries, cfg.Poll = 1, 2*time.Millisecond
	ob := installLazy(t, db, cfg)
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.Name == "poison" {
			return refusal
		}
		h.add("%s", e.Instance.Name)
		return nil
	}, outbox.Durable(ob, "search", opts...))
	outbox.Publish[Product](ob, outbox.Payload(func(p *Product) any { return p.Name }))
	sink := &memory{refuse: func(m outbox.Message) error {
		if string(m.Data) == `"poison"` {
			return refusal
		}
		return nil
	}}
	running(t, ob.Run)
	running(t, ob.Relay(sink).Run)
	require.NoError(t, db.Create(&Product{Name: "poison"}).Error)
	soon(t, func() bool {
		dead, err := ob.Dead(t.Context())
		return err == nil && len(dead) == 2
	}, "the receiver and the engine have refused it")
	require.NoError(t, db.Create(&Product{Name: "fine"}).Error)
	soon(t, func() bool { return len(h.lines()) == 1 && len(sink.messages()) == 1 }, "the worker and the relay go on")
}

func TestABackoffThatDoesNotReturnHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, breaking := range breaks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := &errs{}
			parks(t, outbox.Config{ErrorHandler: told.handle, Backoff: func(int) time.Duration {
				breaking()
				return 0
			}}, errors.New("refused"))
			assert.Contains(t, strings.Join(told.texts(), "\n"), "the default of Backoff: Backoff")
		})
	}
}

func TestAnErrorHandlerThatDoesNotReturnHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, breaking := range breaks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parks(t, outbox.Config{ErrorHandler: func(context.Context, error) { breaking() }}, errors.New("refused"))
		})
	}
}

func TestANilPointerAsAnErrorIsAFailedTry(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]outbox.DurableOption{"in no transaction": nil, "in a transaction": {outbox.InTx()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := &errs{}
			parks(t, outbox.Config{ErrorHandler: told.handle}, (*wrapped)(nil), opts...)
			assert.Contains(t, strings.Join(told.texts(), "\n"), "nil pointer")
		})
	}
}

// TestAFunctionThatMakesAnEventAndPanicsFailsItsWrite is about functions that run with the write: none of them ends the process.
func TestAFunctionThatMakesAnEventAndPanicsFailsItsWrite(t *testing.T) {
	t.Parallel()
	type placed struct{ ID int }
	broken := func() { panic("broken") }
	create := func(db *gorm.DB) error { return db.Create(&Product{Name: "a"}).Error }
	for name, write := range map[string]func(db *gorm.DB, ob *outbox.Outbox) error{
		"Payload": func(db *gorm.DB, ob *outbox.Outbox) error {
			outbox.Publish[Product](ob, outbox.Payload(func(*Product) any { broken(); return nil }))
			return create(db)
		},
		"Headers": func(db *gorm.DB, ob *outbox.Outbox) error {
			outbox.Publish[Product](ob)
			ob.Headers = func(context.Context) map[string]string { broken(); return nil }
			return create(db)
		},
		"Publication": func(db *gorm.DB, ob *outbox.Outbox) error {
			s := signals.New[placed]("placed")
			outbox.PublishSignal(ob, s, outbox.Publication[placed]{Subject: func(placed) string { broken(); return "" }})
			return db.Transaction(func(tx *gorm.DB) error { return s.SendIn(tx, placed{1}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			ob := install(t, db, outbox.Config{})
			require.ErrorContains(t, write(db, ob), "broken")
			assert.Empty(t, entries(t, db))
		})
	}
}
