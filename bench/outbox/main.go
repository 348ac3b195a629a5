// Command outbox measures what the outbox costs and how fast it is: writes with and without events, the relay into JetStream, and the
// way from a commit to a consumer. Run it with make bench-outbox from the top of the repository.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

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
	var text strings.Builder
	fmt.Fprintf(&text, "Measured on %d cores, %s/%s, %s, with everything on one machine: databases, relay, JetStream with file storage, consumer.\n\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	text.WriteString("| database | insert of a row | with an event published | with a durable receiver | relay, events a second | into JetStream | commit to consumer, p50 | p99 |\n")
	text.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, d := range databases() {
		r, err := measure(ctx, d, dir, events)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		fmt.Fprintf(&text, "| %s | %s | %.2f | %.2f | %s | %s | %s | %s |\n", d.name, micros(r.plain), r.published, r.durable, rate(r.relay), rate(r.engine),
			millis(r.p50), millis(r.p99))
	}
	if _, err := io.WriteString(out, text.String()); err != nil || file == "" {
		return err
	}
	return page.Rewrite(file, "bench-outbox", text.String())
}

func micros(d time.Duration) string { return fmt.Sprintf("%.0f us", float64(d)/1e3) }
func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

// rate writes a rate in thousands.
func rate(perSecond float64) string { return fmt.Sprintf("%.1fk", perSecond/1000) }
