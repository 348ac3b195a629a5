// Command outbox measures the cost and the speed of the outbox: writes with and without events, the relay into JetStream, and the time from a commit
// to a consumer. Run it with make bench-outbox from the top of the repository.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/gorm-signals/signals/bench/internal/page"
)

func main() {
	write := flag.String("write", "", "write the table between the markers of this file too")
	events := flag.Int("events", 20_000, "how many events the relay has to drain")
	flag.Parse()
	if err := run(context.Background(), *events, *write, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench-outbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, events int, file string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "bench-outbox")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := measureAll(ctx, dir, events)
	if err != nil {
		return err
	}
	text := r.text()
	if _, err := io.WriteString(out, text); err != nil || file == "" {
		return err
	}
	return page.Rewrite(file, "bench-outbox", text)
}

// results are the figures of all measurements, by the names of databases.
type results struct {
	figures map[string]figures
	counts  map[string]counts
	slow    map[string]slow
	distant map[string]far // on PostgreSQL, by the names of calls
	writers []crowd        // on PostgreSQL
}

func measureAll(ctx context.Context, dir string, events int) (r results, err error) {
	r = results{figures: map[string]figures{}, counts: map[string]counts{}, slow: map[string]slow{}}
	for _, d := range databases() {
		if r.figures[d.name], r.slow[d.name], err = measure(ctx, d, dir, events); err == nil {
			r.counts[d.name], err = count(ctx, d, dir)
		}
		if err == nil && d.name == onPostgres {
			if r.distant, err = distant(ctx, d, dir); err == nil {
				r.writers, err = writers(ctx, d, dir)
			}
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return r, nil
}
