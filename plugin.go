package signals

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/pool"
)

// Plugin is the GORM plugin that makes a database send signals. Its zero value works:
//
//	err := db.Use(signals.Plugin{})
type Plugin struct {
	// BatchSize is the number of rows that a conditional update or delete resolves at once; 0 means 500.
	// At most 10,000, so that a statement stays below the parameter limits of the databases.
	BatchSize int

	// MaxDepth is how deep sends of model signals may be nested, the outermost counting as 1; 0 means 16. A deeper one
	// fails with ErrRecursion.
	MaxDepth int

	// ErrorHandler is told of errors that can no longer abort anything: those of deferred receivers, and of commits whose
	// outcome nobody knows. nil logs them through the database's Logger.
	ErrorHandler func(ctx context.Context, err error)

	// Observer sees every send and every call of a receiver; nil means none. See Observer.
	Observer Observer

	// Tracking says which transactions are followed to their end, see Tracking.
	Tracking Tracking

	// Untracked says what deferred receivers do in a transaction whose end cannot be seen, see UntrackedPolicy.
	Untracked UntrackedPolicy
}

const (
	defaultBatchSize = 500
	maxBatchSize     = 10_000
	defaultMaxDepth  = 16
)

// Name returns "signals", the plugin's name in GORM.
func (Plugin) Name() string { return "signals" }

// Initialize is called by db.Use. It fails when a field of the plugin has a value that makes no sense, and when GORM
// refuses a callback.
func (p Plugin) Initialize(db *gorm.DB) error {
	reg := registryOf(db)
	if reg == nil {
		if p.BatchSize < 0 || p.BatchSize > maxBatchSize {
			return fmt.Errorf("signals: Plugin.BatchSize is %d: use 1 to %d, or 0 for %d", p.BatchSize, maxBatchSize, defaultBatchSize)
		}
		if p.MaxDepth < 0 {
			return fmt.Errorf("signals: Plugin.MaxDepth is %d: use 1 or more, or 0 for %d", p.MaxDepth, defaultMaxDepth)
		}
		if p.Tracking > TrackExplicit || p.Untracked > Drop {
			return fmt.Errorf("signals: Plugin.Tracking is %d and Plugin.Untracked %d: use the constants of the package", p.Tracking, p.Untracked)
		}
		if err := errors.Join(testSaved(calledBySave), testEdge(erasedSignals)); err != nil {
			return err
		}
		if p.BatchSize == 0 {
			p.BatchSize = defaultBatchSize
		}
		if p.MaxDepth == 0 {
			p.MaxDepth = defaultMaxDepth
		}
		reg = &registry{Plugin: p, db: db.Session(&gorm.Session{NewDB: true}), channels: channels{bound: map[reflect.Type]unsafe.Pointer{}}, unique: map[*schema.Schema][]constraint{}}
		reg.failed = reg.handle
		reg.pools = pool.New(db.Name(), pool.Hooks{
			Begin: reg.beginning, Before: reg.beforeCommit, Ended: reg.transactionEnded, Capture: captured{reg},
		})
	}
	if reg.Tracking == TrackAll {
		db.ConnPool = reg.pools.WrapInside(db.ConnPool)
		if db.Statement != nil {
			db.Statement.ConnPool = db.ConnPool
		}
	}
	if err := reg.register(db); err != nil {
		return err
	}
	db.Plugins[registryName] = reg
	return nil
}
