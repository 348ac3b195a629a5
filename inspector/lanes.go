package inspector

import (
	"slices"

	"github.com/gorm-signals/signals"
)

// lane is a lane with what it does now.
type lane struct {
	signals.LaneStats

	Name      string
	Receivers int // that run on it
}

// lanesOf describes the lanes of receivers, in the order of the receivers.
func lanesOf(receivers []line) []lane {
	var known []*signals.Lane
	var lanes []lane
	for _, r := range receivers {
		if r.Lane == nil {
			continue
		}
		at := slices.Index(known, r.Lane)
		if at < 0 {
			at = len(known)
			known = append(known, r.Lane)
			lanes = append(lanes, lane{LaneStats: r.Lane.Stats(), Name: r.Lane.Name()})
		}
		lanes[at].Receivers += r.Same
	}
	return lanes
}

// PhaseAndLane says when and where a receiver runs.
func (l *line) PhaseAndLane() string {
	if l.Lane == nil {
		return l.Phase
	}
	return l.Phase + " on " + l.Lane.Name()
}
