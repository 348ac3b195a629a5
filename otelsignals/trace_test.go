package otelsignals_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"
)

func TestACreateWithANestedWriteIsOneTrace(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	products := signals.For[Product](l.db)
	products.PreSave.Connect(ok, signals.UID("slug"))
	products.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		_, span := l.tracer.Start(ctx, "own work")
		defer span.End()
		return e.DB().Create(&Page{Title: e.Instance.Name}).Error
	}, signals.UID("page"))
	signals.For[Page](l.db).PostSave.Connect(ok, signals.UID("index"))
	l.request(t, func(db *gorm.DB) { require.NoError(t, db.Create(&[]Product{{Name: "lamp"}}).Error) })
	assert.Equal(t, []string{
		"request",
		"  pre_save Product", "    pre_save Product slug",
		"  post_save Product", "    post_save Product page", "      own work", "      post_save Page", "        post_save Page index",
	}, l.tree(t))
	for _, s := range l.spans(t) {
		assert.Equal(t, l.spans(t)[0].SpanContext().TraceID(), s.SpanContext().TraceID())
		assert.Equal(t, trace.SpanKindInternal, s.SpanKind())
		assert.Equal(t, codes.Unset, s.Status().Code)
	}
}

func TestSpansSayWhoWrites(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	signals.For[Product](l.db).PostSave.Connect(ok)
	for _, actor := range []any{"ann", &Product{}} {
		require.NoError(t, l.db.WithContext(signals.WithActor(t.Context(), actor)).Create(&Product{}).Error)
	}
	spans := l.spans(t)
	require.Len(t, spans, 4)
	for i, s := range spans {
		named := slices.Contains(s.Attributes(), attribute.String("signals.actor", "ann"))
		assert.Equal(t, i < 2, named, "spans of the write that somebody with a text has made")
	}
	for _, metric := range []string{"signals.sends", "signals.receiver.duration"} {
		assert.NotContains(t, strings.Join(l.metrics(t, metric), " "), "ann")
	}
}

func TestSpansSayWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, file, line, _ := runtime.Caller(0)
	signals.For[Product](l.db).PostSave.Connect(ok)
	require.NoError(t, l.db.Create(&[]Product{{}, {}}).Error)
	spans := l.spans(t)
	require.Len(t, spans, 3)
	assert.ElementsMatch(t, []attribute.KeyValue{
		attribute.String("signals.signal", "post_save"), attribute.String("signals.sender", "Product"), attribute.String("signals.phase", "send"),
		attribute.Int("signals.events", 2), attribute.String("db.collection.name", "products"),
	}, spans[0].Attributes())
	place := fmt.Sprintf("trace_test.go:%d", line+1)
	assert.Equal(t, "post_save Product "+place, spans[1].Name())
	assert.ElementsMatch(t, []attribute.KeyValue{
		attribute.String("signals.signal", "post_save"), attribute.String("signals.sender", "Product"), attribute.String("signals.phase", "send"),
		attribute.Int("signals.events", 1), attribute.String("db.collection.name", "products"), attribute.String("signals.receiver.name", place),
		attribute.String("code.file.path", file), attribute.Int("code.line.number", line+1),
	}, spans[1].Attributes())
	assert.Equal(t, "github.com/gorm-signals/signals/otelsignals", spans[0].InstrumentationScope().Name)
	assert.Contains(t, spans[0].InstrumentationScope().SchemaURL, "https://opentelemetry.io/schemas/1.")
}

func TestWhatRunsAfterTheEndIsATraceOfItsOwnWithALink(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	products := signals.For[Product](l.db)
	products.PostSave.Connect(ok, signals.UID("check"), signals.BeforeCommit())
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return e.DB().Create(&Page{Title: e.Instance.Name}).Error
	}, signals.UID("mail"), signals.AfterCommit())
	products.PostSave.Connect(ok, signals.UID("undo"), signals.AfterRollback())
	signals.For[Page](l.db).PostSave.Connect(ok, signals.UID("index"))
	l.request(t, func(db *gorm.DB) {
		undo := errors.New("undo")
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Product{Name: "chair"}).Error)
				return undo
			}), undo)
			return tx.Create(&Product{Name: "lamp"}).Error
		}))
	})
	assert.Equal(t, []string{
		"request",
		"  post_save Product", "    post_save Product check",
		"post_save Product, links to request", "  post_save Product undo",
		"post_save Product, links to request", "  post_save Product mail", "    post_save Page", "      post_save Page index",
	}, l.tree(t))
	traces := map[trace.TraceID]bool{}
	for _, s := range l.spans(t) {
		traces[s.SpanContext().TraceID()] = true
	}
	assert.Len(t, traces, 3)
}

