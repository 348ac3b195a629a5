package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
)

// Config says how an outbox works. Source is required; every other zero value works.
type Config struct {
	// Source names the sender in every event, as CloudEvents requires: a URI or a path such as "/shop", 128 bytes at most.
	Source string

	// TypePrefix begins the types of published events. Reverse domain names such as "com.acme" are usual.
	TypePrefix string

	// Table is the name of the table; "" means "signals_outbox". The table of leases has the same name with "_leases".
	Table string

	// Headers returns attributes that travel with an event, such as traceparent, from the context of the write. It runs in the write's transaction.
	// Names are lower case letters and digits; any other name fails the write. The outbox adds the attribute actor, the text of signals.WithActor,
	// unless Headers returns one.
	Headers func(ctx context.Context) map[string]string

	// Context makes the context for a call of a durable receiver from ctx and the attributes of the event, for instance to continue a trace. Derive
	// it from ctx, which ends with the claim. nil means ctx.
	Context func(ctx context.Context, headers map[string]string) context.Context

	// MaxTries is how often the outbox tries an event before it parks it; 0 means 10.
	MaxTries int

	// Backoff returns how long an event waits after the given number of failed tries, 1 or more. nil means a second, doubled with each try, 5 minutes
	// at most. A random part of up to one half is taken off, so that events that failed together are not tried together.
	Backoff func(tries int) time.Duration

	// Poll is how often Run and relays look at the table; 0 means a second. They look at once for events of their own process.
	Poll time.Duration

	// Claim is how long a process may keep an event for its durable receivers; 0 means 30 seconds. The process renews a claim when half of the time
	// is over, so a receiver has at least half of it for one event. When the claim ends, the context of the call ends too, and another process may
	// try the event.
	Claim time.Duration

	// Eager makes a write wait until its durable receivers were called once, after the commit. It is for tests. A receiver must write through the
	// event's DB, or with the context of its call: the outbox knows such writes, which do not wait. Any other write of a receiver waits for a worker,
	// and the worker for the receiver. If no event of a write is handled for twice Claim, the write returns, and ErrorHandler gets an error. So it
	// does in a db.Connection that holds the only connection of the pool.
	Eager bool

	// Retain is how long handled events stay in the table, for Replay; 0 means a day. Run and relays delete them later.
	Retain time.Duration

	// Notify names a channel of PostgreSQL. Every write of an event then executes NOTIFY on it, for processes that LISTEN: see Wake. "" sends
	// nothing: NOTIFY makes commits wait for each other.
	Notify string

	// ErrorHandler gets the error of every failed try, and those of Run and relays. nil logs them with the Logger of the database.
	ErrorHandler func(ctx context.Context, err error)
}

// Outbox is the table of events on one database. [Install] makes it, and its methods may run concurrently.
type Outbox struct {
	Config

	db        *gorm.DB
	store     store
	mu        sync.Mutex
	receivers map[identity]registered
	crews     map[string]*crew // by channel
	wakers    map[chan struct{}]bool
	own       map[ownKey]weak.Pointer[own]
	closed    bool
	life      context.Context //nolint:containedctx // ends the calls of receivers when Shutdown has waited for long enough
	kill      func()
	noting    noting
}

