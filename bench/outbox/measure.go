package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/natsembed"
	"github.com/gorm-signals/signals/outbox/natsjs"
	"github.com/nats-io/nats.go/jetstream"
	"gorm.io/gorm"
)

// figures are the results on one database.
type figures struct {
	plain              time.Duration // an insert without a receiver
	published, durable float64       // inserts with an event, as ratios to plain
	byHand             float64       // an insert with a prepared record inserted by hand, as a ratio to plain: the floor of both
	relay, engine      float64       // events a second, into nothing and into JetStream
	p50, p99           time.Duration // from the commit to the consumer
}

func measure(ctx context.Context, d database, dir string, events int) (f figures, taking slow, err error) {
	s, err := openShop(ctx, d, dir, nil)
	if err != nil {
		return f, taking, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err = s.writes(&f); err != nil {
		return f, taking, err
	}
	if taking, err = s.slow(ctx); err != nil {
		return f, taking, err
	}
	return f, taking, s.relays(ctx, dir, events, &f)
}

// relays measures how fast a relay sends events, and how long they take to a consumer.
func (s *shop) relays(ctx context.Context, dir string, events int, f *figures) (err error) {
	if f.relay, err = s.drain(ctx, nowhere{}, events); err != nil {
		return err
	}
	server, err := natsembed.Start(natsembed.Config{Dir: filepath.Join(dir, strconv.Itoa(int(time.Now().UnixNano()))), InProcess: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	nc, err := server.Connect(natsjs.Options()...)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err = natsjs.EnsureStream(ctx, nc, jetstream.StreamConfig{Name: "BENCH"}); err != nil {
		return err
	}
	sink, err := natsjs.NewSink(nc, "BENCH")
	if err != nil {
		return err
	}
	if f.engine, err = s.drain(ctx, sink, events); err != nil {
		return err
	}
	f.p50, f.p99, err = s.latency(ctx, sink, natsjs.Subscriber(nc, "BENCH", natsjs.Durable("bench")))
	return err
}

// nowhere is a sink that stores nothing.
type nowhere struct{}

func (nowhere) Send(context.Context, []outbox.Message) []error { return nil }

// writes measures inserts, in turns: without an event, with a published event, with a durable receiver that is called, and with a record inserted by
// hand.
func (s *shop) writes(f *figures) error {
	const rounds, n = 9, 200
	m := signals.For[Product](s.db)
	durable := func() (stop func()) {
		end := m.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, outbox.Durable(s.ob, "bench"))
		return func() { end() }
	}
	publish := func() (stop func()) { return outbox.Publish[Product](s.ob) }
	create := func(p *Product) error { return s.db.Create(p).Error }
	var plain []time.Duration
	var published, kept, byHand []float64
	for range rounds {
		base, err := inserts(n, create)
		if err != nil {
			return err
		}
		plain = append(plain, base)
		for _, way := range []struct {
			connect func() func()
			insert  func(p *Product) error
			ratios  *[]float64
		}{{publish, create, &published}, {durable, create, &kept}, {nobody, s.createByHand, &byHand}} {
			stop := way.connect()
			took, err := inserts(n, way.insert)
			stop()
			err = errors.Join(err, s.ob.Wait(context.Background()))
			if err != nil {
				return err
			}
			*way.ratios = append(*way.ratios, float64(took)/float64(base))
		}
	}
	f.plain, f.published, f.durable, f.byHand = middle(plain), middle(published), middle(kept), middle(byHand)
	return s.empty(table)
}

func inserts(n int, insert func(p *Product) error) (time.Duration, error) {
	start := time.Now()
	for range n {
		if err := insert(&Product{Name: "lamp", Price: 30}); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / time.Duration(n), nil
}

// createByHand inserts a row and a prepared record in one transaction.
func (s *shop) createByHand(p *Product) error {
	return s.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(p).Error; err != nil {
			return err
		}
		const data = `{"instance":{"ID":1,"Name":"lamp","Price":30},"created":true}`
		sql := "INSERT INTO " + table + " (id, channel, type, subject, headers, content_type, data, created_at, error)" +
			" VALUES (?, 'by hand', 'post_save bench_products', 'bench_products:1', '', 'application/json', ?, 0, '')"
		if s.db.Name() == "postgres" {
			sql = strings.Replace(strings.Replace(sql, "?", "$1", 1), "?", "$2", 1)
		}
		_, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, sql, uuidOf(p.ID), []byte(data))
		return err
	})
}

// uuidOf makes a number look like the id of an event.
func uuidOf(n uint) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }

func middle[T int64 | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// drain measures how many events a second a relay sends.
func (s *shop) drain(ctx context.Context, sink outbox.Sink, events int) (float64, error) {
	stop := outbox.Publish[Product](s.ob)
	rows := make([]Product, events)
	for i := range rows {
		rows[i] = Product{Name: "lamp", Price: 30}
	}
	err := s.db.CreateInBatches(&rows, 500).Error
	stop()
	if err != nil {
		return 0, err
	}
	relay, sent := s.ob.Relay(sink), 0
	start := time.Now()
	for {
		n, err := relay.Drain(ctx)
		if err != nil || n == 0 {
			return float64(sent) / time.Since(start).Seconds(), err
		}
		sent += n
	}
}

// latency measures the time from a commit to a consumer, while one writer inserts 200 rows a second.
func (s *shop) latency(ctx context.Context, sink outbox.Sink, sub outbox.Subscriber) (p50, p99 time.Duration, err error) {
	const n = 1000
	stop := outbox.Publish[Product](s.ob)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var mu sync.Mutex
	arrived, ready := map[int64]time.Time{}, make(chan struct{})
	outbox.On(sub, func(_ context.Context, e outbox.Event[Product]) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case e.Payload.Price == 0: // the consumer has handled all earlier events
			close(ready)
		case e.Payload.Price < 0:
			arrived[e.Payload.Price] = time.Now()
			if len(arrived) == n {
				cancel()
			}
		}
		return nil
	})
	var group sync.WaitGroup
	group.Go(func() { s.ob.Relay(sink).Run(ctx) })
	group.Go(func() { err = sub.Run(ctx) })
	failed := s.db.Create(&Product{}).Error
	select {
	case <-ready:
	case <-ctx.Done():
		failed = errors.Join(failed, errors.New("the consumer does not catch up within a minute"))
	}
	committed := make(map[int64]time.Time, n)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := int64(1); i <= n && failed == nil; i++ {
		<-tick.C
		failed = s.db.Create(&Product{Price: -i}).Error
		committed[-i] = time.Now()
	}
	if failed != nil {
		cancel()
		group.Wait()
		return 0, 0, failed
	}
	group.Wait()
	if err != nil || len(arrived) < n {
		return 0, 0, errors.Join(err, errors.New("not every event arrived within a minute"))
	}
	took := make([]time.Duration, 0, n)
	for price, at := range arrived {
		took = append(took, max(0, at.Sub(committed[price]))) // an event may arrive before Create returns
	}
	slices.Sort(took)
	return took[n/2], took[n*99/100], nil
}
