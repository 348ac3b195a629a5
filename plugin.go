package signals

import (
	"fmt"
	"reflect"

	"gorm.io/gorm"
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
		if p.BatchSize == 0 {
			p.BatchSize = defaultBatchSize
		}
		if p.MaxDepth == 0 {
			p.MaxDepth = defaultMaxDepth
		}
		reg = &registry{Plugin: p, db: db.Session(&gorm.Session{NewDB: true}), bound: map[reflect.Type]any{}}
	}
	if err := reg.register(db); err != nil {
		return err
	}
	db.Plugins[registryName] = reg
	return nil
}
