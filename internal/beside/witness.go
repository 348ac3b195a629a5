package beside

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Witness compares the events of AfterCommit receivers on one database with the log of its triggers.
type Witness struct{ w *world }

// NewWitness makes a database with the tables of the suite.
func NewWitness(tb testing.TB, open Open) *Witness {
	tb.Helper()
	return &Witness{newWorld(tb, open)}
}

// Now returns the time of the witness, for gorm.Config.NowFunc.
func (x *Witness) Now() time.Time { return x.w.now }

// Connect connects receivers after the commit to every signal of every model.
func (x *Witness) Connect(db *gorm.DB) {
	connectPost(db, &x.w.heard.kept, signals.Original, signals.Needs(signals.Original), signals.AfterCommit())
}

// Begin puts the tables back, and forgets all events.
func (x *Witness) Begin(tb testing.TB) {
	tb.Helper()
	x.w.tb = tb
	x.w.reset(tb, x.w.state())
	x.w.begin(tb, false, startTime.Add(time.Hour))
}

// Compare returns written rows without an event, and events of rows that were not written.
func (x *Witness) Compare(tb testing.TB) (untold, unwritten []string) {
	tb.Helper()
	logged, err := x.w.changes()
	if err != nil {
		tb.Fatal(err)
	}
	missed, invented := match(logged, append([]change{}, x.w.heard.kept...))
	for _, c := range missed {
		if !strings.HasPrefix(c.head, "delete owner_tags") { // see allowances
			untold = append(untold, c.String())
		}
	}
	for _, c := range invented {
		unwritten = append(unwritten, c.String())
	}
	return untold, unwritten
}
