package dbtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
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

func TestAnOlderEventOvertakesNoLaterOneThatIsHandledAtTheSameTime(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Parcel{}))
		require.NoError(t, db.Create(&Parcel{ID: 1, Name: "a"}).Error)
		inbox := outbox.NewInbox(db, "search", outbox.DropStale())
		require.NoError(t, inbox.Migrate(t.Context()))
		began, goOn := make(chan struct{}), make(chan struct{})
		handle := func(id string, sequence uint64, before func()) <-chan error {
			ended := make(chan error, 1)
			go func() {
				m := outbox.Message{ID: id, Source: "/post", Type: "t", Subject: "parcels/1", Sequence: sequence}
				ended <- inbox.Handle(t.Context(), m, func(ctx context.Context, m outbox.Message) error {
					before()
					return outbox.InboxTx(ctx).Model(&Parcel{}).Where("id = 1").Update("n", m.Sequence).Error
				})
			}()
			return ended
		}
		older := handle("older", 5, func() {
			close(began)
			<-goOn
		})
		<-began
		later, ended := handle("later", 6, func() {}), error(nil)
		select {
		case ended = <-later:
			later = nil
		case <-time.After(300 * time.Millisecond): // it waits
		}
		close(goOn)
		require.NoError(t, <-older)
		if later != nil {
			ended = <-later
		}
		require.NoError(t, ended)
		var p Parcel
		require.NoError(t, db.Take(&p).Error)
		assert.Equal(t, 6, p.N)
	})
}

func TestEventsOfOtherSendersAreKnownByTheirSourceAndTheirWholeID(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		inbox := outbox.NewInbox(db, "search")
		require.NoError(t, inbox.Migrate(t.Context()))
		var handled []string
		long := strings.Repeat("x", 80)
		for range 2 {
			for _, m := range []outbox.Message{
				{ID: "1", Source: "/a"}, {ID: "1", Source: "/b"}, {ID: long + "a", Source: "/a"}, {ID: long + "b", Source: "/a"}, {ID: "1 ", Source: "/a"},
			} {
				require.NoError(t, inbox.Handle(t.Context(), m, func(_ context.Context, m outbox.Message) error {
					handled = append(handled, m.Source+m.ID)
					return nil
				}))
			}
		}
		assert.Equal(t, []string{"/a1", "/b1", "/a" + long + "a", "/a" + long + "b", "/a1 "}, handled)
	})
}
