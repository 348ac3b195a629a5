package behaviour_test

import (
	"context"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// TestDeliveredIsCommittedUnderLoad runs 8 goroutines of 1,000 transactions each, a third of them rolled back.
// SIGNALS_TEST_TRANSACTIONS sets another number for each goroutine; make test-load takes 10,000.
func TestDeliveredIsCommittedUnderLoad(t *testing.T) {
	t.Parallel()
	each := 1000
	if n, err := strconv.Atoi(os.Getenv("SIGNALS_TEST_TRANSACTIONS")); err == nil {
		each = n
	}
	db, err := gorm.Open(sqlite.Open("file::memory:"), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	pool.SetMaxOpenConns(1) // one memory, one connection: a receiver that needs one must find it free
	require.NoError(t, db.Use(signals.Plugin{}))
	require.NoError(t, db.AutoMigrate(&Coded{}))
	var delivered, undone atomic.Int64
	coded := signals.For[Coded](db)
	coded.PostSave.Connect(func(context.Context, signals.SaveEvent[*Coded]) error { delivered.Add(1); return nil }, signals.AfterCommit())
	coded.PostSave.Connect(func(context.Context, signals.SaveEvent[*Coded]) error { undone.Add(1); return nil }, signals.AfterRollback())

	var committed, rolledBack atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range each {
				err := db.Transaction(func(tx *gorm.DB) error {
					if err := tx.Create(&Coded{Code: strconv.Itoa(g) + "-" + strconv.Itoa(i)}).Error; err != nil {
						return err
					}
					if i%3 == 0 {
						return errBoom
					}
					return nil
				})
				if err == nil {
					committed.Add(1)
				} else {
					assert.ErrorIs(t, err, errBoom)
					rolledBack.Add(1)
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, committed.Load(), delivered.Load())
	assert.Equal(t, rolledBack.Load(), undone.Load())
	assert.Equal(t, committed.Load(), count[Coded](t, db))
	assert.EqualValues(t, 8*each, committed.Load()+rolledBack.Load())
}
