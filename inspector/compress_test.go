package inspector_test

import (
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/httpsignals"
	"github.com/gorm-signals/signals/inspector"
)

// compressed is the common part of middlewares that compress: they decide when the header is written, and pass flushes on.
type compressed struct {
	http.ResponseWriter

	body  *gzip.Writer // nil when the response is not compressed
	wrote bool
}

func (c *compressed) WriteHeader(status int) {
	if c.wrote {
		return
	}
	c.wrote = true
	if strings.HasPrefix(c.Header().Get("Content-Type"), "text/") {
		c.Header().Set("Content-Encoding", "gzip")
		c.body = gzip.NewWriter(c.ResponseWriter)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *compressed) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	if c.body == nil {
		return c.ResponseWriter.Write(b)
	}
	return c.body.Write(b)
}

func (c *compressed) Flush() {
	if c.body != nil {
		_ = c.body.Flush()
	}
	_ = http.NewResponseController(c.ResponseWriter).Flush()
}

func (c *compressed) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func compress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &compressed{ResponseWriter: w}
		next.ServeHTTP(c, r)
		if c.body != nil {
			_ = c.body.Close()
		}
	})
}

func TestTheStreamCanBeReadBehindACompressingMiddleware(t *testing.T) {
	t.Parallel()
	for name, around := range map[string]func(http.Handler) http.Handler{
		"alone":                   compress,
		"request signals inside":  func(h http.Handler) http.Handler { return compress(httpsignals.New().Middleware(h)) },
		"request signals outside": func(h http.Handler) http.Handler { return httpsignals.New().Middleware(compress(h)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ins := inspector.New()
			db := open(t, ins)
			signals.For[Lamp](db).PostSave.Connect(nothing[signals.SaveEvent[*Lamp]], signals.UID("audit"))
			s := watch(t, serve(t, around(ins.Handler(db)))+"/")
			require.NoError(t, db.Create(&Lamp{}).Error)
			assert.Equal(t, "audit", s.steps(2)[0].Receiver, "each event comes at once")
		})
	}
}

// bare is a response that cannot be flushed.
type bare struct{ http.ResponseWriter }

func TestAStreamThatCannotBeFlushedSaysSoInItsStatus(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	handler := ins.Handler(open(t, ins))
	w := httptest.NewRecorder()
	handler.ServeHTTP(bare{w}, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/signals/events", http.NoBody))
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Contains(t, w.Body.String(), "hides http.Flusher")
	assert.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
}
