package main

import (
	"context"
	"errors"
	"time"
)

// trip is how long a statement is on its way to a database that is not on the same machine, and back.
const trip = time.Millisecond

// distant measures calls with receivers that only look afterwards beside calls without, in turns, on a database that each statement needs a trip to.
// It returns the ratios by the names of the calls.
func distant(ctx context.Context, d database, dir string) (ratios map[string]float64, err error) {
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
	ratios = map[string]float64{}
	for _, of := range calls() {
		if of.name != updateKey && of.name != updateMany && of.name != deleteMany {
			continue
		}
		var all []float64
		for range rounds {
			base, err := took(of, func(*shop) func() { return func() {} })
			if err != nil {
				return nil, err
			}
			with, err := took(of, looksAfterwards)
			if err != nil {
				return nil, err
			}
			all = append(all, with/base)
		}
		ratios[of.name] = middle(all)
	}
	return ratios, nil
}
