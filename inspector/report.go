package inspector

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// report is the data that the page and Explain show.
type report struct {
	Recording, Hidden bool
	Steps, Dropped    uint64
	Faults            uint64
	Watchers          int

	Receivers []line
	Sends     []line
	Lanes     []lane
	Waiting   []waitingLine
	More      int64 // number of waiting sends that are not described
	Ended     ended
	Tree      []step
}

// line is a receiver, or a signal and its sender, with its figures.
type line struct {
	signals.ReceiverInfo
	figures

	Name string
	Same int // number of equal receivers
}

type waitingLine struct {
	waitingSend

	For time.Duration
}

// ended counts the sends that have waited, by their outcome.
type ended struct{ Committed, RolledBack, Unknown uint64 }

// step is a step as the tree shows it.
type step struct {
	event

	Time   string
	Text   string
	Within []step
}

func (i *Inspector) report(db *gorm.DB) *report {
	now := i.now()
	r := &report{
		Recording: i.on.Load(), Hidden: !i.values, Steps: i.history.next.Load(), Dropped: i.watchers.dropped.Load(),
		Faults: i.faults.Load(), Watchers: len(i.watchers.all()),
		Receivers: i.receivers(db), Sends: i.sends(),
		Ended: ended{i.waiting.committed.Load(), i.waiting.rolledBack.Load(), i.waiting.unknown.Load()},
	}
	r.Lanes = lanesOf(r.Receivers)
	for _, w := range i.waiting.all() {
		r.Waiting = append(r.Waiting, waitingLine{w, now - w.Since})
	}
	r.More = max(0, i.waiting.now.Load()-int64(len(r.Waiting)))
	for _, n := range trees(i.history.events()) {
		r.Tree = append(r.Tree, i.step(n))
	}
	return r
}

// receivers lists the connected receivers. Equal receivers are one line.
func (i *Inspector) receivers(db *gorm.DB) []line {
	counted := i.counters.all()
	var lines []line
	at := map[signals.ReceiverInfo]int{}
	for _, info := range append(signals.Receivers(db), i.custom.receivers()...) {
		if n, there := at[info]; there {
			lines[n].Same++
			continue
		}
		at[info] = len(lines)
		l := line{ReceiverInfo: info, Name: nameOf(&info), Same: 1}
		if info.Location == "" {
			l.Name, l.Same = "nobody", 0
		} else if c := counted[info]; c != nil {
			l.figures = c.figures()
		} else if len(counted) >= maxCounters {
			l.Name += " (counted with others)"
		}
		lines = append(lines, l)
	}
	return lines
}

// sends lists the figures of sends by sender, signal and phase.
func (i *Inspector) sends() []line {
	var lines []line
	for info, c := range i.counters.all() {
		if info.Location == "" {
			lines = append(lines, line{ReceiverInfo: info, figures: c.figures()})
		}
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Signal, b.Signal), cmp.Compare(a.Phase, b.Phase))
	})
	if rest := i.counters.rest.figures(); rest.Calls > 0 {
		lines = append(lines, line{ReceiverInfo: signals.ReceiverInfo{Signal: fmt.Sprintf("beyond the first %d", maxCounters)}, figures: rest})
	}
	return lines
}

// step prepares a step and the steps within it.
func (i *Inspector) step(n *node) step {
	s := step{event: n.event, Time: i.born.Add(n.At).Format("15:04:05.000"), Text: n.text()}
	if n.Actor != "" {
		s.Text += ", by " + n.Actor
	}
	for _, within := range n.Within {
		s.Within = append(s.Within, i.step(within))
	}
	return s
}

// text describes a step in one line.
func (e *event) text() string {
	text := e.Signal
	if e.Sender != "" {
		text += " " + e.Sender
	}
	switch e.Step {
	case signals.Calling.String():
		text = e.Receiver
	case signals.Waiting.String():
		text += " waited"
		if e.Error == "" {
			text += ", committed"
		}
	}
	if e.Phase != "send" {
		text += " (" + e.Phase + ")"
	}
	if e.Events != 1 {
		text += fmt.Sprintf(", %d rows", e.Events)
	}
	return text
}

// round rounds a duration to three digits.
func round(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
