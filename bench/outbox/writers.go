package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// crowd is how many inserts a second so many writers make together.
type crowd struct {
	writers int
	rates   map[string]float64 // by listener
}

// writers measures inserts by 1 to 16 goroutines, with one listener after the other.
func writers(ctx context.Context, d database, dir string) (all []crowd, err error) {
	const rounds, turn = 5, 200 * time.Millisecond
	s, err := openShop(ctx, d, dir, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	pool, err := s.db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxIdleConns(16)
	for _, n := range []int{1, 2, 4, 8, 16} {
		rates := map[string][]float64{}
		for range rounds {
			for _, l := range listeners() {
				stop := l.connect(s)
				rate, err := s.insertsBy(n, turn)
				stop()
				if err = errors.Join(err, s.ob.Wait(ctx), s.empty(products), s.empty(table)); err != nil {
					return nil, err
				}
				rates[l.name] = append(rates[l.name], rate)
			}
		}
		c := crowd{n, map[string]float64{}}
		for name, found := range rates {
			c.rates[name] = middle(found)
		}
		all = append(all, c)
	}
	return all, nil
}

// insertsBy returns how many inserts a second n goroutines make.
func (s *shop) insertsBy(n int, turn time.Duration) (float64, error) {
	var made atomic.Int64
	var group sync.WaitGroup
	failed := make([]error, n)
	start := time.Now()
	for i := range n {
		group.Go(func() {
			for time.Since(start) < turn && failed[i] == nil {
				failed[i] = s.db.Create(&Product{Name: "lamp", Price: 30}).Error
				made.Add(1)
			}
		})
	}
	group.Wait()
	return float64(made.Load()) / time.Since(start).Seconds(), errors.Join(failed...)
}
