package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-signals/signals/bench/internal/measure"
	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// goal is a limit that all figures of some workloads must keep.
type goal struct {
	work, text string
	keys       []string // of workloads
	limit      float64
	format     string
	of         func(f measure.Figures) float64
}

func goals() []goal {
	return slices.Concat(goalsOfOneRow(), goalsOfManyRows(), goalsOfSend(), goalsOfGrowth())
}

func goalsOfOneRow() []goal {
	w0, w2 := on("W0 insert, W0 update, W0 save, W0 delete", "null"), on("W2 update, W2 save", "memory, file")
	return []goal{
		{"W0", "at most 1 allocation more than plain GORM", w0, 1, "%+.0f", moreAllocs(workloads.Plain)},
		{"W0", "at most 120 B more", w0, 120, "%+.0f B", moreBytes},
		{"W0", "at most 100 ns more", w0, 100, "%+.0f ns", moreNanos},
		{"W1", "at most 2 allocations more than plain GORM", on("W1", "null"), 2, "%+.0f", moreAllocs(workloads.Plain)},
		{"W1", "at most 400 B more", on("W1", "null"), 400, "%+.0f B", moreBytes},
		{"W1", "at most 1.00 of GORM's own hooks", on("W1", "null"), 1, "%.2f", ratioTo(workloads.Hooks)},
		{"W2", "update in memory: at most 2.0 of plain GORM", on("W2 update", "memory"), 2, "%.2f", ratioTo(workloads.Plain)},
		{"W2", "save in memory: at most 1.7 of plain GORM", on("W2 save", "memory"), 1.7, "%.2f", ratioTo(workloads.Plain)},
		{"W2", "at most 0.90 of by hand", w2, 0.9, "%.2f", ratioTo(workloads.Hand)},
		{"W2 post", "no statement more than plain GORM", on("W2 post", "memory"), 0, "%+.0f", moreStatements},
		{"W2 post", "at most 1.10 of plain GORM", on("W2 post", "memory"), 1.1, "%.2f", ratioTo(workloads.Plain)},
		{"W6", "at most 3 allocations more than without the receiver", on("W6", "null"), 3, "%+.0f", moreAllocs(workloads.Idle)},
	}
}

func goalsOfManyRows() []goal {
	w3, w7 := on("W3 10000, W3 100000", "memory, file"), on("W7", "memory, file")
	return []goal{
		{"W3", "at most 0.65 of by hand", w3, 0.65, "%.2f", ratioTo(workloads.Hand)},
		{"W3", "below database/sql", w3, below, "%.2f", ratioTo(workloads.SQL)},
		{"W3", "below ent", w3, below, "%.2f", ratioTo(entWay)},
		{"W3", "at most 9.5 allocations a row", w3, 9.5, "%.2f", allocs},
		{"W3", "at most 530 B a row", w3, 530, "%.0f B", func(f measure.Figures) float64 { return f[workloads.Signals].Bytes }},
		{"W3", "with a context that can end: at most 0.45 of by hand", on("W3 10000 cancellable", "memory"), 0.45, "%.2f", ratioTo(workloads.Hand)},
		{"W3 post", "at most 6 statements", on("W3 post", "memory"), 6, "%.0f", signalStatements},
		{"W4", "at most 1.03 of plain GORM", on("W4", "null, memory, file"), 1.03, "%.2f", ratioTo(workloads.Plain)},
		{"W7", "at most 0.75 of by hand", w7, 0.75, "%.2f", ratioTo(workloads.Hand)},
		{"W7", "level with bun: at most " + levelText + " of it", w7, level, "%.2f", ratioTo(bunWay)},
		{"W7", "level with ent: at most " + levelText + " of it", w7, level, "%.2f", ratioTo(entWay)},
		{"W7 post", "at most 6 statements", on("W7 post", "memory"), 6, "%.0f", signalStatements},
	}
}

// below is the largest ratio that the table shows as less than 1. Two ways are level if they differ no more than two runs of one way.
const (
	below     = 0.99
	level     = 1.05
	levelText = "1.05"
)

func goalsOfSend() []goal {
	every := on("W5 0, W5 1, W5 10, W5 100, W5 1 request, W5 10 request, W5 1 deep, W5 10 deep", "-")
	return []goal{
		{"W5", "0 allocations", every, 0, "%.0f", allocs},
		{"W5", "10 receivers: at most 1.25 of a plain loop", on("W5 10, W5 10 request, W5 10 deep", "-"), 1.25, "%.2f", ratioTo(workloads.Plain)},
		{"W5", "1 receiver: at most 1.8 of a plain loop", on("W5 1, W5 1 request, W5 1 deep", "-"), 1.8, "%.2f", ratioTo(workloads.Plain)},
	}
}

func goalsOfGrowth() []goal {
	return []goal{
		{"W1", "receivers of 32 other models: no allocation more", on("W1", "null"), 0, "%+.0f", func(f measure.Figures) float64 {
			return f[workloads.Crowd].Allocs - f[workloads.Signals].Allocs
		}},
		{"W1", "receivers of 32 other models: at most 1.05 of without", on("W1", "null"), 1.05, "%.2f", func(f measure.Figures) float64 {
			return f[workloads.Crowd].Ratio / f[workloads.Signals].Ratio
		}},
	}
}

