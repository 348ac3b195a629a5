package otelsignals_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/otelsignals"
)

func TestHeadersCarryATraceToAnotherContext(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ctx, span := l.tracer.Start(t.Context(), "request")
	defer span.End()
	state, err := trace.ParseTraceState("vendor=1")
	require.NoError(t, err)
	headers := otelsignals.Headers(trace.ContextWithSpanContext(ctx, span.SpanContext().WithTraceState(state)))
	assert.Equal(t, map[string]string{
		"traceparent": "00-" + span.SpanContext().TraceID().String() + "-" + span.SpanContext().SpanID().String() + "-01",
		"tracestate":  "vendor=1",
	}, headers)
	there := trace.SpanContextFromContext(otelsignals.Extract(t.Context(), headers))
	assert.True(t, there.IsRemote())
	assert.Equal(t, span.SpanContext().SpanID(), there.SpanID())
	assert.Equal(t, "vendor=1", there.TraceState().String())

	assert.Nil(t, otelsignals.Headers(t.Context()))
	for _, none := range []map[string]string{nil, {}, {"traceparent": "00-nonsense"}} {
		assert.Equal(t, ctx, otelsignals.Extract(ctx, none))
	}
}

// drawer is a store that keeps events with the headers of their write.
type drawer struct {
	deliver []func(context.Context, []byte) error
	data    []byte
	headers map[string]string
}

func (d *drawer) Register(r signals.DurableReceiver) error {
	d.deliver = append(d.deliver, r.Deliver)
	return nil
}

func (d *drawer) Keep(ctx context.Context, _ *gorm.DB, _ signals.DurableReceiver, events []signals.KeptEvent) error {
	d.data, d.headers = events[0].Data, otelsignals.Headers(ctx)
	return nil
}

func TestADurableReceiverIsLinkedToTheWriteByHeaders(t *testing.T) {
	t.Parallel()
	l, store := newLab(t), &drawer{}
	signals.For[Product](l.db).PostSave.Connect(ok, signals.Durable(store, "mail"))
	signals.For[Product](l.db).PostSave.Connect(ok, signals.UID("check"))
	l.request(t, func(db *gorm.DB) { require.NoError(t, db.Create(&Product{}).Error) })
	require.NoError(t, store.deliver[0](otelsignals.Extract(t.Context(), store.headers), store.data))
	assert.Equal(t, []string{
		"request", "  post_save Product", "    post_save Product mail", "    post_save Product check",
		"post_save Product, links to post_save Product mail", "  post_save Product mail",
	}, l.tree(t))
	assert.Equal(t, []string{"durable Product post_save: 1", "send Product post_save: 1"}, l.metrics(t, "signals.sends"))
}

func TestWithoutOptionsTheGlobalProvidersAreUsed(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))) // nothing else here uses it
	by, err := otelsignals.New()
	require.NoError(t, err)
	db := open(t, by)
	signals.For[Product](db).PostSave.Connect(ok, signals.UID("mail"))
	require.NoError(t, db.Create(&Product{}).Error)
	assert.Equal(t, []string{"post_save Product mail", "post_save Product"}, names(recorder.Ended()))
}