// Install makes an outbox on a database that has the plugin. It fails with signals.ErrNotInstalled without the plugin, and if a field of the
// configuration or the type of the database is not supported. It runs no SQL: see [Outbox.Migrate].
func Install(db *gorm.DB, cfg Config) (*Outbox, error) {
	if !installed(db) {
		return nil, signals.ErrNotInstalled
	}
	if cfg.Source == "" {
		return nil, errors.New("outbox: Config.Source is empty: name the sender of the events, such as \"/shop\"")
	}
	if len(cfg.Source) > maxSource {
		return nil, fmt.Errorf("outbox: Config.Source has %d bytes: use %d at most", len(cfg.Source), maxSource)
	}
	if cfg.MaxTries < 0 || cfg.Poll < 0 || cfg.Claim < 0 || cfg.Retain < 0 {
		return nil, fmt.Errorf("outbox: MaxTries %d, Poll %s, Claim %s and Retain %s of Config must not be negative", cfg.MaxTries, cfg.Poll, cfg.Claim, cfg.Retain)
	}
	if cfg.Notify != "" && db.Name() != "postgres" {
		return nil, fmt.Errorf("outbox: Config.Notify is for PostgreSQL, and this database is %s: leave it empty", db.Name())
	}
	setDefault(&cfg.Table, "signals_outbox")
	setDefault(&cfg.MaxTries, 10)
	setDefault(&cfg.Poll, time.Second)
	setDefault(&cfg.Claim, 30*time.Second)
	setDefault(&cfg.Retain, 24*time.Hour)
	if cfg.Backoff == nil {
		cfg.Backoff = backoff
	}
	s, err := newStore(db, cfg.Table)
	if err != nil {
		return nil, err
	}
	session := db.Session(&gorm.Session{NewDB: true})
	ob := &Outbox{
		Config: cfg, db: session, store: s, receivers: map[identity]registered{}, crews: map[string]*crew{}, wakers: map[chan struct{}]bool{}, own: map[ownKey]weak.Pointer[own]{},
	}
	ob.life, ob.kill = context.WithCancel(context.Background())
	return ob, nil
}

func installed(db *gorm.DB) bool {
	return db != nil && db.Config != nil && db.Plugins[signals.Plugin{}.Name()] != nil
}

// maxSource and maxSubject are the most bytes that the columns of the tables hold.
const (
	maxSource  = 128
	maxSubject = 512
)

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func backoff(tries int) time.Duration { return doubling(time.Second, 5*time.Minute, tries) }

// Migrate creates missing tables and indexes, and drops indexes of earlier versions. Several processes may call it at once.
func (ob *Outbox) Migrate(ctx context.Context) error {
	run := func(tx *gorm.DB) error {
		for _, statement := range ob.DDL() {
			if err := tx.Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	}
	if err := alone(ob.db.WithContext(ctx), ob.Table, run); err != nil {
		return fmt.Errorf("outbox: Migrate: %w", err)
	}
	return nil
}

// alone runs create while no other process does. On PostgreSQL, CREATE TABLE IF NOT EXISTS fails if two sessions run it at once.
func alone(db *gorm.DB, table string, create func(tx *gorm.DB) error) error {
	if db.Name() != "postgres" {
		return create(db)
	}
	return db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("SELECT pg_advisory_xact_lock(hashtext(?))", table).Error; err != nil {
			return err
		}
		return create(tx)
	})
}

// DDL returns the statements that Migrate runs, for programs that create tables in another way.
func (ob *Outbox) DDL() []string { return ob.store.ddl() }

