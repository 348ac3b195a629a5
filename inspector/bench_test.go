package inspector_test

import (
	"context"
	"database/sql/driver"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
	"github.com/gorm-signals/signals/internal/nulldb"
)

type item struct {
	ID                   uint
	Name, Category       string
	Price                int64
	Stock                int
	CreatedAt, UpdatedAt time.Time
}

// idle is an observer that does nothing.
type idle struct{}

func (idle) ObserveStart(ctx context.Context, _ signals.Observed) context.Context { return ctx }

func (idle) ObserveEnd(context.Context, signals.Observed, error) {}

// ways are the observers that are compared.
func ways() []struct {
	name     string
	observer signals.Observer
} {
	on := inspector.New()
	on.Start()
	return []struct {
		name     string
		observer signals.Observer
	}{{"none", nil}, {"idle", idle{}}, {"off", inspector.New()}, {"on", on}}
}

var memories atomic.Int64

func inMemory() gorm.Dialector {
	return sqlite.Open("file:inspector" + strconv.FormatInt(memories.Add(1), 10) + "?mode=memory&cache=shared")
}

func nowhere() gorm.Dialector {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return sqlite.Dialector{Conn: nulldb.Open(nulldb.Row{
		Columns: []string{"id", "name", "category", "price", "stock", "created_at", "updated_at"},
		Values:  []driver.Value{int64(1), "tea", "drinks", int64(250), int64(40), now, now},
	})}
}

// inserting returns the insert of a row with two receivers.
func inserting(b *testing.B, dialector gorm.Dialector, observer signals.Observer) func() {
	b.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	require.NoError(b, err)
	pool, err := db.DB()
	require.NoError(b, err)
	pool.SetMaxOpenConns(1)
	b.Cleanup(func() { _ = pool.Close() })
	if _, null := dialector.(sqlite.Dialector); !null {
		require.NoError(b, db.AutoMigrate(&item{}))
	}
	require.NoError(b, db.Use(signals.Plugin{Observer: observer}))
	var sum int64
	read := func(_ context.Context, e signals.SaveEvent[*item]) error {
		sum += e.Instance.Price
		return nil
	}
	items := signals.For[item](db)
	items.PreSave.Connect(read)
	items.PostSave.Connect(read)
	return func() {
		if err := db.Create(&item{Name: "tea", Category: "drinks", Price: 250, Stock: 40}).Error; err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInsert inserts a row with two receivers, with each observer by itself, and then with all of them in turns, for the ratios.
func BenchmarkInsert(b *testing.B) {
	for _, on := range []struct {
		name string
		open func() gorm.Dialector
	}{{"memory", inMemory}, {"null", nowhere}} {
		for _, way := range ways() {
			b.Run(on.name+"/"+way.name, func(b *testing.B) {
				insert := inserting(b, on.open(), way.observer)
				b.ReportAllocs()
				for b.Loop() {
					insert()
				}
			})
		}
		b.Run(on.name+"/ratio", func(b *testing.B) { compare(b, on.open) })
	}
}

// compare runs the ways in turns and reports medians, because only figures of one machine at one time can be compared.
func compare(b *testing.B, open func() gorm.Dialector) {
	b.Helper()
	all := ways()
	inserts := make([]func(), len(all))
	ratios := make([][]float64, len(all))
	for n, way := range all {
		inserts[n] = inserting(b, open(), way.observer)
	}
	const times = 200
	round := 0
	for b.Loop() {
		took := make([]float64, len(all))
		for n := range all {
			n = (n + round) % len(all) // nobody always comes after the same one
			started := time.Now()
			for range times {
				inserts[n]()
			}
			took[n] = float64(time.Since(started))
		}
		for n := range all {
			ratios[n] = append(ratios[n], took[n]/took[0])
		}
		round++
	}
	for n, way := range all[1:] {
		slices.Sort(ratios[n+1])
		b.ReportMetric(ratios[n+1][round/2], way.name+"/none")
	}
}
