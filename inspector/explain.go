package inspector

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Explain prints the page as text for a terminal. It lists receivers even if nothing is recorded, so that
//
//	err := inspector.New().Explain(os.Stdout, db)
//
// is enough to see the receivers of a database. Without the plugin it returns signals.ErrNotInstalled.
func (i *Inspector) Explain(w io.Writer, db *gorm.DB) error {
	if _, there := pluginOf(db); !there {
		return signals.ErrNotInstalled
	}
	r := i.report(db)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n", r.Summary())
	r.printReceivers(&out)
	r.printSends(&out)
	r.printLanes(&out)
	r.printWaiting(&out)
	fmt.Fprintf(&out, "\nlast steps, the latest first\n")
	if len(r.Tree) == 0 {
		fmt.Fprintln(&out, "  none")
	}
	for _, s := range r.Tree {
		s.print(&out, "  ")
	}
	_, err := w.Write(out.Bytes())
	return err
}

// pluginOf returns the plugin of a database.
func pluginOf(db *gorm.DB) (plugin gorm.Plugin, there bool) {
	if db == nil || db.Config == nil {
		return nil, false
	}
	plugin, there = db.Plugins[signals.Plugin{}.Name()]
	return plugin, there
}

// Summary returns a line that says what is recorded.
func (r *report) Summary() string {
	text := fmt.Sprintf("%d steps recorded", r.Steps)
	if !r.Recording {
		text += ", nothing is recorded now"
	}
	if r.Hidden {
		text += ", values are hidden"
	}
	text += fmt.Sprintf(", %d watching", r.Watchers)
	if r.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped by slow streams", r.Dropped)
	}
	if r.Faults > 0 {
		text += fmt.Sprintf(", %d panics in here", r.Faults)
	}
	return text
}

func (r *report) printReceivers(w io.Writer) {
	t := newTable(w, "receivers",
		"signal", "sender", "receiver", "phase", "order", "needs", "calls", "errors", "p50", "p95", "p99", "connected at")
	for n := range r.Receivers {
		l := &r.Receivers[n]
		name, needs := l.Name, ""
		if l.Same > 1 {
			name += fmt.Sprintf(" (%d alike)", l.Same)
		}
		if l.Needs != 0 {
			needs = l.Needs.String()
		}
		t.line(l.Signal, l.Sender, name, l.PhaseAndLane(), l.Order(), needs, l.Calls, l.Errors, round(l.P50), round(l.P95), round(l.P99), l.Location)
	}
	t.end()
}

func (r *report) printSends(w io.Writer) {
	t := newTable(w, "sends", "signal", "sender", "phase", "sends", "rows", "errors", "p50", "p95", "p99", "longest")
	for _, l := range r.Sends {
		t.line(l.Signal, l.Sender, l.Phase, l.Calls, l.Events, l.Errors, round(l.P50), round(l.P95), round(l.P99), round(l.Longest))
	}
	t.end()
}

func (r *report) printLanes(w io.Writer) {
	if len(r.Lanes) == 0 {
		return
	}
	t := newTable(w, "lanes", "lane", "receivers", "queued", "oldest", "running", "done", "failed", "rejected")
	for _, l := range r.Lanes {
		t.line(l.Name, l.Receivers, l.Depth, round(l.Oldest), l.Running, l.Done, l.Failed, l.Rejected)
	}
	t.end()
}

func (r *report) printWaiting(w io.Writer) {
	name := fmt.Sprintf("waiting for a commit now (so far %d committed, %d rolled back, %d unknown)",
		r.Ended.Committed, r.Ended.RolledBack, r.Ended.Unknown)
	t := newTable(w, name, "signal", "sender", "phase", "rows", "for")
	for _, l := range r.Waiting {
		t.line(l.Signal, l.Sender, l.Phase, l.Events, round(l.For))
	}
	t.end()
	if r.More > 0 {
		fmt.Fprintf(w, "  and %d more\n", r.More)
	}
}

// print writes a step, its rows, and the steps within it.
func (s *step) print(w io.Writer, indent string) {
	fmt.Fprintf(w, "%s%s  %s  %v", indent, s.Time, plain(s.Text), round(s.Took))
	if s.Error != "" {
		fmt.Fprintf(w, "  %s", plain(s.Error))
	}
	fmt.Fprintln(w)
	for _, r := range s.Rows {
		fmt.Fprintf(w, "%s  - %s\n", indent, plain(r.text()))
	}
	for n := range s.Within {
		s.Within[n].print(w, indent+"    ")
	}
	if s.Left > 0 {
		fmt.Fprintf(w, "%s    and %d more\n", indent, s.Left)
	}
}

// text describes in one line what a write does to a row.
func (r *row) text() string {
	var text strings.Builder
	text.WriteString(r.Title())
	for n, f := range r.Fields {
		separator := ", "
		if n == 0 {
			separator = ": "
		}
		text.WriteString(separator + f.Name)
		switch {
		case f.Hidden:
		case f.Old != "" && f.New != "":
			text.WriteString(" " + f.Old + " -> " + f.New)
		default:
			text.WriteString(" " + f.Old + f.New)
		}
	}
	return text.String()
}

// Title names the row and what the write does to it.
func (r *row) Title() string { return strings.Join(strings.Fields(r.Table+" "+r.Key+" "+r.What), " ") }

// table prints aligned columns.
type table struct {
	*tabwriter.Writer

	lines int
}

func newTable(w io.Writer, name string, columns ...string) *table {
	fmt.Fprintf(w, "\n%s\n", name)
	t := &table{Writer: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	fmt.Fprintf(t, "  %s\n", strings.Join(columns, "\t"))
	return t
}

func (t *table) line(cells ...any) {
	texts := make([]string, len(cells))
	for n, c := range cells {
		texts[n] = plain(fmt.Sprint(c))
		if d, isTime := c.(time.Duration); texts[n] == "" || isTime && d == 0 {
			texts[n] = "-"
		}
	}
	fmt.Fprintf(t, "  %s\n", strings.Join(texts, "\t"))
	t.lines++
}

func (t *table) end() {
	if t.lines == 0 {
		fmt.Fprintln(t, "  none")
	}
	_ = t.Flush() // into a buffer
}

// plain replaces characters that would move a terminal's cursor or a column.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}
