package outbox_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// old writes n records of one row in a state. The first one is due at a time of its own.
const old = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
	INSERT INTO signals_outbox (id, channel, type, subject, headers, content_type, data, created_at, state, due_at, error)
	SELECT 'old ' || i, '', 't.updated', 'old/1', '', '', '', 0, ?, CASE i WHEN 1 THEN ? ELSE 0 END, '' FROM n`

func TestARowThatIsHeldUpIsAskedAboutOnce(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Backoff: hour}, 0)
	require.NoError(t, db.Exec(old, 5000, 0, int64(9e12)).Error)
	require.NoError(t, db.Create(&Product{Name: "new"}).Error)
	queries := 0
	require.NoError(t, db.Callback().Row().After("gorm:row").Register("test:queries", func(*gorm.DB) { queries++ }))
	require.NoError(t, db.Callback().Query().After("gorm:query").Register("test:queries", func(*gorm.DB) { queries++ }))
	began := time.Now()
	n, err := ob.Relay(&memory{}, outbox.Batch(100)).Drain(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	t.Logf("%d queries in %s", queries, time.Since(began))
	assert.Less(t, queries, 110, "two for each hundred records, and one for each row")
}

func TestOldEventsThatArePurgedHoldNoNewOneUp(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Poll: time.Millisecond, Retain: time.Hour}, 0)
	require.NoError(t, db.Exec(old, 30_000, 1, 0).Error)
	var written atomic.Bool
	require.NoError(t, db.Callback().Raw().After("gorm:raw").Register("test:purge", func(tx *gorm.DB) {
		if strings.HasPrefix(tx.Statement.SQL.String(), "DELETE") && written.CompareAndSwap(false, true) {
			assert.NoError(t, db.Session(&gorm.Session{NewDB: true}).Create(&Product{Name: "new"}).Error)
		}
	}))
	count := func() (n int) {
		assert.NoError(t, db.Raw("SELECT COUNT(*) FROM signals_outbox WHERE id LIKE 'old %'").Scan(&n).Error)
		return n
	}
	left := make(chan int, 1)
	running(t, ob.Relay(sinkFunc(func(context.Context, []outbox.Message) []error {
		left <- count()
		return nil
	})).Run)
	assert.NotZero(t, <-left, "the event waits until all is purged")
	soon(t, func() bool { return count() == 0 }, "all is purged")
}

func TestARelayThatLosesItsLeaseLeavesTheRestOfItsBatchToTheOther(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Poll: time.Millisecond}, 0)
	require.NoError(t, db.Create(&Product{ID: 7, Name: "a"}).Error)
	for i := range 20 {
		require.NoError(t, db.Model(&Product{ID: 7}).Update("price", i+1).Error)
	}
	var calls atomic.Int32
	running(t, ob.Relay(sinkFunc(func(context.Context, []outbox.Message) []error {
		if calls.Add(1) == 2 { // the relay was silent for longer than its lease
			assert.NoError(t, db.Exec("UPDATE signals_outbox_leases SET holder = 'other', until_at = 9000000000000").Error)
			<-time.After(10 * time.Millisecond)
		}
		return nil
	}), outbox.Lease(10*time.Millisecond)).Run)
	soon(t, func() bool { return calls.Load() >= 2 }, "it works")
	assert.Never(t, func() bool { return calls.Load() > 2 }, 200*time.Millisecond, 10*time.Millisecond, "it goes on beside the other")
}
