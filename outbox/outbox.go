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
	// Source names the sender in every event, as CloudEvents wants it: a URI or a path such as "/shop".
	Source string

	// TypePrefix stands before the types of events, as in "com.acme": reverse domain names are usual.
	TypePrefix string

	// Table is the name of the table; "" means "signals_outbox".
	Table string

	// Headers returns attributes that travel with an event, such as traceparent and tracestate, from the context of the write. Names
	// are lower case letters and digits. The attribute actor holds what signals.WithActor has named, unless Headers returns another one.
	Headers func(ctx context.Context) map[string]string

	// Context gives a durable receiver the context that Headers had told of, when it is called in another process or later.
	Context func(ctx context.Context, headers map[string]string) context.Context

	// MaxTries is how often an event is tried before it is parked; 0 means 10.
	MaxTries int

	// Backoff returns how long to wait after so many failed tries; nil means a second, doubled with each try, five minutes at most, less
	// up to a half by chance, so that what failed together is not tried together.
	Backoff func(tries int) time.Duration

	// Poll is how often the table is looked at without being told; 0 means a second. Events of the same process are told at once.
	Poll time.Duration

	// Claim is how long a process may keep events for its durable receivers; 0 means 30 seconds. It claims many at once and claims them
	// again when half of the time is over, so a receiver has at least half of it for one event. The receiver's context ends with the
	// claim, and somebody else may try.
	Claim time.Duration

	// Eager lets a write wait until its durable receivers have been called, as tests like it.
	Eager bool

	// Retain is how long a relay keeps what is done, for Replay; 0 means a day.
	Retain time.Duration

	// Notify is a channel of PostgreSQL that every write of an event is announced on with NOTIFY, for processes that LISTEN instead of
	// polling often: see Wake. "" announces nothing, because NOTIFY makes commits wait for each other.
	Notify string

	// ErrorHandler is told of failed tries; nil logs through the database's Logger.
	ErrorHandler func(ctx context.Context, err error)
}

// Outbox is the table in which events wait on one database.
type Outbox struct {
	Config

	db        *gorm.DB
	store     store
	mu        sync.Mutex
	receivers map[string]registered // by channel and type
	crews     map[string]*crew      // by channel
	wakers    map[chan struct{}]bool
	own       map[ownKey]weak.Pointer[own]
	closed    bool
	life      context.Context //nolint:containedctx // ends the calls of receivers when Shutdown has waited for long enough
	kill      func()
	noting    noting
}

// Install makes an outbox on a database that has the plugin. It fails when the plugin is missing or the configuration makes no sense.
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
		Config: cfg, db: session, store: s, receivers: map[string]registered{}, crews: map[string]*crew{}, wakers: map[chan struct{}]bool{}, own: map[ownKey]weak.Pointer[own]{},
	}
	ob.life, ob.kill = context.WithCancel(context.Background())
	return ob, nil
}

func installed(db *gorm.DB) bool {
	return db != nil && db.Config != nil && db.Plugins[signals.Plugin{}.Name()] != nil
}

// maxSource and maxSubject are what the tables have room for.
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

// Migrate creates the tables that are missing.
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

// alone creates tables while nobody else does: on PostgreSQL, IF NOT EXISTS fails when two do it at once.
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

// DDL returns the statements that Migrate runs, for those who create tables in another way.
func (ob *Outbox) DDL() []string { return ob.store.ddl() }

// wake tells relays and runners of this process that there is something to do.
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

// woken returns a channel that wake sends to.
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

// due says when records may be tried: after some time, and before that by nobody but their writer if they are claimed.
type due struct {
	after   time.Duration
	claimed bool
}

// keep writes records in a transaction and sees to it that then runs once it has committed. It reports whether the end of
// the transaction is seen: otherwise then never runs, nothing is claimed, and polling finds the records.
func (ob *Outbox) keep(ctx context.Context, tx *gorm.DB, records []record, when due, then func(ctx context.Context) error) (followed bool, err error) {
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
		if !written { // the transaction was committed in spite of that
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
	if err = ob.store.insert(tx.WithContext(ctx), records, when); err != nil {
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

// Wait waits until durable receivers have handled what this process has written, as far as it handles it itself.
func (ob *Outbox) Wait(ctx context.Context) error {
	for busy := true; busy; { // a receiver may write what another one hears of
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

// Shutdown stops calling durable receivers in this process: it waits for those that run, gives up its claims on what waits, so that other
// processes may handle it at once, and notes what is done. When ctx ends first, it ends the contexts of the receivers and returns an error.
// Events that are written afterwards are kept and left to other processes. Call it when [Outbox.Run] has returned, and before
// the program closes the database.
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

// follow lets a function run once a transaction has committed. It reports false when nobody sees the end of that.
func follow(tx *gorm.DB, then func(ctx context.Context) error) (followed bool, err error) {
	queued, followed := false, true
	err = signals.OnCommit(tx, func(ctx context.Context) error {
		if !queued { // called at once, in a transaction that nobody follows: it is not committed yet
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

// failed tells of an error that is tried again.
func (ob *Outbox) failed(ctx context.Context, err error) {
	defer func() { _ = recover() }() // a handler that panics has had its chance
	if ob.ErrorHandler != nil {
		ob.ErrorHandler(ctx, err)
		return
	}
	ob.db.Logger.Error(ctx, "outbox: %v", err)
}

// wait waits until somebody wakes the channel, or for some time. It reports false when ctx ends.
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
