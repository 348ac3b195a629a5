// Package httpsignals sends signals around HTTP requests, as Django does: request_started, request_finished, and request_failed, which Django calls
// got_request_exception. It wraps any [http.Handler] and, besides package signals, needs only the standard library.
//
//	mux := http.NewServeMux()
//	mux.HandleFunc("GET /products/{id}", showProduct)
//	server := http.Server{Addr: ":8080", Handler: httpsignals.Middleware(mux)}
//
// # Connecting
//
// The signals are custom signals of package signals, with its words and its options:
//
//	httpsignals.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error {
//		fmt.Println(e.Request.Method, e.Request.Pattern, e.Status, e.Bytes, e.Duration)
//		return nil
//	}, signals.UID("access-log"))
//
// [RequestStarted], [RequestFinished] and [RequestFailed] belong to the whole program. [New] makes signals for one server, whose receivers get no
// requests of other servers:
//
//	web := httpsignals.New()
//	web.RequestFinished.Connect(count)
//	server := http.Server{Handler: web.Middleware(mux)}
//
// # When signals are sent
//
//   - RequestStarted: before the handler is called.
//   - RequestFailed: when the handler panics. It is not sent for [http.ErrAbortHandler], with which a handler ends a response on purpose, and which
//     the server does not log either.
//   - RequestFinished: when the handler has returned or panicked, after RequestFailed. It is sent exactly once per started request, also if the
//     client leaves, the connection is hijacked, the handler aborts or ends its goroutine, or a receiver of RequestStarted fails.
//
// All three are sent on the goroutine of the request. The end of the response may wait for receivers of RequestFinished: the server sends the last
// part of its buffer when they have returned. A slow receiver should hand its work on. If no receiver of the three is connected when a request
// starts, nothing is sent for it.
//
// # In which context
//
// Receivers of RequestStarted get the context of the request. Receivers of the other two get its values without its cancellation, so that they can
// write to a database after the client has left. Receivers that the request's context mutes are not called, see [signals.Mute].
//
// # With which fields
//
// All events of a request hold the same [http.Request], which the handler gets too. Leave its body to the handler. The Finished event of a request:
//
//	the handler                    Status            Bytes            others
//	returns, and wrote nothing     200               0
//	answers                        its status        its body
//	answers HEAD                   its status        0
//	sends 103 first, then 200      200               its body
//	calls WriteHeader twice        the first one     its body
//	hijacks                        0                 0                Hijacked
//	sends 101, then hijacks        101               0                Hijacked
//	panics before an answer        0                 0                Aborted
//	panics in the middle           its status        up to there      Aborted
//	is called, the client leaves   its status        up to there      Cause: context.Canceled
//
// Status and Bytes say what the server has accepted; whether it reached the client, nobody knows. If a middleware turns a panic into a response, put
// it inside this one, which does not see that response otherwise. Duration ends with the handler, even if a hijacked connection lives on.
//
// # What an error does
//
// If a receiver of RequestStarted returns an error or panics, the client gets 500 Internal Server Error. The remaining receivers and the handler are
// not called, and RequestFinished is sent. To refuse requests with another status, write a middleware. All receivers of RequestFailed and
// RequestFinished are called, whatever they return. Every error goes to [Signals.ErrorHandler], which by default logs it where the server logs.
//
// After the signals, a panic of the handler continues with its value unchanged. The server, or a middleware around this one, handles it as it would
// without this one.
//
// # The ResponseWriter
//
// The handler gets a [http.ResponseWriter] that implements [http.Flusher], [http.Hijacker], [http.Pusher] or [io.ReaderFrom] exactly if the server's
// own does. A [http.ResponseController] reaches everything else, such as deadlines. If no receiver is connected, the handler gets the server's own
// ResponseWriter, and nothing is allocated.
//
// Two things work only with the server's own ResponseWriter. [http.MaxBytesReader] closes the connection after the response only with that; if this
// matters, put [http.MaxBytesHandler] around this middleware. And the server's log of a superfluous WriteHeader names this package as the caller.
package httpsignals
