package sinktest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/sinktest"
)

func TestARightEngineKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(*testing.T) sinktest.Engine { return new(memory).engine() })
}

func TestCasesOfAMissingAbilityAreSkippedAndNamed(t *testing.T) {
	t.Parallel()
	poor := new(memory).engine()
	poor.Dedup, poor.Ordered, poor.MaxPayload, poor.Stop = false, false, 0, nil
	lacks := map[string]int{}
	for _, name := range sinktest.Names() {
		full := new(memory).engine()
		poor.Receive, poor.Sink = full.Receive, full.Sink
		lack, err := sinktest.Check(t.Context(), name, poor)
		require.NoError(t, err, name)
		lacks[lack]++
	}
	assert.Equal(t, map[string]int{
		"": len(sinktest.Names()) - 5, "does not suppress duplicates": 1, "does not keep the order of a row": 1,
		"has no known limit of size": 1, "cannot be stopped by the test": 2,
	}, lacks)
}

// fault is a faulty engine, with the errors that the suite must report.
type fault struct {
	name  string
	wrong func(m *memory, e *sinktest.Engine)
	says  map[string]string // part of the error, by case
}

const (
	caseWhole   = "every attribute, extension and byte of data arrives"
	caseAlone   = "messages are left as they were"
	caseEmpty   = "an empty call is answered without errors"
	caseMany    = "1,000 messages of one call all arrive"
	caseTwice   = "a message that is sent twice arrives, and every copy is the same"
	caseOnce    = "a message that is sent twice arrives once"
	caseOrder   = "messages of one row arrive in the order of the calls of Send"
	caseCalls   = "calls of 8 goroutines do not harm each other"
	caseLarge   = "a message that is too large is refused for good and harms no other of the call"
	caseCancel  = "a cancelled context ends Send at once, and nothing is parked or taken for stored"
	caseAway    = "an engine that is away is Unavailable, and is used again when it is back"
	caseSurvive = "what Send has answered for survives that the engine goes away"
)

// rewrite is an engine that changes each message.
func rewrite(change func(m *outbox.Message)) func(m *memory, e *sinktest.Engine) {
	return func(m *memory, e *sinktest.Engine) {
		e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
			own := append([]outbox.Message(nil), messages...)
			for i := range own {
				change(&own[i])
			}
			return m.send(ctx, own)
		})
	}
}

// answer is an engine that changes the errors of Send.
func answer(change func(err error) error) func(m *memory, e *sinktest.Engine) {
	return func(m *memory, e *sinktest.Engine) {
		e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
			errs := m.send(ctx, messages)
			for i := range errs {
				errs[i] = change(errs[i])
			}
			return errs
		})
	}
}

func contentFaults() []fault {
	return []fault{
		{
			"loses headers", rewrite(func(m *outbox.Message) { m.Extensions = nil }),
			map[string]string{caseWhole: "another set of extensions", caseTwice: "another set of extensions"},
		},
		{"loses the sequence", rewrite(func(m *outbox.Message) { m.Sequence = 0 }), map[string]string{caseWhole: "another sequence"}},
		{"loses the content type", rewrite(func(m *outbox.Message) { m.ContentType = "" }), map[string]string{caseWhole: "another content type"}},
		{
			"cuts the time", rewrite(func(m *outbox.Message) { m.Time = m.Time.Truncate(time.Millisecond) }),
			map[string]string{caseWhole: "another time"},
		},
		{"ends data at a zero byte", rewrite(func(m *outbox.Message) {
			for i, b := range m.Data {
				if b == 0 {
					m.Data = m.Data[:i]
					return
				}
			}
		}), map[string]string{caseWhole: "another data: 0 bytes"}},
		{
			"makes ids of its own", rewrite(func(m *outbox.Message) { m.ID += "-1" }),
			map[string]string{caseWhole: "a message came that was not sent"},
		},
		{"writes into messages", func(m *memory, e *sinktest.Engine) {
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
				errs := m.send(ctx, messages)
				for i := range messages {
					messages[i].Subject = ""
				}
				return errs
			})
		}, map[string]string{caseAlone: "another subject"}},
		{"fails without messages", func(m *memory, e *sinktest.Engine) {
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
				if len(messages) == 0 {
					return []error{errors.New("nothing to send")}
				}
				return m.send(ctx, messages)
			})
		}, map[string]string{caseEmpty: "nothing to send"}},
		{"answers once for all", func(m *memory, e *sinktest.Engine) {
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error { return m.send(ctx, messages)[:1] })
		}, map[string]string{caseWhole: "answered with 1 errors"}},
		{"takes 500 messages of a call", func(m *memory, e *sinktest.Engine) {
			e.Patience = 200 * time.Millisecond
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
				m.send(ctx, messages[:min(500, len(messages))])
				return nil
			})
		}, map[string]string{caseMany: "500 of 1000 messages did not arrive"}},
		{"stores copies", func(m *memory, e *sinktest.Engine) {
			e.Sink = sinkFunc(func(_ context.Context, messages []outbox.Message) []error { m.store(messages...); return nil })
		}, map[string]string{caseOnce: "came more than once"}},
		{"loses copies and originals", func(m *memory, e *sinktest.Engine) {
			e.Patience = 200 * time.Millisecond
			var calls atomic.Int64
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
				if calls.Add(1) == 2 {
					m.wiped()
					return nil
				}
				return m.send(ctx, messages)
			})
		}, map[string]string{caseTwice: "did not arrive"}},
	}
}

