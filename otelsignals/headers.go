package otelsignals

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// Headers returns the trace of ctx as headers traceparent and tracestate, nil if there is none. Set it as Config.Headers of package outbox.
func Headers(ctx context.Context) map[string]string {
	headers := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, headers)
	if len(headers) == 0 {
		return nil
	}
	return headers
}

// Extract returns a context with the trace that Headers has put into extensions, such as those of a message of package outbox. Spans started with it
// belong to that trace. If extensions has no valid trace, Extract returns ctx.
func Extract(ctx context.Context, extensions map[string]string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier(extensions))
}
