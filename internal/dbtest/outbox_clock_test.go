package dbtest_test

import (
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// TestARelayKeepsItsLeaseWithinOneMillisecond stops MariaDB's clock: an UPDATE then changes nothing, and counts no row.
func TestARelayKeepsItsLeaseWithinOneMillisecond(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{Poll: time.Millisecond})
		if db.Name() != "mysql" {
			t.Skip("the other databases count the rows that an UPDATE finds")
		}
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		require.NoError(t, db.Exec("SET timestamp = 1800000000").Error)
		sink := &engine{}
		background(t, ob.Relay(sink, outbox.Lease(time.Minute)).Run)
		for i, name := range []string{"a", "b", "c"} {
			require.NoError(t, db.Create(&Parcel{Name: name}).Error)
			require.Eventually(t, func() bool { return len(sink.messages()) == i+1 }, 10*time.Second, time.Millisecond, name)
		}
	})
}
