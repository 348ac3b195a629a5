package dbtest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// outboxStatements is a logger that counts the statements of the outbox.
type outboxStatements struct {
	logger.Interface

	mu sync.Mutex
	n  int
}

func (s *outboxStatements) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	if sql, _ := fc(); strings.Contains(sql, "signals_outbox") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.n++
	}
}

// take returns the number and begins anew.
func (s *outboxStatements) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.n
	s.n = 0
	return n
}

// parcels returns a database with so many parcels that nobody hears of, and statements of the outbox that are counted.
func parcels(t *testing.T, dialector gorm.Dialector, plugin signals.Plugin, n int) (*gorm.DB, *outboxStatements) {
	t.Helper()
	s := &outboxStatements{Interface: logger.Discard}
	db := connect(t, dialector, &gorm.Config{})
	db.Logger = s
	require.NoError(t, db.AutoMigrate(&Parcel{}))
	rows := make([]Parcel, n)
	for i := range rows {
		rows[i].Name = fmt.Sprint(i)
	}
	require.NoError(t, db.CreateInBatches(&rows, 1000).Error)
	require.NoError(t, db.Use(plugin))
	return db, s
}

func TestStatementsOfTheOutboxGrowWithBatchesOnEachDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		const rows = 5_000
		db, s := parcels(t, dialector(), signals.Plugin{}, rows)
		ob := mailbox(t, db, outbox.Config{Claim: time.Hour, ErrorHandler: func(_ context.Context, err error) { t.Error(err) }})
		h := 0
		m := signals.For[Parcel](db)
		m.PostSave.Connect(func(context.Context, signals.SaveEvent[*Parcel]) error { h++; return nil }, outbox.Durable(ob, "search"))
		m.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Parcel]) error { h++; return nil }, outbox.Durable(ob, "search"))
		for _, write := range []func(db *gorm.DB) *gorm.DB{
			func(db *gorm.DB) *gorm.DB { return db.Model(&Parcel{}).Update("n", gorm.Expr("n + 1")) },
			func(db *gorm.DB) *gorm.DB { return db.Model(&Parcel{}).Update("n", gorm.Expr("n + 1")) }, // with old ones in the indexes
			func(db *gorm.DB) *gorm.DB { return db.Delete(&Parcel{}) },
		} {
			s.take()
			began := time.Now()
			require.NoError(t, write(db.Where("id > 0")).Error)
			require.NoError(t, ob.Flush(t.Context()))
			notes := int(time.Since(began)/(20*time.Millisecond)) + rows/500 + 2
			assert.LessOrEqual(t, s.take(), 2*rows/500+notes, "a keep and a look for 500 rows, and the notes")
		}
		assert.Equal(t, 3*rows, h)
		lags, err := ob.Lag(t.Context())
		require.NoError(t, err)
		assert.Empty(t, lags)
	})
}

// TestProcessesThatClaimInBatchesRunNoEventTwice lets three processes take what waits of many rows, some of which fails at first.
func TestProcessesThatClaimInBatchesRunNoEventTwice(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		const rows, each = 200, 10
		var mu sync.Mutex
		next, calls, inside, failed := map[uint]int{}, 0, map[uint]bool{}, map[string]bool{}
		hear := func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
			id, n := e.Instance.ID, e.Instance.N
			mu.Lock()
			defer mu.Unlock()
			if !assert.False(t, inside[id], "two events of parcel %d run at once", id) {
				return nil
			}
			inside[id] = true
			mu.Unlock()
			<-time.After(time.Duration(n%3) * 100 * time.Microsecond)
			mu.Lock()
			inside[id] = false
			if key := fmt.Sprint(id, " ", n); id%7 == 0 && n%4 == 2 && !failed[key] {
				failed[key] = true
				return errParcel
			}
			assert.Equal(t, next[id]+1, n, "parcel %d", id)
			next[id] = n
			calls++
			return nil
		}
		to := dialector()
		first, _ := parcels(t, to, signals.Plugin{Tracking: signals.TrackExplicit}, rows)
		databases := []*gorm.DB{first}
		for range 2 {
			db := connect(t, to, &gorm.Config{})
			require.NoError(t, db.Use(signals.Plugin{}))
			databases = append(databases, db)
		}
		var boxes []*outbox.Outbox
		for _, db := range databases {
			ob := mailbox(t, db, outbox.Config{
				Poll: time.Millisecond, Claim: time.Hour, Backoff: func(int) time.Duration { return 20 * time.Millisecond },
				ErrorHandler: func(_ context.Context, err error) {
					if !strings.Contains(err.Error(), errParcel.Error()) {
						t.Error(err)
					}
				},
			})
			signals.For[Parcel](db).PostSave.Connect(hear, outbox.Durable(ob, "search"))
			boxes = append(boxes, ob)
		}
		for range each {
			require.NoError(t, first.Transaction(func(tx *gorm.DB) error { // nobody sees its end, and so all is left to Run
				return tx.Model(&Parcel{}).Where("id > 0").Update("n", gorm.Expr("n + 1")).Error
			}))
		}
		for _, ob := range boxes {
			background(t, ob.Run)
		}
		require.Eventually(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return calls >= rows*each
		}, patience, 5*time.Millisecond, "all are called")
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, rows*each, calls, "each of them once")
		assert.NotEmpty(t, failed)
	})
}
