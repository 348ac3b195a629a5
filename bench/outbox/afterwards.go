package main

import (
	"context"
	"errors"
	"time"
)

// trip is how long a statement takes to a database on another machine and back.
const trip = time.Millisecond

// far is how long a call takes if the database is on another machine.
type far struct {
	nobody time.Duration
	ratio  float64 // with receivers that only look afterwards, as a ratio to nobody
}

// distant measures calls with and without receivers that only look afterwards, in turns. Each statement waits for a trip. The result is by the names
// of the calls.
func distant(ctx context.Context, d database, dir string) (all map[string]far, err error) {
	const rounds = 9
	away := false
	s, err := openShop(ctx, d, dir, func(string) {
		if away {
			time.Sleep(trip)
		}
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	took := func(of call, connect func(*shop) func()) (float64, error) {
		key, err := s.fill(of.rows)
		if err != nil {
			return 0, err
		}
		defer connect(s)()
		away = true
		defer func() { away = false }()
		times := max(1, 50/of.rows) // a call of one row is short
		start := time.Now()
		for range times {
			if err := of.run(s.db, key); err != nil {
				return 0, err
			}
		}
		return float64(time.Since(start)) / float64(times), nil
	}
	all = map[string]far{}
	for _, of := range calls() {
		if of.name != updateKey && of.name != updateMany && of.name != deleteMany {
			continue
		}
		var bases, ratios []float64
		for range rounds {
			base, err := took(of, func(*shop) func() { return func() {} })
			if err != nil {
				return nil, err
			}
			with, err := took(of, looksAfterwards)
			if err != nil {
				return nil, err
			}
			bases, ratios = append(bases, base), append(ratios, with/base)
		}
		all[of.name] = far{time.Duration(middle(bases)), middle(ratios)}
	}
	return all, nil
}