func TestWithoutASpanOfTheWriteThereIsNoLink(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	signals.For[Product](l.db).PostSave.Connect(ok, signals.UID("mail"), signals.AfterCommit())
	require.NoError(t, l.db.Create(&Product{}).Error)
	assert.Equal(t, []string{"post_save Product", "  post_save Product mail"}, l.tree(t))
}

func TestAnErrorIsOnTheCallAndOnWhatFailedWithIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	signals.For[Product](l.db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return e.DB().Create(&Page{}).Error
	}, signals.UID("page"))
	signals.For[Page](l.db).PreSave.Connect(func(context.Context, signals.SaveEvent[*Page]) error {
		return fmt.Errorf("no title: %w", &titleError{})
	}, signals.UID("title"))
	require.Error(t, l.db.Create(&Product{}).Error)
	const cause = "receiver title of pre_save of Page: no title: too short"
	const inner = "signals: " + cause
	assert.Equal(t, []string{
		"post_save Product: signals: receiver page of post_save of Product: " + cause, "  post_save Product page: " + inner,
		"    pre_save Page: " + inner, "      pre_save Page title: no title: too short",
	}, l.tree(t))
	for i, s := range l.spans(t) {
		assert.Contains(t, s.Attributes(), attribute.String("error.type", "*otelsignals_test.titleError"))
		assert.Len(t, s.Events(), i%2, "a call has the exception, a send has not")
	}
	exception := l.spans(t)[3].Events()[0]
	assert.Equal(t, "exception", exception.Name)
	assert.ElementsMatch(t, []attribute.KeyValue{
		attribute.String("exception.type", "*otelsignals_test.titleError"), attribute.String("exception.message", "no title: too short"),
	}, exception.Attributes)
}

// titleError is an error with a type of its own.
type titleError struct{}

func (*titleError) Error() string { return "too short" }

func TestAPanicHasItsStackInTheExceptionAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	signals.For[Product](l.db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { panic("no") }, signals.UID("p"))
	require.NoError(t, l.db.Create(&Product{}).Error)
	require.Error(t, l.db.Delete(&Product{}, 1).Error)
	assert.Equal(t, []string{"pre_delete Product: panic: no", "  pre_delete Product p: panic: no"}, l.tree(t))
	call := l.spans(t)[1]
	assert.Contains(t, call.Attributes(), attribute.String("error.type", "*signals.PanicError"))
	attrs := attribute.NewSet(call.Events()[0].Attributes...)
	message, _ := attrs.Value("exception.message")
	assert.Equal(t, "panic: no", message.AsString())
	stack, _ := attrs.Value("exception.stacktrace")
	assert.Contains(t, stack.AsString(), "TestAPanicHasItsStack")
}

func TestACustomSignalIsTraced(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	viewed := signals.New[string]("product_viewed")
	viewed.Observe(l.by)
	for _, uid := range []string{"a", "b", "c"} {
		viewed.Connect(ok, signals.UID(uid))
	}
	for _, r := range viewed.SendConcurrent(t.Context(), "lamp") {
		require.NoError(t, r.Err)
	}
	lines := l.tree(t)
	assert.Equal(t, "product_viewed", lines[0])
	assert.ElementsMatch(t, []string{"  product_viewed a", "  product_viewed b", "  product_viewed c"}, lines[1:])
	assert.ElementsMatch(t, []attribute.KeyValue{
		attribute.String("signals.signal", "product_viewed"), attribute.String("signals.phase", "send"), attribute.Int("signals.events", 1),
	}, l.spans(t)[0].Attributes())
}

func TestTwoObserversTraceByThemselves(t *testing.T) {
	t.Parallel()
	a, b := newLab(t), newLab(t)
	viewed := signals.New[string]("product_viewed")
	viewed.Connect(ok, signals.UID("count"))
	viewed.Observe(signals.Observers(a.by, b.by))
	require.NoError(t, viewed.Send(t.Context(), "lamp"))
	for _, l := range []*lab{a, b} {
		assert.Equal(t, []string{"product_viewed", "product_viewed count"}, names(l.spans(t)))
	}
}

func names(spans []sdktrace.ReadOnlySpan) []string {
	var list []string
	for _, s := range spans {
		list = append(list, s.Name())
	}
	return list
}