// wake makes relays and runners of this process look at the table.
func (ob *Outbox) wake() {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	for c := range ob.wakers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// woken returns a channel that wake sends to, until stop.
func (ob *Outbox) woken() (c chan struct{}, stop func()) {
	c = make(chan struct{}, 1)
	ob.mu.Lock()
	defer ob.mu.Unlock()
	ob.wakers[c] = true
	return c, func() {
		ob.mu.Lock()
		defer ob.mu.Unlock()
		delete(ob.wakers, c)
	}
}

// due says when records may be tried: after a time, or at once by their writer if they are claimed.
type due struct {
	after   time.Duration
	claimed bool
}

// keep writes records in a transaction, and calls then after the commit. If nobody sees the end of the transaction, keep reports false: then never
// runs, no record is claimed, and polling finds the records.
func (ob *Outbox) keep(ctx context.Context, tx *gorm.DB, records []record, when due, then func(ctx context.Context) error) (followed bool, err error) {
	if !signals.SameDatabase(ob.db, tx) {
		return false, errors.New("outbox: the event was sent in a transaction of another database than that of the outbox, which would not find it: " +
			"give each database a signal and an outbox of its own, or send the event in a transaction of the outbox's database")
	}
	headers, err := ob.headers(ctx)
	if err != nil {
		return false, err
	}
	for i := range records {
		records[i].Headers = headers
	}
	for i := range records {
		if n := len(records[i].Subject); n > maxSubject {
			return false, fmt.Errorf("outbox: the subject of an event has %d bytes, and the table has room for %d: the key of %.40s... is too long", n, maxSubject, records[i].Subject)
		}
	}
	written := false
	followed, err = follow(tx, func(ctx context.Context) error {
		if !written { // the caller committed the transaction although keep had failed
			return nil
		}
		return then(ctx)
	})
	if err != nil {
		return false, err
	}
	if !followed && when.claimed {
		when = due{}
	}
	if err = ob.store.insert(ctx, tx, records, when); err != nil {
		return false, fmt.Errorf("outbox: %w", err)
	}
	if ob.Notify != "" {
		if err = tx.Exec("SELECT pg_notify(?, '')", ob.Notify).Error; err != nil {
			return false, fmt.Errorf("outbox: %w", err)
		}
	}
	written = true
	return followed, nil
}

// Wait waits until this process holds no event for durable receivers, neither of its commits nor of Run, and then calls [Outbox.Flush]. It does not
// wait for later tries of events that failed, nor for those of [Delay]. If ctx ends first, it returns an error. It is for tests.
func (ob *Outbox) Wait(ctx context.Context) error {
	for busy := true; busy; { // a receiver may write, and so cause events for another one
		busy = false
		for _, c := range ob.allCrews() {
			busy = busy || c.busy()
			if err := c.wait(ctx); err != nil {
				return fmt.Errorf("outbox: durable receivers still run: %w", err)
			}
		}
	}
	return ob.Flush(ctx)
}

// Shutdown stops calling durable receivers in this process. It waits for the receivers that run, gives up the claims on waiting events, so that other
// processes can handle them at once, and marks handled events in the table. If ctx ends first, Shutdown ends the contexts of the receivers and
// returns an error. Later writes still store their events, for other processes. Call Shutdown after [Outbox.Run] has returned, and before the program
// closes the database.
func (ob *Outbox) Shutdown(ctx context.Context) error {
	ob.mu.Lock()
	ob.closed = true
	ob.mu.Unlock()
	all := ob.allCrews()
	for _, c := range all {
		c.close()
	}
	for _, c := range all {
		if err := c.wait(ctx); err != nil {
			ob.kill()
			return errors.Join(fmt.Errorf("outbox: Shutdown: durable receivers still run: %w", err), ob.Flush(context.WithoutCancel(ctx)))
		}
	}
	return ob.Flush(ctx)
}

func (ob *Outbox) allCrews() []*crew {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	return slices.Collect(maps.Values(ob.crews))
}

// follow calls then after a transaction has committed. It reports false if nobody sees the end of the transaction.
func follow(tx *gorm.DB, then func(ctx context.Context) error) (followed bool, err error) {
	queued, followed := false, true
	err = signals.OnCommit(tx, func(ctx context.Context) error {
		if !queued { // OnCommit calls at once if nobody follows the transaction, which is still open
			followed = false
			return nil
		}
		return then(ctx)
	})
	queued = true
	if errors.Is(err, signals.ErrUntracked) {
		return false, nil
	}
	return followed, err
}

// failed reports an error to ErrorHandler or the logger. If these panic or end their goroutine, the outbox goes on.
func (ob *Outbox) failed(ctx context.Context, err error) {
	_ = guarded("ErrorHandler", func() {
		if ob.ErrorHandler != nil {
			ob.ErrorHandler(ctx, err)
			return
		}
		ob.db.Logger.Error(ctx, "outbox: %v", err)
	})
}

// wait waits until somebody wakes the channel, or for d. It reports false if ctx has ended.
func wait(ctx context.Context, woken <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-woken:
	case <-timer.C:
	}
	return ctx.Err() == nil
}
