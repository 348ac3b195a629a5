package sinktest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
)

// Engine is an engine under test: a sink, and what is at the other end of it. Without Dedup, Ordered, MaxPayload, Stop and Start,
// it is one that keeps messages and no more.
type Engine struct {
	Sink outbox.Sink

	// Receive gives what the engine delivers, in that order and from the first message on that was ever sent to it, until ctx ends.
	// A case may call it more than once, one call after the other; each gives everything again, or what no call gave before.
	Receive func(ctx context.Context) (<-chan outbox.Message, error)

	Dedup   bool // a message that is sent again arrives once
	Ordered bool // messages of one Subject arrive in the order in which they were sent

	// MaxPayload is a size in bytes of Data: the engine refuses a message that is larger, and takes one of half that size. 0 means
	// that no limit is known.
	MaxPayload int

	// Stop takes the engine away as a crash or a cut network does, and Start brings it back with all that it had stored. Sink and
	// Receive stay the same. nil means that the test cannot do so.
	Stop, Start func() error

	// Patience is how long to wait for the next of what must come; 0 means 30 seconds.
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
	needs func(e Engine) string // what the engine lacks, "" for nothing; nil when every engine has what it takes
	check func(ctx context.Context, e Engine) error
}

// Run runs every case in a test of its own, one after the other. open opens an engine for each of them, with a sink to which
// nothing was sent yet.
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

// lack says why a case cannot run on an engine, "" when it can.
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
