package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// goal is a limit that a figure of a database must keep.
type goal struct {
	work, text string
	limit      float64
	value      float64
	format     string
	floor      float64 // the same figure of code by hand, if that was measured
}

func (r results) goals() []goal {
	sqlite, postgres, maria := r.figures[onSQLite], r.figures[onPostgres], r.figures[onMariaDB]
	all := []goal{
		{"Publish", "SQLite: at most 1.5 of an insert", 1.5, sqlite.published, "%.2f", sqlite.byHand},
		{"Publish", "PostgreSQL: at most 1.3 of an insert", 1.3, postgres.published, "%.2f", postgres.byHand},
		{"Durable", "PostgreSQL: at most 1.75 of an insert", 1.75, postgres.durable, "%.2f", postgres.byHand},
		{"Durable", "MariaDB: at most 2.2 of an insert", 2.2, maria.durable, "%.2f", maria.byHand},
		{"W2 post", "PostgreSQL, 1 ms away: at most 1.02 of nobody", 1.02, r.distant[updateKey].ratio, "%.2f", 0},
		{"W3 post", "PostgreSQL, 1 ms away: at most 1.5 of nobody", 1.5, r.distant[deleteMany].ratio, "%.2f", 0},
		{"W7 post", "PostgreSQL, 1 ms away: at most 1.5 of nobody", 1.5, r.distant[updateMany].ratio, "%.2f", 0},
	}
	for _, d := range databases() {
		all = append(all, r.slow[d.name].goals(d.name)...)
		more := func(of string) float64 { return float64(r.counts[d.name][of][toPost] - r.counts[d.name][of][toNobody]) }
		all = append(all, goal{"m2m append", d.name + ": at most 1 statement more", 1, more(appendLink), "%+.0f", 0})
		for _, of := range []string{updateMany, deleteMany} {
			n := float64(r.counts[d.name][of][toDurable])
			all = append(all, goal{"Durable", d.name + ", " + of + ": at most 1 statement for 50 rows", many / 50, n, "%.0f", 0})
		}
		all = append(all, goal{"W3 post", d.name + ": at most 6 statements", 6, float64(r.counts[d.name][deleteMany][toPost]), "%.0f", 0})
		if d.name != onMariaDB { // MariaDB has no UPDATE ... RETURNING
			all = append(all, goal{"W2 post", d.name + ": no statement more", 0, more(updateKey), "%+.0f", 0},
				goal{"W7 post", d.name + ": at most 6 statements", 6, float64(r.counts[d.name][updateMany][toPost]), "%.0f", 0})
		}
	}
	return all
}

// goals are limits of the time that a receiver of 100 ms adds to an insert. The floor of a durable one is a record by hand.
func (s slow) goals(database string) []goal {
	const most = 200 // microseconds
	more := func(of, than time.Duration) float64 { return float64((of - than).Microseconds()) }
	var all []goal
	for _, way := range []struct {
		name      string
		of, floor spread
	}{{"Lane", s.onLane, s.alone}, {"Durable", s.durable, s.byHand}} {
		all = append(all,
			goal{way.name, database + ", p50: at most 200 us more than an insert", most, more(way.of.p50, s.alone.p50), "%+.0f us", more(way.floor.p50, s.alone.p50)},
			goal{way.name, database + ", p99: at most 200 us more than an insert", most, more(way.of.p99, s.alone.p99), "%+.0f us", more(way.floor.p99, s.alone.p99)})
	}
	return all
}

func (r results) reached(b *strings.Builder) {
	b.WriteString("| | goal | measured | | the floor |\n|---|---|---|---|---|\n")
	for _, g := range r.goals() {
		shown, verdict := fmt.Sprintf(g.format, g.value), "met"
		if math.Round(g.value*100) > math.Round(g.limit*100) { // the judgement uses the rounded value that the table shows
			shown, verdict = "**"+shown+"**", "**missed**"
		}
		floor := ""
		if g.floor > 0 && verdict != "met" {
			floor = fmt.Sprintf(g.format, g.floor)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", g.work, g.text, shown, verdict, floor)
	}
}
