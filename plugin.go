package signals

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/statement"
	"github.com/gorm-signals/signals/internal/writes"
)

// Plugin is the GORM plugin that makes a database send signals. Its zero value works:
//
//	err := db.Use(signals.Plugin{})
type Plugin struct {
	// BatchSize is the number of rows that an update or delete by a condition reads and writes at once; 0 means 500. At most 10,000, so that a
	// statement stays below the parameter limits of the databases.
	BatchSize int

	// MaxDepth is how deep sends of model signals may be nested; the outermost counts as 1, and 0 means 16. A deeper send fails with ErrRecursion.
	MaxDepth int

	// ErrorHandler gets errors that can no longer fail a write: those of receivers and functions that run after the end of a transaction, and
	// ErrOutcomeUnknown. nil logs them through the database's Logger. A panic of ErrorHandler is ignored.
	ErrorHandler func(ctx context.Context, err error)

	// Observer sees every send of a model signal and every call of a receiver; nil means none.
	Observer Observer

	// Tracking says which transactions the plugin follows to their end. The zero value is TrackAll.
	Tracking Tracking

	// Strict turns likely mistakes into errors, for development and tests. If it is false, the database's Logger gets a warning instead, once for
	// each place.
	//
	// Connect panics if a line of the program connects a function again that is still connected, with the same options and without a UID. A handler
	// that connects on each request does so. Connect also panics if a UID replaces a receiver that another line has connected. A write of a
	// model fails if its context mutes a UID that no receiver has, even if nobody listens to the write. The warning comes only for writes that
	// somebody listens to.
	Strict bool

	// Untracked says what happens to receivers that wait for a transaction whose end the plugin cannot see. The zero value is Refuse.
	Untracked UntrackedPolicy
}

const (
	defaultBatchSize = 500
	maxBatchSize     = 10_000
	defaultMaxDepth  = 16
)

// Name returns "signals", the plugin's name in GORM.
func (Plugin) Name() string { return "signals" }

// Initialize is called by db.Use. It returns an error if a field of the plugin has a bad value, if GORM refuses a callback, or if the plugin cannot
// work in a program that was built in this way.
func (p Plugin) Initialize(db *gorm.DB) error {
	in := installedIn(db)
	if in == nil {
		if err := errors.Join(p.check(), statement.Check(statement.CalledBySave), testEdge(erasedSignals)); err != nil {
			return err
		}
		in = p.install(db)
	}
	if !in.Explicit {
		db.ConnPool = in.Pools.WrapInside(db.ConnPool)
		if db.Statement != nil {
			db.Statement.ConnPool = db.ConnPool
		}
	}
	if err := in.register(db); err != nil {
		return err
	}
	db.Plugins[registryName] = in
	return nil
}

// check refuses bad values of fields.
func (p Plugin) check() error {
	switch {
	case p.BatchSize < 0 || p.BatchSize > maxBatchSize:
		return fmt.Errorf("signals: Plugin.BatchSize is %d: use 1 to %d, or 0 for %d", p.BatchSize, maxBatchSize, defaultBatchSize)
	case p.MaxDepth < 0:
		return fmt.Errorf("signals: Plugin.MaxDepth is %d: use 1 or more, or 0 for %d", p.MaxDepth, defaultMaxDepth)
	case p.Tracking > TrackExplicit || p.Untracked > Drop:
		return fmt.Errorf("signals: Plugin.Tracking is %d and Plugin.Untracked %d: use the constants of the package", p.Tracking, p.Untracked)
	}
	return nil
}

// installed is the plugin in one database. It lives in the database's plugin map under registryName.
type installed struct {
	*dispatch.Registry

	transactions delivery.Transactions
	engine       *writes.Engine
}

const registryName = "signals:registry"

// install makes the registry and the engine of a database.
func (p Plugin) install(db *gorm.DB) *installed {
	c := dispatch.Config{
		BatchSize: cmp.Or(p.BatchSize, defaultBatchSize), MaxDepth: cmp.Or(p.MaxDepth, defaultMaxDepth),
		Explicit: p.Tracking == TrackExplicit, Untracked: dispatch.Policy(p.Untracked), Errors: &errorsOfReceivers, Strict: p.Strict,
	}
	if p.Observer != nil {
		c.Observer = observing{p.Observer}
	}
	reg := dispatch.New(db, c)
	reg.Handle = func(ctx context.Context, err error) { p.handle(ctx, reg.DB, err) }
	return &installed{Registry: reg, transactions: delivery.Follow(reg), engine: writes.New(reg, createName, updateName, deleteName)}
}

// handle passes on an error that can no longer fail a write.
func (p Plugin) handle(ctx context.Context, db *gorm.DB, err error) {
	defer func() { _ = recover() }() // a panic of the handler must not disturb the write
	if p.ErrorHandler != nil {
		p.ErrorHandler(ctx, err)
		return
	}
	db.Logger.Error(ctx, "signals: after the end of a transaction: %v", err)
}

// Name returns the key in the database's plugin map.
func (in *installed) Name() string { return registryName }

// Initialize does nothing. GORM calls it for every plugin of the map, and Plugin.Initialize has done the work.
func (in *installed) Initialize(*gorm.DB) error { return nil }

// installedIn returns the plugin of a database, nil if there is none.
func installedIn(db *gorm.DB) *installed {
	if db == nil || db.Config == nil {
		return nil
	}
	in, _ := db.Plugins[registryName].(*installed)
	return in
}

// registryOf returns the registry of a database, nil if the plugin is not installed.
func registryOf(db *gorm.DB) *dispatch.Registry {
	if in := installedIn(db); in != nil {
		return in.Registry
	}
	return nil
}

// SameDatabase reports whether two sessions belong to one database: they share a plugin, or the *[sql.DB]. A [Store] needs it, because a custom signal
// can be sent in a transaction of any database.
func SameDatabase(a, b *gorm.DB) bool {
	if in := installedIn(a); in != nil && in == installedIn(b) {
		return true
	}
	of, other := sqlDB(a), sqlDB(b)
	return of != nil && of == other
}

// sqlDB returns the *[sql.DB] of a database, also for a session in a transaction; nil if there is none.
func sqlDB(db *gorm.DB) *sql.DB {
	if db == nil || db.Config == nil {
		return nil
	}
	of, err := (&gorm.DB{Config: db.Config}).DB()
	if err != nil {
		return nil
	}
	return of
}

func mustRegistry(db *gorm.DB, caller string) *dispatch.Registry {
	if r := registryOf(db); r != nil {
		return r
	}
	panic(fmt.Sprintf("%v, before signals.%s", fault.ErrNotInstalled, caller))
}