func behaviourFaults() []fault {
	return []fault{
		{"delivers backwards", func(m *memory, e *sinktest.Engine) {
			e.Sink = sinkFunc(func(_ context.Context, messages []outbox.Message) []error {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.stored = append(append([]outbox.Message(nil), messages...), m.stored...)
				return nil
			})
		}, map[string]string{caseOrder: "was sent before it", caseCalls: "was sent before it"}},
		{"loses a call of several", func(m *memory, e *sinktest.Engine) {
			e.Patience = 200 * time.Millisecond
			var calls atomic.Int64
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
				if calls.Add(1) == 50 {
					return nil
				}
				return m.send(ctx, messages)
			})
		}, map[string]string{caseCalls: "did not arrive"}},
		{"calls everything that fails temporary", answer(func(err error) error {
			if err == nil {
				return nil
			}
			return errors.New(err.Error())
		}), map[string]string{caseLarge: "must be Permanent", caseAway: "must be Unavailable"}},
		{
			"calls everything that fails permanent", answer(outbox.Permanent),
			map[string]string{caseCancel: "must not be Permanent", caseAway: "not Permanent"},
		},
		{"takes large messages", func(m *memory, e *sinktest.Engine) {
			e.Sink = sinkFunc(func(_ context.Context, messages []outbox.Message) []error { m.store(messages...); return nil })
		}, map[string]string{caseLarge: "was taken"}},
		{"refuses all of a call for one", func(m *memory, e *sinktest.Engine) {
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
				errs := m.send(ctx, messages)
				if err := errors.Join(errs...); err != nil {
					for i := range errs {
						errs[i] = err
					}
				}
				return errs
			})
		}, map[string]string{caseLarge: "refused beside one that is"}},
		{"says stored when cancelled", func(m *memory, e *sinktest.Engine) {
			e.Patience = 200 * time.Millisecond
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error { m.send(ctx, messages); return nil })
		}, map[string]string{caseCancel: "100 of 200 messages did not arrive"}},
		{"waits when cancelled", func(m *memory, e *sinktest.Engine) {
			e.Sink = sinkFunc(func(ctx context.Context, messages []outbox.Message) []error {
				<-time.After(6 * time.Second)
				return m.send(ctx, messages)
			})
		}, map[string]string{caseCancel: "Send with a cancelled context took"}},
		{"stays away", func(_ *memory, e *sinktest.Engine) {
			e.Patience, e.Start = 200*time.Millisecond, func() error { return nil }
		}, map[string]string{caseAway: "it took no message"}},
		{"cannot go away", func(_ *memory, e *sinktest.Engine) {
			e.Patience, e.Stop = 200*time.Millisecond, func() error { return nil }
		}, map[string]string{caseSurvive: "still took messages"}},
		{"forgets when it goes away", func(m *memory, e *sinktest.Engine) {
			e.Patience = 200 * time.Millisecond
			e.Start = func() error { m.wiped(); return m.setAway(false)() }
		}, map[string]string{caseSurvive: "did not arrive", caseAway: "did not arrive"}},
		{"cannot be heard", func(_ *memory, e *sinktest.Engine) {
			e.Receive = func(context.Context) (<-chan outbox.Message, error) { return nil, errors.New("no ears") }
		}, map[string]string{caseMany: "cannot receive: no ears", caseSurvive: "no ears"}},
	}
}

func TestAWrongEngineIsCaught(t *testing.T) {
	t.Parallel()
	caught := map[string]bool{}
	for _, f := range append(contentFaults(), behaviourFaults()...) {
		for name := range f.says {
			caught[name] = true
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for name, said := range f.says {
				m := &memory{}
				e := m.engine()
				f.wrong(m, &e)
				lack, err := sinktest.Check(t.Context(), name, e)
				assert.Empty(t, lack)
				assert.ErrorContains(t, err, said, name)
			}
		})
	}
	for _, name := range sinktest.Names() {
		assert.True(t, caught[name], "no wrong engine fails the case %q", name)
	}
}
