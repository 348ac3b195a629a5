package otelsignals_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/otelsignals"
)

var errBoom = errors.New("boom")

// Product is what the tests write.
type Product struct {
	ID    uint
	Name  string
	Price int
}

// Page is written by receivers of products.
type Page struct {
	ID    uint
	Title string
}

// lab is a fresh database whose signals are traced and counted.
type lab struct {
	db       *gorm.DB
	by       signals.Observer
	tracer   trace.Tracer
	recorder *tracetest.SpanRecorder
	reader   *sdkmetric.ManualReader
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{recorder: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	traces := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(l.recorder))
	l.tracer = traces.Tracer("test")
	by, err := otelsignals.New(otelsignals.TracerProvider(traces),
		otelsignals.MeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(l.reader))))
	require.NoError(t, err)
	l.by, l.db = by, open(t, by)
	return l
}

func open(t *testing.T, by signals.Observer) *gorm.DB {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "test.db") + "?_busy_timeout=5000"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	require.NoError(t, db.Use(signals.Plugin{Observer: by}))
	require.NoError(t, db.AutoMigrate(&Product{}, &Page{}))
	return db
}

// request runs f with a session whose context has a span.
func (l *lab) request(t *testing.T, f func(db *gorm.DB)) {
	t.Helper()
	ctx, span := l.tracer.Start(t.Context(), "request")
	defer span.End()
	f(l.db.WithContext(ctx))
}

// spans returns all spans in the order of their starts.
func (l *lab) spans(t *testing.T) []sdktrace.ReadOnlySpan {
	t.Helper()
	started := l.recorder.Started()
	spans := make([]sdktrace.ReadOnlySpan, len(started))
	for i, s := range started {
		require.False(t, s.EndTime().IsZero(), "%s has not ended", s.Name())
		spans[i] = s
	}
	return spans
}

// tree returns one line per span, in the order of their starts and indented by what they lie within.
func (l *lab) tree(t *testing.T) []string {
	t.Helper()
	var lines []string
	names, depths := map[trace.SpanID]string{}, map[trace.SpanID]int{}
	for _, s := range l.spans(t) {
		id, depth := s.SpanContext().SpanID(), 0
		if s.Parent().IsValid() {
			depth = depths[s.Parent().SpanID()] + 1
		}
		names[id], depths[id] = s.Name(), depth
		line := strings.Repeat("  ", depth) + s.Name()
		for _, link := range s.Links() {
			line += ", links to " + names[link.SpanContext.SpanID()]
		}
		if s.Status().Code == codes.Error {
			line += ": " + s.Status().Description
		}
		lines = append(lines, line)
	}
	return lines
}

// metrics returns one line per data point of a metric, sorted; a histogram shows how many values it has.
func (l *lab) metrics(t *testing.T, name string) []string {
	t.Helper()
	var lines []string
	switch data := l.metric(t, name).Data.(type) {
	case nil:
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			lines = append(lines, fmt.Sprintf("%s: %d", text(p.Attributes), p.Value))
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			lines = append(lines, fmt.Sprintf("%s: %d", text(p.Attributes), p.Count))
		}
	default:
		t.Fatalf("%s is a %T", name, data)
	}
	slices.Sort(lines)
	return lines
}

func (l *lab) metric(t *testing.T, name string) metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, l.reader.Collect(t.Context(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == name {
				return m
			}
		}
	}
	return metricdata.Metrics{}
}

// text writes the values of attributes in the order of their keys.
func text(attrs attribute.Set) string {
	var values []string
	for _, a := range attrs.ToSlice() {
		values = append(values, a.Value.String())
	}
	return strings.Join(values, " ")
}

func ok[E any](context.Context, E) error { return nil }
