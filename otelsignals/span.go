package otelsignals

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gorm-signals/signals"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Attributes that no convention has.
const (
	signalKey   = attribute.Key("signals.signal")
	senderKey   = attribute.Key("signals.sender")
	phaseKey    = attribute.Key("signals.phase")
	eventsKey   = attribute.Key("signals.events")
	receiverKey = attribute.Key("signals.receiver.name")
	actorKey    = attribute.Key("signals.actor")
)

// startSpan begins the span of a step.
func (by *observer) startSpan(ctx context.Context, o signals.Observed) (context.Context, trace.Span) {
	opts := []trace.SpanStartOption{trace.WithAttributes(eventsKey.Int(o.Events))}
	if o.Step == signals.Sending && afterTheEnd(o.Phase) {
		opts = append(opts, trace.WithNewRoot())
		if write := trace.SpanContextFromContext(ctx); write.IsValid() {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: write}))
		}
	}
	ctx, span := by.tracer.Start(ctx, spanName(o), opts...)
	if span.IsRecording() {
		span.SetAttributes(kindAttributes(o)...)
		span.SetAttributes(placeOf(o)...)
		if actor, err := signals.ActorText(ctx); err == nil && actor != "" {
			span.SetAttributes(actorKey.String(actor))
		}
	}
	return ctx, span
}

// afterTheEnd reports whether receivers of a phase run after the end of the write's transaction.
func afterTheEnd(phase string) bool {
	return phase == "after_commit" || phase == "after_rollback" || phase == "after_failure" || phase == "durable"
}

func spanName(o signals.Observed) string {
	name := o.Signal
	if o.Sender != "" {
		name += " " + o.Sender
	}
	if o.Receiver != nil {
		name += " " + receiverName(o.Receiver)
	}
	return name
}

// receiverName returns the UID of a receiver, or the file and line of its Connect without the folders.
func receiverName(r *signals.ReceiverInfo) string {
	if r.UID != "" {
		return r.UID
	}
	return filepath.Base(r.Location)
}

// kindAttributes returns the attributes of a step that metrics have too, because they have few different values.
func kindAttributes(o signals.Observed) []attribute.KeyValue {
	attrs := []attribute.KeyValue{signalKey.String(o.Signal), phaseKey.String(o.Phase)}
	if o.Sender != "" {
		attrs = append(attrs, senderKey.String(o.Sender))
	}
	if o.Receiver != nil {
		attrs = append(attrs, receiverKey.String(receiverName(o.Receiver)))
		if o.Receiver.Lane != nil {
			attrs = append(attrs, laneKey.String(o.Receiver.Lane.Name()))
		}
	}
	return attrs
}

// kindOf returns the attributes of a step for metrics, with the type of its error.
func kindOf(o signals.Observed, err error) attribute.Set {
	attrs := kindAttributes(o)
	if err != nil {
		attrs = append(attrs, semconv.ErrorType(cause(err)))
	}
	return attribute.NewSet(attrs...)
}

// placeOf returns the table of the rows, and the place where the receiver was connected.
func placeOf(o signals.Observed) []attribute.KeyValue {
	var attrs []attribute.KeyValue
	if o.Table != "" {
		attrs = append(attrs, semconv.DBCollectionName(o.Table))
	}
	if o.Receiver == nil {
		return attrs
	}
	colon := strings.LastIndexByte(o.Receiver.Location, ':')
	if colon < 0 {
		return attrs
	}
	line, err := strconv.Atoi(o.Receiver.Location[colon+1:])
	if err != nil {
		return attrs
	}
	return append(attrs, semconv.CodeFilePath(o.Receiver.Location[:colon]), semconv.CodeLineNumber(line))
}

// fail notes on a span that its step has failed. Only the call that failed gets the exception, and not every send around it.
func fail(span trace.Span, o signals.Observed, err error) {
	if !span.IsRecording() {
		return
	}
	text, errorType := err.Error(), semconv.ErrorType(cause(err))
	exception := []attribute.KeyValue{semconv.ExceptionType(errorType.Value.AsString())}
	if panicked, ok := errors.AsType[*signals.PanicError](err); ok { // a panic has a stack, which its text does not show
		text = fmt.Sprint("panic: ", panicked.Value)
		exception = append(exception, semconv.ExceptionStacktrace(string(panicked.Stack)))
	}
	span.SetStatus(codes.Error, text)
	span.SetAttributes(errorType)
	if o.Step == signals.Calling {
		span.AddEvent(semconv.ExceptionEventName, trace.WithAttributes(append(exception, semconv.ExceptionMessage(text))...))
	}
}

// cause returns the error of the innermost receiver. The receivers around it only pass it on.
func cause(err error) error {
	for {
		failed, ok := errors.AsType[*signals.ReceiverError](err)
		if !ok || failed.Err == nil {
			return err
		}
		err = failed.Err
	}
}
