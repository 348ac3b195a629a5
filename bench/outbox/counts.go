package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gorm-signals/signals/bench/internal/statements"
)

// counts are numbers of statements by call and listener.
type counts map[string]map[string]int

// count counts the statements of each call with each listener, except those that begin and end transactions. Statements that mark events of durable
// receivers as done follow within 20 milliseconds, and count too.
func count(ctx context.Context, d database, dir string) (c counts, err error) {
	var n atomic.Int64
	s, err := openShop(ctx, d, dir, func(query string) {
		if !statements.OfTransaction(query) {
			n.Add(1)
		}
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c = counts{}
	for _, of := range calls() {
		c[of.name] = map[string]int{}
		for _, l := range listeners() {
			if of.name == appendLink && (l.name == toPublish || l.name == toDurable) {
				continue // these listeners connect only to products
			}
			for range 3 { // the first call makes queries that the library makes once in a program
				if err := s.called(ctx, of, l, func() { n.Store(0) }); err != nil {
					return nil, err
				}
			}
			c[of.name][l.name] = int(n.Load())
		}
	}
	return c, nil
}

// called makes a call, and calls begin right before it.
func (s *shop) called(ctx context.Context, of call, l listener, begin func()) error {
	key, err := s.fill(of.rows)
	if err != nil {
		return err
	}
	stop := l.connect(s)
	begin()
	err = errors.Join(of.run(s.db, key), s.ob.Wait(ctx))
	stop()
	return err
}
