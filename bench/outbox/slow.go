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
	byHand                 spread          // of an insert with a ready record inserted by hand: the floor of durable
	rates                  map[int]float64 // events per second of a durable receiver whose call takes 20 ms, by its number of workers
}

// spread holds two percentiles.
type spread struct{ p50, p99 time.Duration }

// workerCounts are the numbers of workers in the measurements.
func workerCounts() []int { return []int{1, 2, 4, 8, 16, 32} }

func (s *shop) slow(ctx context.Context) (found slow, err error) {
	const rounds, n, takes = 20, 100, 100 * time.Millisecond
	lane := signals.NewLane(signals.LaneConfig{Name: "bench", Workers: 32, Queue: 1000})
	create := func(p *Product) error { return s.db.Create(p).Error }
	nothing := func(context.Context) error { return nil }
	var alone, byHand, onLane, durable []time.Duration
	for range rounds { // the ways take turns
		for _, way := range []struct {
			connect func() (stop func())
			insert  func(p *Product) error
			wait    func(ctx context.Context) error
			took    *[]time.Duration
		}{
			{nobody, create, nothing, &alone},
			{nobody, s.createByHand, nothing, &byHand},
			{func() func() { return s.onLane(takes, lane) }, create, lane.Wait, &onLane},
			{func() func() { return s.durable(takes, 32) }, create, s.ob.Wait, &durable},
		} {
			stop := way.connect()
			*way.took, err = timed(*way.took, n, way.insert)
			stop()
			if err = errors.Join(err, way.wait(ctx)); err != nil {
				return found, err
			}
		}
	}
	found = slow{alone: spreadOf(alone), byHand: spreadOf(byHand), onLane: spreadOf(onLane), durable: spreadOf(durable), rates: map[int]float64{}}
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

// nobody connects no receiver.
func nobody() (stop func()) { return func() {} }

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
func timed(took []time.Duration, n int, insert func(p *Product) error) ([]time.Duration, error) {
	for range n {
		start := time.Now()
		if err := insert(&Product{Name: "lamp", Price: 30}); err != nil {
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
	b.WriteString("| database | insert, p50, p99 | with a record by hand | with a receiver of 100 ms on a lane | with a durable receiver of 100 ms |")
	for _, workers := range workerCounts() {
		fmt.Fprintf(b, " workers %d |", workers)
	}
	b.WriteString("\n|---|---|---|---|---|" + strings.Repeat("---|", len(workerCounts())) + "\n")
	for _, d := range databases() {
		s := r.slow[d.name]
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |", d.name, s.alone, s.byHand, s.onLane, s.durable)
		for _, workers := range workerCounts() {
			fmt.Fprintf(b, " %.0f |", s.rates[workers])
		}
		b.WriteString("\n")
	}
}
