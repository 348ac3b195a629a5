package sinktest_test

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/sinktest"
)

const limit = 1 << 20

// memory is an engine that keeps messages in order, drops copies by their id, and can be stopped.
type memory struct {
	mu     sync.Mutex
	stored []outbox.Message
	away   bool
}

// engine returns the engine for the suite. Tests replace its fields to make faulty engines.
func (m *memory) engine() sinktest.Engine {
	return sinktest.Engine{
		Sink: sinkFunc(m.send), Receive: m.receive, Dedup: true, Ordered: true, MaxPayload: limit,
		Stop: m.setAway(true), Start: m.setAway(false),
	}
}

// sinkFunc is a Sink made of a function.
type sinkFunc func(ctx context.Context, messages []outbox.Message) []error

// Send calls the function.
func (f sinkFunc) Send(ctx context.Context, messages []outbox.Message) []error {
	return f(ctx, messages)
}

func (m *memory) setAway(away bool) func() error {
	return func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.away = away
		return nil
	}
}

func (m *memory) send(ctx context.Context, messages []outbox.Message) []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(messages))
	for i, one := range messages {
		switch {
		case ctx.Err() != nil:
			errs[i] = ctx.Err()
		case m.away:
			errs[i] = outbox.Unavailable(errors.New("the engine is away"))
		case len(one.Data) > limit:
			errs[i] = outbox.Permanent(errors.New("the message is too large"))
		case !slices.ContainsFunc(m.stored, func(old outbox.Message) bool { return old.ID == one.ID }):
			m.stored = append(m.stored, one)
		}
	}
	return errs
}

// store adds messages unchanged.
func (m *memory) store(messages ...outbox.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stored = append(m.stored, messages...)
}

// wiped forgets all stored messages.
func (m *memory) wiped() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stored = nil
}

// receive delivers the messages that are stored now.
func (m *memory) receive(ctx context.Context) (<-chan outbox.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := slices.Clone(m.stored)
	out := make(chan outbox.Message)
	go func() {
		for _, one := range stored {
			select {
			case out <- one:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}
