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

// Sub receives events from a stream. It is an [outbox.Subscriber]; [Subscriber] makes it.
type Sub struct {
	nc     *nats.Conn
	stream string
	routes []route
	inbox  *outbox.Inbox // nil for none
	config
	running atomic.Bool
}

// route is a handler with the pattern of its types.
type route struct {
	pattern string
	handle  outbox.Handler
}

// config holds the values that options set.
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

// Option is an option of [Subscriber].
type Option func(*config)

// Durable names the consumer, and is required. The server stores under this name which messages were handled, so a process that starts again goes on
// there. Consumers with different names each get every message. A new consumer begins with the oldest message of the stream.
func Durable(name string) Option { return func(c *config) { c.durable = name } }

// Inbox calls the handlers of a message in a transaction of db, together with the note of an [outbox.Inbox] named as the durable. So their writes
// there happen once. Handlers get the transaction from Event.DB or outbox.InboxTx. [Sub.Migrate] creates the table; call outbox.Inbox.Forget now and
// then.
func Inbox(db *gorm.DB, opts ...outbox.InboxOption) Option {
	return func(c *config) { c.inboxDB, c.inboxOpts, c.withInbox = db, opts, true }
}

// Concurrency sets how many messages, all of different rows, are handled at once; the default is 8.
func Concurrency(n int) Option { return func(c *config) { c.concurrency = n } }

// AckWait sets how long after a crash of a consumer the server delivers its open messages again; the default is 5 seconds, the least 100
// milliseconds. Handlers may take longer: Sub tells the server that they run. Right after a crash, rows may wait for this time.
func AckWait(d time.Duration) Option { return func(c *config) { c.ackWait = d } }

// InFlight sets how many messages may be delivered and not done, over all processes of the durable; the default is 1000. Messages that wait behind a
// failing one of their row count too. If they reach the limit, other rows wait as well.
func InFlight(n int) Option { return func(c *config) { c.inFlight = n } }

// MaxTries sets how often a message is tried before it is parked; the default is 10. After a restart the count begins anew.
func MaxTries(n int) Option { return func(c *config) { c.maxTries = n } }

// Backoff sets the function that returns how long to wait after the given number of failed tries, 1 or more. The default is 100 milliseconds, doubled
// with each try, 30 seconds at most, less a random part of up to one half.
func Backoff(after func(tries int) time.Duration) Option {
	return func(c *config) { c.backoff = after }
}

// OnDead sets a function that Sub calls with a message before it parks it, and with the error of the last try. For a message that is not an event,
// only Data and perhaps ID are set. If the process dies at that moment, the function is called again. A panic is logged.
func OnDead(fn func(ctx context.Context, m outbox.Message, err error)) Option {
	return func(c *config) { c.onDead = fn }
}

// Filter sets the NATS subjects that the server delivers, instead of those of the handlers' types. It is for streams whose subjects are not
// "<stream>.<type>": see [SubjectPrefix]. A server older than 2.10 takes one subject, and only when the durable is new.
func Filter(subjects ...string) Option { return func(c *config) { c.filters = subjects } }

// Grace sets how long Run waits for running handlers after its context has ended; the default is 10 seconds. Then it ends their contexts too.
func Grace(d time.Duration) Option { return func(c *config) { c.grace = d } }

// Logger sets the logger for failed tries, parked messages and lost connections; the default is [slog.Default].
func Logger(log *slog.Logger) Option { return func(c *config) { c.log = log } }

// Subscriber makes a subscriber to a stream. It sends nothing to the server. It panics without Durable, or if an argument or option is not valid.
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

// Handle connects a handler to the types that match a pattern of [path.Match]; "" means all types. Handlers of one message run in the order in which
// they were connected. If one of them fails, all of them are called again. Handle panics if the pattern is not valid, if the handler is nil, or after
// a call of Run.
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

// Migrate creates the table of the [Inbox]. Without Inbox it does nothing.
func (s *Sub) Migrate(ctx context.Context) error {
	if s.inbox == nil {
		return nil
	}
	return s.inbox.Migrate(ctx)
}

// wanted returns the subjects for the server to deliver; none means all.
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

// call calls all handlers of a message.
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
