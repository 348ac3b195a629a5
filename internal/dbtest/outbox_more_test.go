package dbtest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// outboxWriters and outboxWrites are how many goroutines write how many transactions each.
const (
	outboxWriters = 8
	outboxWrites  = 100
)

// refused reports whether a database refused a statement because of others: a deadlock, or a wait that took too long.
func refused(err error) bool {
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return my.Number == 1213 || my.Number == 1205
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "40P01" || pg.Code == "40001"
	}
	return false
}

// writeParcels writes parcels from many goroutines, some transactions of which are rolled back. Each transaction writes to one row
// that all share, so that nothing but the outbox can make them wait for each other in a circle. It returns the last N of each row.
func writeParcels(t *testing.T, db *gorm.DB) (committed int64) {
	t.Helper()
	const shared = 5
	for i := range shared {
		require.NoError(t, db.Create(&Parcel{Name: fmt.Sprint("shared ", i)}).Error)
	}
	var writers sync.WaitGroup
	var total atomic.Int64
	for g := range outboxWriters {
		writers.Go(func() {
			for i := range outboxWrites {
				events := int64(2)
				err := db.Transaction(func(tx *gorm.DB) error {
					own := Parcel{Name: fmt.Sprintf("%d of %d", i, g)}
					if err := tx.Create(&own).Error; err != nil {
						return err
					}
					if err := tx.Model(&Parcel{ID: uint((i+g)%shared + 1)}).Update("n", gorm.Expr("n + 1")).Error; err != nil {
						return err
					}
					switch i % 10 {
					case 3:
						return errParcel
					case 5:
						events++
						return tx.Delete(&own).Error
					}
					return nil
				})
				if i%10 == 3 && errors.Is(err, errParcel) {
					continue
				}
				if assert.NoError(t, err, "refused: %t", refused(err)) {
					total.Add(events)
				}
			}
		})
	}
	writers.Wait()
	return shared + total.Load()
}

func TestRelaysLoseNothingUnderLoad(t *testing.T) {
	t.Parallel()
	for name, relays := range map[string]int{"one relay": 1, "two that do not mind each other": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{Poll: time.Millisecond})
				sink := &engine{}
				ctx, cancel := context.WithCancel(t.Context())
				var draining sync.WaitGroup
				for range relays {
					draining.Go(func() {
						relay := ob.Relay(sink, outbox.Batch(50))
						for ctx.Err() == nil {
							if _, err := relay.Drain(t.Context()); err != nil {
								t.Error("a relay is refused: ", err)
							}
						}
					})
				}
				committed := writeParcels(t, db)
				cancel()
				draining.Wait()
				drained(t, ob.Relay(sink))
				if relays == 1 {
					assert.Len(t, sink.messages(), int(committed), "each of them once")
				}
				assert.Len(t, sink.first(t), int(committed), "none lost, none invented, in order")
				var n, want int64
				require.NoError(t, db.Model(&Parcel{}).Select("SUM(n)").Scan(&want).Error)
				for _, m := range sink.first(t) {
					if m.Type == "parcels.updated.v1" {
						n++
					}
				}
				assert.Equal(t, want, n)
			})
		})
	}
}

func TestDurableReceiversUnderLoad(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Parcel{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		ob := mailbox(t, db, outbox.Config{
			Poll: time.Millisecond, Claim: time.Minute, Backoff: func(int) time.Duration { return 5 * time.Millisecond },
			ErrorHandler: func(_ context.Context, err error) {
				if !errors.Is(err, errParcel) {
					t.Error(err)
				}
			},
		})
		var mu sync.Mutex
		heardOf, failed, calls := map[uint]int{}, map[Parcel]int{}, int64(0)
		hear := func(p *Parcel) error {
			mu.Lock()
			defer mu.Unlock()
			if p.N%7 == 3 && failed[*p] < 2 {
				failed[*p]++
				return errParcel
			}
			calls++
			if p.ID <= 5 {
				assert.Equal(t, heardOf[p.ID], p.N, "parcel %d", p.ID)
				heardOf[p.ID]++
			}
			return nil
		}
		m := signals.For[Parcel](db)
		m.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error { return hear(e.Instance) }, outbox.Durable(ob, "search"))
		m.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Parcel]) error { return hear(e.Instance) }, outbox.Durable(ob, "search"))
		for range 3 {
			background(t, ob.Run)
		}
		committed := writeParcels(t, db)
		require.Eventually(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return calls >= committed
		}, patience, 5*time.Millisecond, "all are called")
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, committed, calls, "each of them once")
		assert.NotEmpty(t, failed)
		for parcel, times := range failed {
			assert.Equal(t, 2, times, "%+v", parcel)
		}
	})
}

