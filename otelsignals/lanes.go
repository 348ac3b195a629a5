package otelsignals

import (
	"context"
	"errors"
	"slices"

	"github.com/gorm-signals/signals"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// laneKey is the attribute that names a lane.
const laneKey = attribute.Key("signals.lane")

// Lanes adds the metrics of lanes: queued and running calls, the age of the oldest queued call, and the calls that were made or rejected. Each lane
// needs a name of its own.
func Lanes(lanes ...*signals.Lane) Option {
	return func(to *providers) { to.lanes = append(to.lanes, lanes...) }
}

// observeLanes makes the instruments of lanes.
func observeLanes(meter metric.Meter, lanes []*signals.Lane) error {
	if len(lanes) == 0 {
		return nil
	}
	lanes = slices.Clone(lanes)
	var err [5]error
	var depth, running metric.Int64ObservableUpDownCounter
	var age metric.Float64ObservableGauge
	var calls, rejected metric.Int64ObservableCounter
	depth, err[0] = meter.Int64ObservableUpDownCounter("signals.lane.depth",
		metric.WithUnit("{call}"), metric.WithDescription("Calls of receivers that wait on a lane."))
	running, err[1] = meter.Int64ObservableUpDownCounter("signals.lane.running",
		metric.WithUnit("{call}"), metric.WithDescription("Calls of receivers that run on a lane."))
	age, err[2] = meter.Float64ObservableGauge("signals.lane.age",
		metric.WithUnit("s"), metric.WithDescription("How long the oldest call on a lane has waited."))
	calls, err[3] = meter.Int64ObservableCounter("signals.lane.calls",
		metric.WithUnit("{call}"), metric.WithDescription("Calls of receivers that a lane has made."))
	rejected, err[4] = meter.Int64ObservableCounter("signals.lane.rejected",
		metric.WithUnit("{call}"), metric.WithDescription("Calls of receivers that a lane has not made, because it was full or shut down."))
	if err := errors.Join(err[:]...); err != nil {
		return err
	}
	_, failed := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, l := range lanes {
			s := l.Stats()
			name := metric.WithAttributes(laneKey.String(l.Name()))
			o.ObserveInt64(depth, int64(s.Depth), name)
			o.ObserveInt64(running, int64(s.Running), name)
			o.ObserveFloat64(age, s.Oldest.Seconds(), name)
			o.ObserveInt64(calls, int64(s.Done), metric.WithAttributes(laneKey.String(l.Name()), outcomeKey.String("done")))     //nolint:gosec // a count
			o.ObserveInt64(calls, int64(s.Failed), metric.WithAttributes(laneKey.String(l.Name()), outcomeKey.String("failed"))) //nolint:gosec // a count
			o.ObserveInt64(rejected, int64(s.Rejected), name)                                                                    //nolint:gosec // a count
		}
		return nil
	}, depth, running, age, calls, rejected)
	return failed
}

// outcomeKey is the attribute that says whether calls have failed.
const outcomeKey = attribute.Key("signals.outcome")
