package watermillsink

import (
	"context"
	"sync"
)

// claims allows one message of each row at a time in Publish, also after a Send that has not waited for it. Otherwise that message could arrive after
// the next one of its row.
type claims struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // by subject; closed when the row is free again
}

// take claims a row, and waits while another message has it. The claim ends with release.
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

// try claims a row. If it is taken, try returns a channel that is closed when the row is free.
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
