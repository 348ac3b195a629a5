// Command peers measures what signals cost beside plain GORM, GORM's own hooks, code written by hand, bun and ent, and prints
// it as tables. Run it with make bench from the top of the repository.
package main

import (
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
	r, err := o.measure()
	if err != nil {
		return err
	}
	text := m + noise(r) + "\n" + table(r) + "\n### Statements per call\n\n" + statements(r) + "\n### What to reach\n\n" + reached(r)
	if _, err := io.WriteString(out, text); err != nil || file == "" {
		return err
	}
	return page.Rewrite(file, "bench", text)
}

// options say what is measured.
type options struct {
	short bool
	only  string
	log   io.Writer
}

// results are what was measured.
type results struct {
	list    []workloads.Workload // in the order of the table
	figures map[string]measure.Figures
	grown   []grown
}

// counted reports whether the statements of a workload are counted: once for all files, contexts and numbers of rows.
func counted(w workloads.Workload) bool { return w.On == workloads.Memory && !w.Long && !w.Ends }

// grown is how much memory W3 takes at most, in megabytes by the way.
type grown struct {
	rows      int
	megabytes map[string]float64
}

func (o options) measure() (results, error) {
	plan := measure.Plan{Rounds: 7, Budget: 4 * time.Second}
	memory := []int{100_000, 1_000_000}
	if o.short {
		plan = measure.Plan{Rounds: 7, Budget: 300 * time.Millisecond}
		memory = memory[:1]
	}
	r := results{figures: map[string]measure.Figures{}}
	for _, w := range all() {
		if o.short && w.Long || !strings.HasPrefix(w.Key(), o.only) {
			continue
		}
		started := time.Now()
		figures, err := measure.Compare(w, plan)
		if err == nil && counted(w) {
			err = figures.Statements(w)
		}
		if err != nil {
			return results{}, err
		}
		r.list, r.figures[w.Key()] = append(r.list, w), figures
		o.report(w.Key(), started)
	}
	for _, rows := range memory {
		name, started := fmt.Sprintf("W3 grown %d", rows), time.Now()
		if !strings.HasPrefix(name, o.only) {
			continue
		}
		megabytes, err := measure.Grown(withPeers(workloads.Delete(rows, workloads.Memory)))
		if err != nil {
			return results{}, err
		}
		r.grown = append(r.grown, grown{rows, megabytes})
		o.report(name, started)
	}
	return r, nil
}

// report tells whoever waits how far it is.
func (o options) report(what string, started time.Time) {
	_, _ = fmt.Fprintf(o.log, "%-28s %5.1f s\n", what, time.Since(started).Seconds())
}
