package httpsignals_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorm-signals/signals/httpsignals"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

var ok = []byte("ok")

func BenchmarkMiddleware(b *testing.B) {
	plain := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(ok) })
	heard := httpsignals.New()
	heard.RequestFinished.Connect(func(context.Context, httpsignals.Finished) error { return nil })
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{
		{"none", plain},
		{"nobody listens", httpsignals.New().Middleware(plain)},
		{"one receiver", heard.Middleware(plain)},
	} {
		b.Run(c.name, func(b *testing.B) {
			w, r := discard{http.Header{}}, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", http.NoBody)
			b.ReportAllocs()
			for b.Loop() {
				c.handler.ServeHTTP(w, r)
			}
		})
	}
}
