package otelsignals

import (
	"context"
	"errors"
	"time"

	"github.com/gorm-signals/signals"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package in traces and metrics.
const scope = "github.com/gorm-signals/signals/otelsignals"

// Option is an option of New.
type Option func(*providers)

type providers struct {
	tracer trace.TracerProvider
	meter  metric.MeterProvider
	lanes  []*signals.Lane
}

// TracerProvider sets the provider that gets the spans. The default is the global one.
func TracerProvider(p trace.TracerProvider) Option { return func(to *providers) { to.tracer = p } }

// MeterProvider sets the provider that gets the metrics. The default is the global one.
func MeterProvider(p metric.MeterProvider) Option { return func(to *providers) { to.meter = p } }

// New returns an observer for Plugin.Observer and for Signal.Observe. It returns an error if the provider refuses an instrument.
func New(opts ...Option) (signals.Observer, error) {
	p := providers{tracer: otel.GetTracerProvider(), meter: otel.GetMeterProvider()}
	for _, opt := range opts {
		opt(&p)
	}
	by := &observer{tracer: p.tracer.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))}
	meter := p.meter.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	var err [4]error
	by.sends, err[0] = meter.Int64Counter("signals.sends",
		metric.WithUnit("{send}"), metric.WithDescription("Sends of signals."))
	by.duration, err[1] = meter.Float64Histogram("signals.receiver.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of calls of receivers."), metric.WithExplicitBucketBoundaries(buckets()...))
	by.waiting, err[2] = meter.Int64UpDownCounter("signals.waiting",
		metric.WithUnit("{send}"), metric.WithDescription("Sends that wait for the end of their transaction."))
	err[3] = observeLanes(meter, p.lanes)
	if err := errors.Join(err[:]...); err != nil {
		return nil, err
	}
	return by, nil
}

// buckets are those of db.client.operation.duration, and smaller ones for receivers that only compute.
func buckets() []float64 {
	return []float64{0.00001, 0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}
}

// observer is a signals.Observer.
type observer struct {
	tracer   trace.Tracer
	sends    metric.Int64Counter
	duration metric.Float64Histogram
	waiting  metric.Int64UpDownCounter
}

// stepKey is the key of an observer's step in a context, which several observers may share.
type stepKey struct{ by *observer }

// step is a send or a call under way.
type step struct {
	span    trace.Span
	started time.Time
}

// ObserveStart begins the span of a send or a call.
func (by *observer) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	if o.Step == signals.Waiting {
		by.waiting.Add(ctx, 1, metric.WithAttributeSet(kindOf(o, nil)))
		return ctx
	}
	ctx, span := by.startSpan(ctx, o)
	return context.WithValue(ctx, stepKey{by}, step{span: span, started: time.Now()})
}

// ObserveEnd ends the span and records the metrics.
func (by *observer) ObserveEnd(ctx context.Context, o signals.Observed, err error) {
	if o.Step == signals.Waiting {
		by.waiting.Add(ctx, -1, metric.WithAttributeSet(kindOf(o, nil)))
		return
	}
	s, ok := ctx.Value(stepKey{by}).(step)
	if !ok {
		return
	}
	if o.Step == signals.Sending {
		by.sends.Add(ctx, 1, metric.WithAttributeSet(kindOf(o, err)))
	} else {
		by.duration.Record(ctx, time.Since(s.started).Seconds(), metric.WithAttributeSet(kindOf(o, err)))
	}
	if err != nil {
		fail(s.span, o, err)
	}
	s.span.End()
}
