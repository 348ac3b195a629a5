package httpsignals_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/httpsignals"
)

// visit requests a path from a real server. Closing the server waits for RequestFinished.
func visit(handler http.Handler, path string) {
	server := httptest.NewServer(handler)
	defer server.Close()
	res, err := http.Get(server.URL + path) //nolint:noctx // an example is short
	if err != nil {
		panic(err)
	}
	_ = res.Body.Close()
}

func Example() {
	web := httpsignals.New() // or the package's own signals and Middleware, for a program with one server
	web.RequestStarted.Connect(func(_ context.Context, e httpsignals.Started) error {
		fmt.Println("started", e.Request.Method, e.Request.URL.Path)
		return nil
	})
	web.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error {
		fmt.Println("finished", e.Request.Pattern, e.Status, e.Bytes)
		return nil
	})

	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("handling", r.PathValue("id"))
		_, _ = fmt.Fprint(w, "a lamp")
	})
	visit(web.Middleware(mux), "/products/7")

	// Output:
	// started GET /products/7
	// handling 7
	// finished GET /products/{id} 200 6
}

func ExampleMiddleware() {
	disconnect := httpsignals.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error {
		if e.Status == http.StatusNotFound {
			fmt.Println("not found:", e.Request.URL.Path)
		}
		return nil
	}, signals.UID("report-not-found"))
	defer disconnect()

	visit(httpsignals.Middleware(http.NewServeMux()), "/nowhere")

	// Output:
	// not found: /nowhere
}

func ExampleFailed() {
	web := httpsignals.New()
	web.RequestFailed.Connect(func(_ context.Context, e httpsignals.Failed) error {
		fmt.Println("failed:", e.Request.URL.Path, e.Value, len(e.Stack) > 0)
		return nil
	})
	web.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error {
		fmt.Println("finished:", e.Status, e.Aborted)
		return nil
	})
	handler := web.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no lamps left") }))

	// The panic continues in the caller: in the server, or in a middleware that turns it into a response.
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "sorry", http.StatusInternalServerError)
			}
		}()
		handler.ServeHTTP(w, r)
	})
	visit(answer, "/lamps")

	// Output:
	// failed: /lamps no lamps left true
	// finished: 0 true
}

func ExampleSignals() {
	web := httpsignals.New()
	web.ErrorHandler = func(_ context.Context, err error) { fmt.Println(err) }
	web.RequestStarted.Connect(func(context.Context, httpsignals.Started) error {
		return errors.New("no database")
	}, signals.UID("open-session"))
	web.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error {
		fmt.Println("finished:", e.Status)
		return nil
	})

	visit(web.Middleware(http.NotFoundHandler()), "/")

	// Output:
	// signals: receiver open-session of request_started: no database
	// finished: 500
}
