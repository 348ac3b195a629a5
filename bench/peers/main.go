// Command peers measures what signals cost beside plain GORM, GORM's own hooks, code by hand, bun and ent, and prints the figures as tables. Run it
// with make bench from the top of the repository.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gorm-signals/signals/bench/internal/measure"
	"github.com/gorm-signals/signals/bench/internal/page"
	"github.com/gorm-signals/signals/bench/internal/workloads"
)

func main() {
	o := options{log: os.Stderr}
	flag.BoolVar(&o.short, "short", false, "measure in well under a minute: fewer rounds, and not the workloads that take long")
	flag.StringVar(&o.only, "only", "", "measure only workloads whose names start with this, as in \"W2 save\"")
	write := flag.String("write", "", "write the tables between the markers of this file too")
	flag.Parse()
	if err := run(o, *write, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options, file string, out io.Writer) error {
	m, err := about(o.short)
	if err != nil {
		return err
	}
	r, err := o.measure(context.Background())
	if err != nil {
		return err
	}
	text := m + noise(r) + "\n" + table(r) + "\n### Statements per call\n\n" + statements(r) + others(r) + "\n### What to reach\n\n" + reached(r)
	if _, err := io.WriteString(out, text); err != nil || file == "" {
		return err
	}
	return page.Rewrite(file, "bench", text)
}

// options select the measurements.
type options struct {
	short bool
	only  string
	log   io.Writer
}

// results are the figures of all measurements.
type results struct {
	list    []workloads.Workload // in the order of the table
	figures map[string]measure.Figures
	grown   []grown

	held       *measure.Held       // nil if it was not measured
	connecting *measure.Connecting // nil if it was not measured
}

// counted reports whether the statements of a workload are counted. Backend, context and number of rows do not change them, so one variant of each is
// enough.
func counted(w workloads.Workload) bool { return w.On == workloads.Memory && !w.Long && !w.Ends }

// grown is the most memory that W3 takes, in megabytes for each way.
type grown struct {
	rows      int
	megabytes map[string]float64
}

func (o options) measure(ctx context.Context) (results, error) {
	r := results{figures: map[string]measure.Figures{}}
	for _, part := range []func() error{
		func() error { return o.works(&r) },
		func() error { return o.memory(&r) },
		func() error { return o.waiting(&r) },
		func() error { return o.connecting(ctx, &r) },
	} {
		if err := part(); err != nil {
			return results{}, err
		}
	}
	return r, nil
}

func (o options) works(r *results) error {
	plan := measure.Plan{Rounds: 7, Budget: 3 * time.Second}
	if o.short {
		plan.Budget = 300 * time.Millisecond
	}
	for _, w := range all() {
		if o.short && w.Long || !o.wants(w.Key()) {
			continue
		}
		started := time.Now()
		figures, err := measure.Compare(w, plan)
		if err == nil && counted(w) {
			err = figures.Statements(w)
		}
		if err != nil {
			return err
		}
		r.list, r.figures[w.Key()] = append(r.list, w), figures
		o.report(w.Key(), started)
	}
	return nil
}

func (o options) memory(r *results) error {
	for _, rows := range []int{100_000, 1_000_000} {
		name, started := fmt.Sprintf("W3 grown %d", rows), time.Now()
		if o.short && rows > 100_000 || !o.wants(name) {
			continue
		}
		megabytes, err := measure.Grown(withPeers(workloads.Delete(rows, workloads.Memory)))
		if err != nil {
			return err
		}
		r.grown = append(r.grown, grown{rows, megabytes})
		o.report(name, started)
	}
	return nil
}

func (o options) waiting(r *results) error {
	const name = "held"
	if !o.wants(name) {
		return nil
	}
	started := time.Now()
	held, err := measure.HeldByEvents()
	if err != nil {
		return err
	}
	r.held = &held
	o.report(name, started)
	return nil
}

func (o options) connecting(ctx context.Context, r *results) error {
	const name = "Connect"
	if o.short && o.only == "" || !o.wants(name) {
		return nil
	}
	started := time.Now()
	connecting, err := measure.ConnectAmongManyModels(ctx, 7)
	if err != nil {
		return err
	}
	r.connecting = &connecting
	o.report(name, started)
	return nil
}

// wants reports whether something with this name is to be measured.
func (o options) wants(name string) bool { return strings.HasPrefix(name, o.only) }

// report shows the progress.
func (o options) report(what string, started time.Time) {
	_, _ = fmt.Fprintf(o.log, "%-28s %5.1f s\n", what, time.Since(started).Seconds())
}
