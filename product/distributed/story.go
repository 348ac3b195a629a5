package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorm-signals/signals/outbox"           //nolint:depguard // The demo is a program of its own module.
	"github.com/gorm-signals/signals/outbox/natsembed" //nolint:depguard // The demo is a program of its own module.
	"github.com/gorm-signals/signals/outbox/natsjs"    //nolint:depguard // The demo is a program of its own module.
	"github.com/nats-io/nats.go/jetstream"             //nolint:depguard // The demo is a program of its own module.
	"gorm.io/gorm"
)

// timeout is how long the story may take.
const timeout = 5 * time.Minute

// story is the process that starts the others and prints what happens.
type story struct {
	*stage

	dir              string
	server           *natsembed.Server
	shopDB, searchDB *gorm.DB
	ob               *outbox.Outbox
	steps            int

	mu    sync.Mutex
	out   io.Writer
	quiet bool // does not print what search does

	handled atomic.Int64 // number of lines of search
}

// open makes the tables and starts the server.
func (s *story) open(ctx context.Context) (err error) {
	if s.shopDB, s.ob, err = openShop(s.dir); err != nil {
		return err
	}
	if s.searchDB, err = openDB(s.dir, searchFile); err != nil {
		return err
	}
	if err = migrate(ctx, s.shopDB, s.searchDB, s.ob); err != nil {
		return fmt.Errorf("cannot make the tables: %w", err)
	}
	if s.server, err = natsembed.Start(natsembed.Config{Dir: filepath.Join(s.dir, streamDir)}); err != nil {
		return err
	}
	nc, err := s.server.Connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	return natsjs.EnsureStream(ctx, nc, jetstream.StreamConfig{Name: stream})
}

// close ends the processes and the server, and closes the files.
func (s *story) close() error {
	errs := []error{s.stage.close()}
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	for _, db := range []*gorm.DB{s.shopDB, s.searchDB} {
		if db != nil {
			errs = append(errs, closeDB(db))
		}
	}
	return errors.Join(errs...)
}

// tell goes through the story step by step.
func (s *story) tell(ctx context.Context) error {
	for _, step := range []func(ctx context.Context) error{
		s.begin, s.createProducts, s.lowerPrices, s.archivePoster, s.changeMind, s.killRelay, s.startRelay,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", s.steps, err)
		}
	}
	return nil
}

// step prints a step: what happens, and the code for it.
func (s *story) step(text, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps++
	fmt.Fprintf(s.out, "\n%d. %s\n   %s\n", s.steps, text, code)
}

func (s *story) say(format string, a ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "     "+format+"\n", a...)
}

func (s *story) setQuiet(quiet bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = quiet
}

// heard gets every line of the processes.
func (s *story) heard(role, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if role == searchName {
		defer s.handled.Add(1)
		if s.quiet {
			return
		}
	}
	fmt.Fprintf(s.out, "     %-7s %s\n", role, line)
}

func (s *story) begin(context.Context) error {
	s.step("A JetStream server starts in this process, and three processes beside it.", `natsembed.Start(...); natsjs.EnsureStream(...)`)
	s.url, s.hear = s.server.URL(), s.heard
	s.say("%-7s listens on %s", "engine", s.url)
	for _, role := range []string{"shop", "relay", searchName} {
		if err := s.start(role); err != nil {
			return err
		}
		s.say("%-7s is process %d", role, s.actors[role].cmd.Process.Pid)
	}
	return nil
}

func (s *story) createProducts(ctx context.Context) error {
	s.step("The shop creates three products. An event of each is written in the same transaction, and reaches search.", "db.Create(&products)")
	return s.both(ctx, "create")
}

func (s *story) lowerPrices(ctx context.Context) error {
	s.step("One statement lowers two prices. Search hears of each row, with the price that it now has.",
		`db.Model(&Product{}).Where("id IN ?", ids).Update("price", gorm.Expr("price - ?", 100))`)
	return s.both(ctx, "lower")
}

func (s *story) archivePoster(ctx context.Context) error {
	s.step("The poster is taken out of the shop, and out of the index.", "db.Delete(&poster)")
	return s.both(ctx, "archive")
}

func (s *story) changeMind(ctx context.Context) error {
	s.step("A transaction rolls back. Its events roll back with it, so search hears nothing.",
		"db.Transaction: create the teapot, delete the lamp, return an error")
	return s.both(ctx, "change mind")
}

func (s *story) killRelay(ctx context.Context) error {
	s.step(fmt.Sprintf("The shop makes %d changes. The relay is killed in the middle, and the shop does not notice.", 4*lot), "kill -9 relay")
	s.setQuiet(true)
	enough := s.handled.Load() + lot/10
	finished, err := s.command("shop", "sell a lot")
	if err != nil {
		return err
	}
	if err = s.until(ctx, func() (bool, error) { return s.handled.Load() >= enough, nil }); err != nil {
		return err
	}
	if err = s.kill("relay"); err != nil {
		return err
	}
	s.say("%-7s is killed", "relay")
	if err = s.wait(ctx, finished); err != nil {
		return err
	}
	if finished, err = s.command("shop", "sell a lot"); err != nil {
		return err
	}
	if err = s.wait(ctx, finished); err != nil {
		return err
	}
	lags, err := s.ob.Lag(ctx)
	if err != nil {
		return err
	}
	for _, lag := range lags {
		s.say("%-7s %d events wait in the outbox", "result", lag.Pending)
	}
	return nil
}

func (s *story) startRelay(ctx context.Context) error {
	s.step("Another relay starts, and goes on. What the dead one had sent without a note goes again, with the same id: it counts once.",
		"ob.Relay(sink).Run(ctx)")
	if err := s.start("relay"); err != nil {
		return err
	}
	s.say("%-7s is process %d", "relay", s.actors["relay"].cmd.Process.Pid)
	return s.agree(ctx)
}

// both sends a command to the shop, and waits until search has the changes.
func (s *story) both(ctx context.Context, what string) error {
	finished, err := s.command("shop", what)
	if err != nil {
		return err
	}
	if err = s.wait(ctx, finished); err != nil {
		return err
	}
	return s.agree(ctx)
}

// wait waits until the shop has executed a command.
func (s *story) wait(ctx context.Context, finished <-chan struct{}) error {
	select {
	case <-finished:
		return nil
	case <-s.actors["shop"].ended:
		return s.ended()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// agree waits until search has handled as many changes as the shop has committed, and prints the number.
func (s *story) agree(ctx context.Context) error {
	var committed, handled int
	err := s.until(ctx, func() (_ bool, err error) {
		if committed, err = changes(ctx, s.shopDB); err != nil {
			return false, err
		}
		handled, err = changes(ctx, s.searchDB)
		return handled >= committed, err
	})
	if err != nil {
		return fmt.Errorf("the shop has committed %d changes and search has handled %d: %w", committed, handled, err)
	}
	s.say("%-7s %d changes are committed by the shop, %d are handled by search", "result", committed, handled)
	return nil
}

// until waits for a condition.
func (s *story) until(ctx context.Context, so func() (bool, error)) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		if is, err := so(); is || err != nil {
			return err
		}
		if err := s.ended(); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
