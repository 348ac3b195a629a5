package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
)

// slow are the figures of receivers that take long.
type slow struct {
	alone, onLane, durable spread          // of one insert: without a receiver, and with one that takes 100 ms
	rates                  map[int]float64 // events per second of a durable receiver whose call takes 20 ms, by its number of workers
}

// spread holds two percentiles.
type spread struct{ p50, p99 time.Duration }

// workerCounts are the numbers of workers in the measurements.
func workerCounts() []int { return []int{1, 2, 4, 8, 16, 32} }

func (s *shop) slow(ctx context.Context) (found slow, err error) {
	const rounds, n = 10, 50
	lane := signals.NewLane(signals.LaneConfig{Name: "bench", Workers: 32, Queue: 1000})
	var alone, onLane, durable []time.Duration
	for range rounds {
		if alone, err = s.timed(alone, n); err != nil {
			return found, err
		}
		stop := s.onLane(100*time.Millisecond, lane)
		onLane, err = s.timed(onLane, n)
		stop()
		if err = errors.Join(err, lane.Wait(ctx)); err != nil {
			return found, err
		}
		stop = s.durable(100*time.Millisecond, 32)
		durable, err = s.timed(durable, n)
		stop()
		if err = errors.Join(err, s.ob.Wait(ctx)); err != nil {
			return found, err
		}
	}
	found = slow{alone: spreadOf(alone), onLane: spreadOf(onLane), durable: spreadOf(durable), rates: map[int]float64{}}
	for _, workers := range workerCounts() {
		rows := make([]Product, 20+20*workers)
		for i := range rows {
			rows[i] = Product{Name: "lamp", Price: 30}
		}
		stop := s.durable(20*time.Millisecond, workers)
		start := time.Now()
		err = errors.Join(s.db.Create(&rows).Error, s.ob.Wait(ctx))
		found.rates[workers] = float64(len(rows)) / time.Since(start).Seconds()
		stop()
		if err != nil {
			return found, err
		}
	}
	return found, s.empty(table)
}

// onLane connects a receiver that takes this long, on a lane.
func (s *shop) onLane(takes time.Duration, lane *signals.Lane) (stop func()) {
	end := signals.For[Product](s.db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
		time.Sleep(takes)
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	return func() { end() }
}

// durable connects a durable receiver that takes this long.
func (s *shop) durable(takes time.Duration, workers int) (stop func()) {
	end := signals.For[Product](s.db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
		time.Sleep(takes)
		return nil
	}, outbox.Durable(s.ob, "bench slow", outbox.Workers(workers)))
	return func() { end() }
}

// timed inserts n rows, and appends the time of each insert.
func (s *shop) timed(took []time.Duration, n int) ([]time.Duration, error) {
	for range n {
		start := time.Now()
		if err := s.db.Create(&Product{Name: "lamp", Price: 30}).Error; err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

func (s spread) String() string { return micros(s.p50) + ", " + micros(s.p99) }

func spreadOf(took []time.Duration) spread {
	slices.Sort(took)
	return spread{took[len(took)/2], took[len(took)*99/100]}
}

// slowOnes writes the table of receivers that take long.
func (r results) slowOnes(b *strings.Builder) {
	b.WriteString("| database | insert, p50, p99 | with a receiver of 100 ms on a lane | with a durable receiver of 100 ms |")
	for _, workers := range workerCounts() {
		fmt.Fprintf(b, " workers %d |", workers)
	}
	b.WriteString("\n|---|---|---|---|" + strings.Repeat("---|", len(workerCounts())) + "\n")
	for _, d := range databases() {
		s := r.slow[d.name]
		fmt.Fprintf(b, "| %s | %s | %s | %s |", d.name, s.alone, s.onLane, s.durable)
		for _, workers := range workerCounts() {
			fmt.Fprintf(b, " %.0f |", s.rates[workers])
		}
		b.WriteString("\n")
	}
}
