package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// text is the part of the page with the figures.
func (r results) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %d cores, %s/%s, %s, with everything on one machine: databases, relay, JetStream with file storage, consumer.\n\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	r.speeds(&b)
	b.WriteString("\n### Receivers that take their time\n\n")
	r.slowOnes(&b)
	b.WriteString("\n### Statements per call\n\n")
	r.statements(&b)
	b.WriteString("\n### PostgreSQL, 1 ms away\n\n")
	r.distances(&b)
	b.WriteString("\n### Writers on PostgreSQL\n\n")
	r.crowds(&b)
	b.WriteString("\n### What to reach with databases and the outbox\n\n")
	r.reached(&b)
	return b.String()
}

func (r results) speeds(b *strings.Builder) {
	b.WriteString("| database | insert of a row | with an event published | with a durable receiver | with a record by hand | relay, events a second | into JetStream | commit to consumer, p50 | p99 |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for _, d := range databases() {
		f := r.figures[d.name]
		fmt.Fprintf(b, "| %s | %s | %.2f | %.2f | %.2f | %s | %s | %s | %s |\n", d.name, micros(f.plain), f.published, f.durable, f.byHand, rate(f.relay), rate(f.engine),
			millis(f.p50), millis(f.p99))
	}
}

func (r results) statements(b *strings.Builder) {
	b.WriteString("| call | database |")
	for _, l := range listeners() {
		b.WriteString(" " + l.name + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(listeners())) + "\n")
	for _, of := range calls() {
		for _, d := range databases() {
			fmt.Fprintf(b, "| %s | %s |", of.name, d.name)
			for _, l := range listeners() {
				shown := "-"
				if n, ok := r.counts[d.name][of.name][l.name]; ok {
					shown = strconv.Itoa(n)
				}
				b.WriteString(" " + shown + " |")
			}
			b.WriteString("\n")
		}
	}
}

func (r results) distances(b *strings.Builder) {
	b.WriteString("| call | nobody | post receivers |\n|---|---|---|\n")
	for _, of := range calls() {
		if f, ok := r.distant[of.name]; ok {
			fmt.Fprintf(b, "| %s | %s | %.2f |\n", of.name, millis(f.nobody), f.ratio)
		}
	}
}

func (r results) crowds(b *strings.Builder) {
	b.WriteString("| writers | inserts a second, nobody listens |")
	for _, l := range listeners()[1:] {
		b.WriteString(" " + l.name + ", part of it |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(listeners())-1) + "\n")
	for _, c := range r.writers {
		fmt.Fprintf(b, "| %d | %.0f |", c.writers, c.rates[toNobody])
		for _, l := range listeners()[1:] {
			fmt.Fprintf(b, " %.2f |", c.rates[l.name]/c.rates[toNobody])
		}
		b.WriteString("\n")
	}
}

func micros(d time.Duration) string { return fmt.Sprintf("%.0f us", float64(d)/1e3) }
func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

// rate writes a rate in thousands.
func rate(perSecond float64) string { return fmt.Sprintf("%.1fk", perSecond/1000) }
