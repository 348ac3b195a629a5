package sinktest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
)

// Engine is an engine under test: a sink, and how to receive its messages. Sink and Receive are required. [Run] skips the cases that need Dedup,
// Ordered, MaxPayload, or Stop and Start, if these are not set.
type Engine struct {
	Sink outbox.Sink

	// Receive returns a channel with the messages that the engine delivers, in that order, until ctx ends. It begins with the first message that was
	// ever sent. A case may call Receive several times, one call after the other: each returns all messages again, or those that no earlier call
	// returned.
	Receive func(ctx context.Context) (<-chan outbox.Message, error)

	Dedup   bool // the engine drops a message that is sent again
	Ordered bool // messages of one Subject arrive in the order in which they were sent

	// MaxPayload is a size of Data in bytes: the engine refuses a larger message, and takes one of half this size. 0 means that no limit is known.
	MaxPayload int

	// Stop makes the engine unreachable, as a crash or a cut network does. Start brings it back with all messages that it had stored; Sink and
	// Receive stay the same. nil means that the test cannot stop the engine.
	Stop, Start func() error

	// Patience is how long a case waits for the next message that must come; 0 means 30 seconds.
	Patience time.Duration
}

func (e Engine) patience() time.Duration {
	if e.Patience > 0 {
		return e.Patience
	}
	return 30 * time.Second
}

// promise is one case of the suite.
type promise struct {
	name  string
	why   string
	needs func(e Engine) string // returns what the engine lacks for the case, or ""; nil if every engine can run it
	check func(ctx context.Context, e Engine) error
}

// Run runs each case as a subtest, one after the other. open opens an engine for each case, whose sink has not sent anything yet.
func Run(t *testing.T, open func(t *testing.T) Engine) {
	t.Helper()
	all := promises()
	var skipped []string
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			e := open(t)
			if lack := p.lack(e); lack != "" {
				skipped = append(skipped, p.name)
				t.Skip("the engine " + lack)
			}
			if err := p.check(t.Context(), e); err != nil {
				t.Errorf("%v\nWhy it matters: %s", err, p.why)
			}
		})
	}
	line := fmt.Sprintf("conformance: %d cases, %d skipped", len(all)-len(skipped), len(skipped))
	if len(skipped) > 0 {
		line += ": " + strings.Join(skipped, ", ")
	}
	t.Log(line)
}

// lack returns why a case cannot run on an engine, or "".
func (p promise) lack(e Engine) string {
	if p.needs == nil {
		return ""
	}
	return p.needs(e)
}

func needsDedup(e Engine) string {
	if !e.Dedup {
		return "does not suppress duplicates"
	}
	return ""
}

func needsOrder(e Engine) string {
	if !e.Ordered {
		return "does not keep the order of a row"
	}
	return ""
}

func needsLimit(e Engine) string {
	if e.MaxPayload == 0 {
		return "has no known limit of size"
	}
	return ""
}

func needsStop(e Engine) string {
	if e.Stop == nil || e.Start == nil {
		return "cannot be stopped by the test"
	}
	return ""
}

// promises returns all cases.
func promises() []promise {
	return append(append(contentPromises(), orderPromises()...), failurePromises()...)
}
