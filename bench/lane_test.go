package bench_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// BenchmarkLane inserts rows while a receiver that takes 100 ms runs on a lane, in turns with inserts without a receiver. It reports the p50 and p99
// of the inserts, and their differences to those without the receiver.
func BenchmarkLane(b *testing.B) {
	plain, slow := laneDB(b), laneDB(b)
	lane := signals.NewLane(signals.LaneConfig{Name: "slow", Workers: 8, Queue: 1 << 30})
	signals.For[workloads.Product](slow).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*workloads.Product]) error {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	insert := func(db *gorm.DB) time.Duration {
		begun := time.Now()
		check(b, db.Create(&workloads.Product{Name: "lamp"}).Error)
		return time.Since(begun)
	}
	var without, with []time.Duration
	for b.Loop() {
		without, with = append(without, insert(plain)), append(with, insert(slow))
	}
	b.StopTimer()
	ended, cancel := context.WithCancel(b.Context())
	cancel()
	_ = lane.Shutdown(ended) // most calls still wait, and are not needed
	at := func(took []time.Duration, percent int) float64 {
		slices.Sort(took)
		return float64(took[(len(took)-1)*percent/100].Microseconds()) / 1000
	}
	for percent, name := range map[int]string{50: "p50", 99: "p99"} {
		b.ReportMetric(at(with, percent), name+"-ms")
		b.ReportMetric(at(with, percent)-at(without, percent), name+"+ms")
	}
	b.ReportMetric(0, "ns/op") // meaningless here
}

// laneDB returns a SQLite database in a file of its own, with the plugin.
func laneDB(b *testing.B) *gorm.DB {
	b.Helper()
	dsn := filepath.Join(b.TempDir(), "lane.db") + "?_journal_mode=WAL&_sync=1"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(b, err)
	b.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			check(b, pool.Close())
		}
	})
	require.NoError(b, db.AutoMigrate(&workloads.Product{}))
	require.NoError(b, db.Use(signals.Plugin{ErrorHandler: func(context.Context, error) {}}))
	return db
}