func TestAMessageHasItsEffectOnceOnEachDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		to := dialector()
		if my, ok := to.(*gormmysql.Dialector); ok {
			config, err := mysql.ParseDSN(my.DSN)
			require.NoError(t, err)
			config.ClientFoundRows = true
			to = gormmysql.Open(config.FormatDSN())
		}
		db := connect(t, to, &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Parcel{}))
		handle := func(i *outbox.Inbox, subject string, sequence uint64) {
			m := outbox.Message{ID: fmt.Sprint(subject, sequence), Source: "/post", Type: "t", Subject: subject, Sequence: sequence}
			assert.NoError(t, i.Handle(t.Context(), m, func(ctx context.Context, m outbox.Message) error {
				return outbox.InboxTx(ctx).Create(&Parcel{Name: fmt.Sprint(m.Subject, " ", m.Sequence)}).Error
			}))
		}
		inbox := outbox.NewInbox(db, "search")
		require.NoError(t, inbox.Migrate(t.Context()))
		require.NoError(t, inbox.Migrate(t.Context()), "again")
		var group sync.WaitGroup
		for range connections {
			group.Go(func() {
				for n := range uint64(25) {
					handle(inbox, "p/1", n)
				}
			})
		}
		group.Wait()
		var count int64
		require.NoError(t, db.Model(&Parcel{}).Count(&count).Error)
		assert.EqualValues(t, 25, count)

		fresh := outbox.NewInbox(db, "fresh", outbox.DropStale())
		handle(fresh, "p/ABC", 40)
		handle(fresh, "p/abc", 39)
		handle(fresh, "p/abc", 38)
		handle(fresh, "p/abc", 41)
		var names []string
		require.NoError(t, db.Model(&Parcel{}).Where("n = 0 AND id > ?", 0).Order("id DESC").Limit(4).Pluck("name", &names).Error)
		assert.Equal(t, []string{"p/abc 41", "p/abc 39", "p/ABC 40"}, names[:3], "names that differ in case are two rows")
		n, err := inbox.Forget(t.Context(), time.Now().Add(time.Hour))
		require.NoError(t, err)
		assert.EqualValues(t, 25, n)
	})
}

// Gauge has numbers that not every database has.
type Gauge struct {
	ID    uint64 `gorm:"primaryKey;autoIncrement:false"`
	Big   uint64 `gorm:"type:numeric(20)"`
	Ratio float64
	At    time.Time
	Until *time.Time
	Bytes []byte
}

func TestWhatTheDatabaseHoldsIsKept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Gauge{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		ob := mailbox(t, db, outbox.Config{ErrorHandler: func(_ context.Context, err error) { t.Error(err) }})
		var want, got []Gauge
		m := signals.For[Gauge](db)
		for to, option := range map[*[]Gauge]signals.ConnectOption{&want: signals.AfterCommit(), &got: outbox.Durable(ob, "search")} {
			m.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Gauge]) error {
				old, err := e.Original()
				if old != nil {
					*to = append(*to, *old)
				}
				*to = append(*to, *e.Instance)
				return err
			}, option)
		}
		g := &Gauge{ID: 7, Big: math.MaxInt64, Ratio: 0.1, At: time.Now(), Bytes: []byte{0, 255}}
		if db.Name() != "sqlite" {
			g.Big = math.MaxUint64
		}
		if db.Name() == "postgres" {
			g.Ratio = math.Inf(1)
		}
		require.NoError(t, db.Create(g).Error)
		require.NoError(t, db.Model(&Gauge{}).Where("id = 7").Update("bytes", []byte("x")).Error)
		require.Len(t, want, 3)
		require.Len(t, got, 3)
		for i := range want {
			assert.True(t, want[i].At.Equal(got[i].At))
			want[i].At, got[i].At = time.Time{}, time.Time{}
		}
		assert.Equal(t, want, got)
	})
}

func TestABlockedRowAmongManyIsSoonPassedOver(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{MaxTries: 1000, Backoff: func(int) time.Duration { return time.Hour }})
		rows := make([]Parcel, 5000)
		for i := range rows {
			rows[i].Name = fmt.Sprint(i)
		}
		require.NoError(t, db.CreateInBatches(&rows, 1000).Error)
		require.NoError(t, db.Model(&Parcel{}).Where("1 = 1").Update("n", 1).Error)
		sink := &engine{refuse: func(m outbox.Message) error {
			if m.Subject == "parcels/1" {
				return errParcel
			}
			return nil
		}}
		relay := ob.Relay(sink, outbox.Batch(500))
		began := time.Now()
		drained(t, relay)
		took := time.Since(began)
		assert.Len(t, sink.first(t), 9998)
		t.Logf("%d events of 10,000 in %s on %s", len(sink.messages()), took, db.Name())
		assert.Less(t, took, patience, "no batch looks at all pairs")
	})
}
