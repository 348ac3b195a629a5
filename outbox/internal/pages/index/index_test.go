package index_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/internal/pages/index"
)

// engine is a search engine whose first calls fail.
type engine struct {
	fails int
	found chan string
}

func newEngine(fails int) *engine { return &engine{fails: fails, found: make(chan string, 10)} }

func (s *engine) Put(_ context.Context, _ uint, name string) error {
	if s.fails > 0 {
		s.fails--
		return errors.New("the search engine is away")
	}
	s.found <- name
	return nil
}

// want fails the test if the last name is another one.
func (s *engine) want(t *testing.T, name string) {
	t.Helper()
	select {
	case found := <-s.found:
		if found != name {
			t.Errorf("%q is found", found)
		}
	default:
		t.Error("nothing is found")
	}
}

// open opens a database of its own for a test, with an outbox.
func open(t *testing.T, config outbox.Config) (*gorm.DB, *outbox.Outbox) {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "shop.db") + "?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err = errors.Join(db.Use(signals.Plugin{Strict: true}), db.AutoMigrate(&index.Product{})); err != nil {
		t.Fatal(err)
	}
	config.Source = "/shop"
	ob, err := outbox.Install(db, config)
	if err != nil {
		t.Fatal(err)
	}
	if err = ob.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(ob.Shutdown(context.Background()), pool.Close()); err != nil {
			t.Error(err)
		}
	})
	return db, ob
}

func TestAProductIsFoundOnceItIsWritten(t *testing.T) {
	t.Parallel()
	db, ob := open(t, outbox.Config{Eager: true}) // a write waits for its durable receivers
	search := newEngine(0)
	index.Connect(db, ob, search)

	if err := db.Create(&index.Product{Name: "lamp"}).Error; err != nil {
		t.Fatal(err)
	}
	search.want(t, "lamp")
}

func TestAProductIsFoundSoon(t *testing.T) {
	t.Parallel()
	db, ob := open(t, outbox.Config{}) // as in production
	search := newEngine(0)
	index.Connect(db, ob, search)

	if err := db.Create(&index.Product{Name: "lamp"}).Error; err != nil { // does not wait for the search engine
		t.Fatal(err)
	}
	if err := ob.Wait(t.Context()); err != nil { // waits until what was written here is handled
		t.Fatal(err)
	}
	search.want(t, "lamp")
}

func TestAProductIsFoundAlthoughTheSearchEngineWasAway(t *testing.T) {
	t.Parallel()
	soon := func(int) time.Duration { return time.Millisecond }
	db, ob := open(t, outbox.Config{Eager: true, Backoff: soon, Poll: time.Millisecond})
	search := newEngine(1)
	index.Connect(db, ob, search)

	if err := db.Create(&index.Product{Name: "lamp"}).Error; err != nil { // the write succeeds, and the event is kept
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { ob.Run(ctx) }) // tries again until the receiver has returned nil
	if name := <-search.found; name != "lamp" {
		t.Errorf("%q is found", name)
	}
	stop()
	running.Wait()
}
