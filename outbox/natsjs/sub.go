package natsjs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path"
	"sync/atomic"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go"
	"gorm.io/gorm"
)

// Sub receives events from a stream. It is an outbox.Subscriber.
type Sub struct {
	nc     *nats.Conn
	stream string
	routes []route
	inbox  *outbox.Inbox // nil for none
	config
	running atomic.Bool
}

// route is a handler and the types that it is for.
type route struct {
	pattern string
	handle  outbox.Handler
}

// config is what options set.
type config struct {
	durable     string
	inboxDB     *gorm.DB
	inboxOpts   []outbox.InboxOption
	withInbox   bool
	filters     []string
	concurrency int
	inFlight    int
	maxTries    int
	ackWait     time.Duration
	grace       time.Duration
	backoff     func(tries int) time.Duration
	onDead      func(ctx context.Context, m outbox.Message, err error)
	log         *slog.Logger
}

// Option is an option of Subscriber.
type Option func(*config)

// Durable names the consumer. It is required. The server remembers under this name what was handled: a process that comes back goes
// on where it was, consumers of different names get every message independently, and a new one begins with the oldest message.
func Durable(name string) Option { return func(c *config) { c.durable = name } }

// Inbox handles every message in a transaction of a database, together with a note in an outbox.Inbox of the durable's name: what
// the handlers do there happens once. Sub.Migrate makes its table. Call outbox.Inbox.Forget now and then.
func Inbox(db *gorm.DB, opts ...outbox.InboxOption) Option {
	return func(c *config) { c.inboxDB, c.inboxOpts, c.withInbox = db, opts, true }
}

// Concurrency sets how many messages, of different rows, are handled at once; the default is 8.
func Concurrency(n int) Option { return func(c *config) { c.concurrency = n } }

// AckWait sets after what time the server delivers a message again whose consumer has died; the default is 5 seconds. Handlers may
// take longer, as the server is told that they are running. Right after a crash it is how long the rows may have to wait.
func AckWait(d time.Duration) Option { return func(c *config) { c.ackWait = d } }

// InFlight sets how many messages may be delivered and not done, over all processes of the durable; the default is 1000. Messages
// that wait behind a failing one of their row count, and when they are all, other rows wait as well.
func InFlight(n int) Option { return func(c *config) { c.inFlight = n } }

// MaxTries sets how often a message is tried before it is parked; the default is 10. A restart counts from the beginning.
func MaxTries(n int) Option { return func(c *config) { c.maxTries = n } }

// Backoff sets how long to wait after so many failed tries. The default is a tenth of a second, doubled with each try, 30 seconds at
// most, less up to a half by chance.
func Backoff(after func(tries int) time.Duration) Option {
	return func(c *config) { c.backoff = after }
}

// OnDead sets a function that is called with a message before it is parked, and with what its last try failed with. For a message
// that is no event, only Data and perhaps ID are set. It may be called again for a message, should the process die right then.
func OnDead(fn func(ctx context.Context, m outbox.Message, err error)) Option {
	return func(c *config) { c.onDead = fn }
}

// Filter sets the NATS subjects that the server delivers, instead of those that follow from the handlers' types. It is for streams
// whose subjects are not "<stream>.<type>". A server older than 2.10 takes one, and only when the durable is new.
func Filter(subjects ...string) Option { return func(c *config) { c.filters = subjects } }

// Grace sets how long Run waits for running handlers when its context ends, before it ends their contexts too; the default is 10
// seconds.
func Grace(d time.Duration) Option { return func(c *config) { c.grace = d } }

// Logger sets who is told of failed tries, parked messages and lost connections; the default is [slog.Default].
func Logger(log *slog.Logger) Option { return func(c *config) { c.log = log } }

// Subscriber returns a subscriber to a stream. It panics when there is no Durable or an option makes no sense.
func Subscriber(nc *nats.Conn, stream string, opts ...Option) *Sub {
	if err := checkStream(nc, stream); err != nil {
		panic(err.Error())
	}
	s := &Sub{nc: nc, stream: stream, config: config{
		concurrency: 8,
		inFlight:    1000,
		maxTries:    10,
		ackWait:     5 * time.Second,
		grace:       10 * time.Second,
		backoff:     backoff,
		log:         slog.Default(),
	}}
	for _, opt := range opts {
		opt(&s.config)
	}
	s.check()
	if s.withInbox {
		s.inbox = outbox.NewInbox(s.inboxDB, s.durable, s.inboxOpts...)
	}
	return s
}

func (c *config) check() {
	switch {
	case !validName(c.durable):
		panic(fmt.Sprintf("natsjs: Subscriber needs natsjs.Durable with a name without blanks, dots, slashes, * and >, and has %q", c.durable))
	case c.concurrency < 1 || c.maxTries < 1 || c.inFlight < 1:
		panic(fmt.Sprintf("natsjs: Concurrency %d, MaxTries %d and InFlight %d must be 1 at least", c.concurrency, c.maxTries, c.inFlight))
	case c.ackWait < 100*time.Millisecond || c.grace < 0:
		panic(fmt.Sprintf("natsjs: AckWait %s must be a tenth of a second at least, and Grace %s not negative", c.ackWait, c.grace))
	case c.backoff == nil || c.log == nil:
		panic("natsjs: Backoff and Logger must not be nil: leave them out for the default")
	}
}

// Handle connects a handler to the types that a pattern of [path.Match] names; "" means all. It panics for a pattern that is none,
// a nil handler, and once Run was called. Handlers of one message run in the order of their connection, and when one of them fails
// all of them are called again.
func (s *Sub) Handle(pattern string, h outbox.Handler) {
	if _, err := path.Match(pattern, ""); err != nil {
		panic(fmt.Sprintf("natsjs: Handle: %q is no pattern of path.Match: %v", pattern, err))
	}
	if h == nil {
		panic("natsjs: Handle: the handler is nil")
	}
	if s.running.Load() {
		panic("natsjs: Handle must be called before Run")
	}
	s.routes = append(s.routes, route{pattern, h})
}

// Migrate makes the table of the Inbox, and does nothing without one.
func (s *Sub) Migrate(ctx context.Context) error {
	if s.inbox == nil {
		return nil
	}
	return s.inbox.Migrate(ctx)
}

// wanted returns the subjects that the server is to deliver; none means all.
func (s *Sub) wanted() []string {
	if len(s.filters) > 0 {
		return s.filters
	}
	patterns := make([]string, len(s.routes))
	for i, r := range s.routes {
		patterns[i] = r.pattern
	}
	return filtersOf(s.stream, patterns)
}

// call calls the handlers of a message.
func (s *Sub) call(ctx context.Context, m outbox.Message) error {
	var handlers []outbox.Handler
	for _, r := range s.routes {
		if matches(r.pattern, m.Type) {
			handlers = append(handlers, r.handle)
		}
	}
	all := func(ctx context.Context, m outbox.Message) error {
		for _, h := range handlers {
			if err := h(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
	if s.inbox == nil || len(handlers) == 0 {
		return all(ctx, m)
	}
	return s.inbox.Handle(ctx, m, all)
}

// backoff is the default of Backoff.
func backoff(tries int) time.Duration {
	d := min(100*time.Millisecond<<min(tries-1, 16), 30*time.Second)
	return d - rand.N(d/2) //nolint:gosec // no secret
}