// on lists the keys of all works on all backends.
func on(works, backends string) []string {
	var keys []string
	for work := range strings.SplitSeq(works, ", ") {
		for backend := range strings.SplitSeq(backends, ", ") {
			keys = append(keys, work+" "+backend)
		}
	}
	return keys
}

func moreAllocs(than string) func(measure.Figures) float64 {
	return func(f measure.Figures) float64 { return f[workloads.Signals].Allocs - f[than].Allocs }
}

func moreBytes(f measure.Figures) float64 {
	return f[workloads.Signals].Bytes - f[workloads.Plain].Bytes
}

func moreStatements(f measure.Figures) float64 {
	return signalStatements(f) - float64(f[workloads.Plain].Statements)
}

func signalStatements(f measure.Figures) float64 { return float64(f[workloads.Signals].Statements) }

func allocs(f measure.Figures) float64 { return f[workloads.Signals].Allocs }

func moreNanos(f measure.Figures) float64 { return f[workloads.Signals].More }

func ratioTo(way string) func(measure.Figures) float64 {
	return func(f measure.Figures) float64 { return f[workloads.Signals].Ratio / f[way].Ratio }
}

// reached is the table of the goals.
func reached(r results) string {
	var b strings.Builder
	b.WriteString("| | goal | measured, **bold** where missed | | the floor |\n|---|---|---|---|---|\n")
	for _, g := range goals() {
		var values, least []value
		for _, key := range g.keys {
			f, ok := r.figures[key]
			if !ok {
				continue
			}
			values = append(values, g.value(key, g.of(f)))
			if atLeast, ok := f[workloads.Floor]; ok && !values[len(values)-1].met {
				f = maps.Clone(f)
				f[workloads.Signals] = atLeast
				least = append(least, g.value(key, g.of(f)))
			}
		}
		line(&b, g.work, g.text, values, least...)
	}
	line(&b, "W3", "grows by less than 4 MB", memories(r))
	line(&b, "W6", "at most 500 B held by an event of one row that waits", heldBytes(r, func(h measure.Held) float64 { return h.One }, 500))
	line(&b, "W6", "at most 90 B held by an event of a row of many", heldBytes(r, func(h measure.Held) float64 { return h.Bulk }, 90))
	line(&b, "Connect", "at most 10 us with 1,000 models", connectMicros(r, func(c measure.Connecting) float64 { return c.Connect }, 10))
	line(&b, "Connect", "the next write: at most 100 us more", connectMicros(r, func(c measure.Connecting) float64 { return c.More }, 100))
	line(&b, "W3", "the ratio to by hand at 100,000 rows is at most 1.1 of that at 10,000", growths(r))
	return b.String()
}

// value is one measured value of a goal.
type value struct {
	text string
	met  bool
}

func (g goal) value(key string, v float64) value {
	form := grouped(strings.TrimSuffix(strings.TrimPrefix(key, g.work+" "), " "+string(workloads.Nowhere)))
	shown := fmt.Sprintf(g.format, v)
	var rounded float64 // the judgement uses the rounded value that the table shows
	_, _ = fmt.Sscanf(shown, "%g", &rounded)
	return value{text: form + ": " + shown, met: rounded <= g.limit}
}

func memories(r results) []value {
	var values []value
	for _, g := range r.grown {
		mb := g.megabytes[workloads.Signals]
		values = append(values, value{fmt.Sprintf("%s rows: %.2f MB", grouped(strconv.Itoa(g.rows)), mb), mb < 4})
	}
	return values
}

func heldBytes(r results, of func(measure.Held) float64, most float64) []value {
	if r.held == nil {
		return nil
	}
	bytes := math.Round(of(*r.held))
	return []value{{fmt.Sprintf("%.0f B", bytes), bytes <= most}}
}

func connectMicros(r results, of func(measure.Connecting) float64, most float64) []value {
	if r.connecting == nil {
		return nil
	}
	us := of(*r.connecting) / 1000
	return []value{{fmt.Sprintf("%.1f us", us), us <= most}}
}

// growths compares large deletes with small ones, each as a ratio to code by hand: with many rows, memory and caches make each row dearer for every
// way.
func growths(r results) []value {
	g := goal{work: "W3", limit: 1.1, format: "%.2f"}
	var values []value
	for _, backend := range []string{"memory", "file"} {
		few, many := r.figures["W3 10000 "+backend], r.figures["W3 100000 "+backend]
		if few != nil && many != nil {
			values = append(values, g.value(backend, ratioTo(workloads.Hand)(many)/ratioTo(workloads.Hand)(few)))
		}
	}
	return values
}

// line writes one goal. least are the values of the floor where the goal was missed.
func line(b *strings.Builder, work, text string, values []value, least ...value) {
	verdict := "met"
	if len(values) == 0 {
		verdict = "not measured"
	}
	if slices.ContainsFunc(values, func(v value) bool { return !v.met }) {
		verdict = "**missed**"
	}
	shown := make([]string, len(values))
	for i, v := range values {
		if shown[i] = v.text; !v.met {
			shown[i] = "**" + v.text + "**"
		}
	}
	floor := make([]string, len(least))
	for i, v := range least {
		floor[i] = v.text
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", work, text, strings.Join(shown, "; "), verdict, strings.Join(floor, "; "))
}
