package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-signals/signals/bench/internal/measure"
	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// about describes the machine and the versions of a measurement.
func about(short bool) (string, error) {
	env, err := workloads.Open(workloads.Memory)
	if err != nil {
		return "", err
	}
	version, err := env.Version()
	if err = errors.Join(err, env.Close()); err != nil {
		return "", err
	}
	parts := []string{
		fmt.Sprintf("%d cores", runtime.NumCPU()), runtime.GOOS + "/" + runtime.GOARCH,
		strings.Replace(runtime.Version(), "go", "Go ", 1), "SQLite " + version,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			for path, name := range map[string]string{"gorm.io/gorm": "GORM", "github.com/uptrace/bun": "bun", "entgo.io/ent": "ent"} {
				if dep.Path == path {
					parts = append(parts, name+" "+strings.TrimPrefix(dep.Version, "v"))
				}
			}
		}
	}
	slices.Sort(parts[4:])
	text := "Measured on " + strings.Join(parts, ", ") + "."
	if short {
		text += " This was a short run: its figures are rough."
	}
	return text, nil
}

// unsteady is the spread above which a ratio is unreliable.
const unsteady = 0.25

// noise says how reliable the figures are.
func noise(r results) string {
	n := 0
	for _, figures := range r.figures {
		if figures[workloads.Signals].Spread > unsteady {
			n++
		}
	}
	return fmt.Sprintf(" In %d of %d workloads the ratio of *signals* was unsteady and is marked ~: the middle half of its rounds spread"+
		" over more than a quarter of it. A machine with other work makes many.\n", n, len(r.figures))
}

// column is one way in the table.
type column struct{ title, way string }

func columns() []column {
	return []column{
		{"plain", workloads.Plain},
		{"GORM's hooks", workloads.Hooks},
		{"by hand", workloads.Hand},
		{"by hand in batches", workloads.Batches},
		{"**signals**", workloads.Signals},
		{"database/sql", workloads.SQL},
		{"bun", bunWay},
		{"ent", entWay},
		{"floor", workloads.Floor},
	}
}

func table(r results) string {
	var b strings.Builder
	head(&b, "| work | on |")
	for _, w := range r.list {
		row(&b, title(w), string(w.On), func(way string) string { return cell(w, r.figures[w.Key()], way) })
	}
	for _, g := range r.grown {
		row(&b, "W3 "+grouped(strconv.Itoa(g.rows))+": memory grown", "memory", func(way string) string {
			if mb, ok := g.megabytes[way]; ok {
				return fmt.Sprintf("%.2f MB", mb)
			}
			return "-"
		})
	}
	return b.String()
}

// statements is the table of how many statements one call takes.
func statements(r results) string {
	var b strings.Builder
	head(&b, "| work |")
	for _, w := range r.list {
		if counted(w) {
			row(&b, title(w), "", func(way string) string {
				if f, ok := r.figures[w.Key()][way]; ok {
					return strconv.Itoa(f.Statements)
				}
				return "-"
			})
		}
	}
	return b.String()
}

// others is the table of figures that belong to no workload.
func others(r results) string {
	var b strings.Builder
	item := func(what, measured string) { fmt.Fprintf(&b, "| %s | %s |\n", what, measured) }
	if h := r.held; h != nil {
		item("bytes held by an event that waits for a commit, of a write of one row", fmt.Sprintf("%.0f B, of which %.0f B are the copy of the row", h.One, h.Copy))
		item("the same, of a row of many in one call", fmt.Sprintf("%.0f B, of which %.0f B are the copy of the row", h.Bulk, h.Copy))
	}
	if c := r.connecting; c != nil {
		item("Connect in a program with 1,000 models", duration(c.Connect))
		item("the first write of each model there", duration(c.First))
		item("the next write after a Connect, more than the one after it", duration(c.More))
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n### Events that wait, and many models\n\n| | |\n|---|---|\n" + b.String()
}

func title(w workloads.Workload) string {
	return strings.TrimSpace(w.ID+" "+grouped(w.Form)) + ": " + w.What
}

func head(b *strings.Builder, first string) {
	b.WriteString(first)
	for _, c := range columns() {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n" + strings.Repeat("|---", strings.Count(first, "|")-1+len(columns())) + "|\n")
}

// row writes a line of a table. The second table has no column for the database, because all its lines have the same one.
func row(b *strings.Builder, work, on string, cell func(way string) string) {
	b.WriteString("| " + work + " |")
	if on != "" {
		b.WriteString(" " + on + " |")
	}
	for _, c := range columns() {
		b.WriteString(" " + cell(c.way) + " |")
	}
	b.WriteString("\n")
}

// cell is the time and the allocations of the plain way, and the ratio and the allocations of another one.
func cell(w workloads.Workload, figures measure.Figures, way string) string {
	f, ok := figures[way]
	switch {
	case !ok:
		return "-"
	case way == workloads.Plain:
		return duration(f.Nanos) + ", " + count(w, f.Allocs)
	}
	shown := ratio(f.Ratio) + ", " + count(w, f.Allocs)
	if way == workloads.Signals && f.Spread > unsteady {
		return "~" + shown
	}
	return shown
}

func count(w workloads.Workload, allocs float64) string {
	if w.Per > 1 && allocs != 0 {
		return strconv.FormatFloat(allocs, 'f', 2, 64)
	}
	return strconv.FormatFloat(allocs, 'f', 0, 64)
}

func ratio(v float64) string {
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func duration(nanos float64) string {
	if nanos >= 1000 {
		return strconv.FormatFloat(nanos/1000, 'f', 1, 64) + " us"
	}
	return strconv.FormatFloat(nanos, 'f', 0, 64) + " ns"
}

// grouped puts a comma between the thousands of the number that a text begins with.
func grouped(text string) string {
	number, rest, _ := strings.Cut(text, " ")
	if rest != "" {
		return grouped(number) + " " + rest
	}
	if _, err := strconv.Atoi(text); err != nil {
		return text
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
