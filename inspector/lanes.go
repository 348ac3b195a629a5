package inspector

import (
	"slices"

	"github.com/gorm-signals/signals"
)

// lane is a lane with its current statistics.
type lane struct {
	signals.LaneStats

	Name      string
	Receivers int // number of receivers on it
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

// PhaseAndLane returns the phase and the lane of a receiver.
func (l *line) PhaseAndLane() string {
	if l.Lane == nil {
		return l.Phase
	}
	return l.Phase + " on " + l.Lane.Name()
}
