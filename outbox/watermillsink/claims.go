package watermillsink

import (
	"context"
	"sync"
)

// claims lets one message of a row be published at a time, also after a Send that did not wait for its publisher: the message
// that is still on its way could otherwise overtake the next one of its row.
type claims struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // by subject; closed when the row is free again
}

// take waits until a row is free, and claims it until release is called.
func (c *claims) take(ctx context.Context, subject string) (release func(), err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		taken := c.try(subject)
		if taken == nil {
			return func() { c.free(subject) }, nil
		}
		select {
		case <-taken:
		case <-ctx.Done():
		}
	}
}

// try claims a row, or returns what is closed when it is free.
func (c *claims) try(subject string) (taken chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if taken, ok := c.busy[subject]; ok {
		return taken
	}
	c.busy[subject] = make(chan struct{})
	return nil
}

func (c *claims) free(subject string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.busy[subject])
	delete(c.busy, subject)
}
