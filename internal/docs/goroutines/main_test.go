package goroutines_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Picture is a row of the table pictures.
type Picture struct {
	ID   uint
	Name string
}

// Counter is called by all goroutines that write pictures, so a mutex guards its map.
type Counter struct {
	mu     sync.Mutex
	counts map[string]int
}

// PostSave is connected with AfterCommit. It runs on the goroutine of each write.
func (c *Counter) PostSave(_ context.Context, e signals.SaveEvent[*Picture]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[e.Instance.Name]++
	return nil
}

// Thumbnails makes thumbnails of pictures, in three sizes.
type Thumbnails struct {
	scale func(ctx context.Context, id uint, width int) error
}

// PostSave starts goroutines and waits for them. It gives them values and not the event.
func (t *Thumbnails) PostSave(ctx context.Context, e signals.SaveEvent[*Picture]) error {
	id := e.Instance.ID
	var sizes sync.WaitGroup
	failed := make(chan error, 3)
	for _, width := range []int{64, 256, 1024} {
		sizes.Go(func() {
			if err := t.scale(ctx, id, width); err != nil {
				failed <- err
			}
		})
	}
	sizes.Wait()
	close(failed)
	return <-failed // nil if no scaling has failed
}

func Example() {
	if err := run(); err != nil {
		log.Fatal(err)
	}

	// Output:
	// map[cat:4] counted, 4 pictures scaled
}

func run() error {
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := gorm.Open(sqlite.Open(filepath.Join(dir, "pictures.db") + "?_txlock=immediate&_busy_timeout=5000"))
	if err != nil {
		return err
	}
	if err = errors.Join(db.Use(signals.Plugin{}), db.AutoMigrate(&Picture{})); err != nil {
		return err
	}

	counter := &Counter{counts: map[string]int{}}
	signals.ConnectAll[Picture](db, counter, signals.AfterCommit(), signals.UID("count"))
	lane := signals.NewLane(signals.LaneConfig{Name: "thumbnails", Workers: 4, Timeout: time.Minute})
	thumbnails := &Thumbnails{scale: func(context.Context, uint, int) error { return nil }}
	signals.ConnectAll[Picture](db, thumbnails, signals.AfterCommit(), signals.In(lane), signals.UID("thumbnails"))

	written := make(chan error, 4)
	for range cap(written) { // as the requests of a server
		go func() { written <- db.Create(&Picture{Name: "cat"}).Error }()
	}
	err = errors.Join(<-written, <-written, <-written, <-written)
	err = errors.Join(err, lane.Shutdown(context.Background())) // waits for the thumbnails
	fmt.Println(counter.counts, "counted,", lane.Stats().Done, "pictures scaled")
	return err
}
