package signalstest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Event is one event that a Recorder has recorded.
type Event[M any] struct {
	Signal   string           // "pre_save", "post_save", "pre_delete" or "post_delete"
	Kind     string           // "created", "updated", "restored", "deleted" or "soft-deleted"
	Instance M                // a copy of the instance at that time, which shares no memory with the row
	Original *M               // a copy of the row before a save; nil for a created row and for deletes
	Changes  []signals.Change // what a save changes, with copies of the values
}

// String returns the signal and the kind: "post_save created".
func (e Event[M]) String() string { return e.Signal + " " + e.Kind }

// Recorder records the save and delete events of a model. Its methods are safe for use by several goroutines.
type Recorder[M any] struct {
	tb     testing.TB
	mu     sync.Mutex
	events []Event[M]
}

// Record connects a Recorder to the save and delete signals of M on db until the test ends. It runs after all
// receivers, whatever their priorities are, also after those with Last.
func Record[M any](tb testing.TB, db *gorm.DB) *Recorder[M] {
	tb.Helper()
	r := &Recorder[M]{tb: tb}
	last, lowest, uid := signals.Last(), signals.Priority(math.MinInt), signals.UID(fmt.Sprintf("signalstest.Record %p", r))
	s := signals.For[M](db)
	for _, disconnect := range []func() bool{
		s.PreSave.Connect(r.saved(s.PreSave.Name()), last, lowest, uid),
		s.PostSave.Connect(r.saved(s.PostSave.Name()), last, lowest, uid),
		s.PreDelete.Connect(r.deleted(s.PreDelete.Name()), last, lowest, uid),
		s.PostDelete.Connect(r.deleted(s.PostDelete.Name()), last, lowest, uid),
	} {
		tb.Cleanup(func() { disconnect() })
	}
	return r
}

func (r *Recorder[M]) saved(signal string) signals.Receiver[signals.SaveEvent[*M]] {
	return func(_ context.Context, e signals.SaveEvent[*M]) error {
		kind := "updated"
		switch {
		case e.Created:
			kind = "created"
		case e.Restored():
			kind = "restored"
		}
		recorded := Event[M]{Signal: signal, Kind: kind, Instance: copyOf(*e.Instance), Changes: copyOf(e.Changes())}
		if original, err := e.Original(); err == nil {
			recorded.Original = copyOf(original)
		}
		r.add(recorded)
		return nil
	}
}

func (r *Recorder[M]) deleted(signal string) signals.Receiver[signals.DeleteEvent[*M]] {
	return func(_ context.Context, e signals.DeleteEvent[*M]) error {
		kind := "deleted"
		if e.Soft {
			kind = "soft-deleted"
		}
		r.add(Event[M]{Signal: signal, Kind: kind, Instance: copyOf(*e.Instance)})
		return nil
	}
}

func (r *Recorder[M]) add(e Event[M]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// Events returns the recorded events, in order.
func (r *Recorder[M]) Events() []Event[M] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Reset removes the recorded events.
func (r *Recorder[M]) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = nil
}

// Want fails the test unless exactly these events were recorded, in order, written like "post_save created". It reports whether they were, and
// removes them.
func (r *Recorder[M]) Want(events ...string) bool {
	r.tb.Helper()
	heard := r.Events()
	r.Reset()
	got := make([]string, len(heard))
	for i, e := range heard {
		got[i] = e.String()
	}
	if slices.Equal(got, events) {
		return true
	}
	r.tb.Errorf("signals of %T: wanted %s, but sent was %s", *new(M), list(events), r.describe(heard))
	return false
}

func (r *Recorder[M]) describe(events []Event[M]) string {
	lines := make([]string, len(events))
	for i, e := range events {
		lines[i] = fmt.Sprintf("%s %+v", e, e.Instance)
	}
	return list(lines)
}

func list(lines []string) string {
	if len(lines) == 0 {
		return "nothing"
	}
	return "\n\t" + strings.Join(lines, "\n\t")
}
