// Package httpsignals sends signals around HTTP requests, as Django does: request_started, request_finished, and
// request_failed, which Django calls got_request_exception. It needs the standard library alone and goes around any
// [http.Handler].
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
// [RequestStarted], [RequestFinished] and [RequestFailed] belong to the whole program. [New] makes signals for one
// server, whose receivers hear of no other:
//
//	web := httpsignals.New()
//	web.RequestFinished.Connect(count)
//	server := http.Server{Handler: web.Middleware(mux)}
//
// # When signals are sent
//
//   - RequestStarted: before the handler is called.
//   - RequestFailed: when the handler panics, except with [http.ErrAbortHandler], which is how a handler ends an answer
//     on purpose and which the server does not log either.
//   - RequestFinished: when the handler has returned or panicked, after RequestFailed. Exactly once per started request: also when the
//     client leaves, the connection is hijacked, the handler aborts or ends its goroutine, or a receiver of RequestStarted
//     has failed.
//
// All three are sent on the goroutine of the request, and the end of the answer may wait for the receivers of
// RequestFinished: the server sends the last part of what it has buffered when they are done. A receiver that takes long should
// hand its work on. Of a request that started while nobody was connected to any of the three, nothing is sent.
//
// # In which context
//
// Receivers of RequestStarted get the context of the request. Those of the other two get its values without its end, so
// that they can write to a database when the client has left. A request whose context comes from [signals.Mute] is
// silent.
//
// # With which fields
//
// All events of a request hold the same [http.Request], which is also the handler's. Leave its body to the handler. The Finished
// event of a request:
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
// Status and Bytes tell what the server accepted; whether it reached the client, nobody knows. An answer that a middleware
// outside makes of a panic is not seen: put it inside to see it. Duration ends with the handler, also when a hijacked connection lives on.
//
// # What an error does
//
// An error of a receiver of RequestStarted, or its panic, answers the request with 500 Internal Server Error: the remaining
// receivers and the handler are not called, and RequestFinished is sent. To refuse requests with another status, write a middleware.
// Receivers of RequestFailed and RequestFinished are all called, and their errors change nothing. Every error goes to
// [Signals.ErrorHandler], which by default logs it where the server logs.
//
// A panic of the handler goes on after the signals were sent, with its value unchanged, so that the server, or a middleware
// around this one, does what it always did.
//
// # The ResponseWriter
//
// The handler gets a [http.ResponseWriter] that is a [http.Flusher], [http.Hijacker], [http.Pusher] or [io.ReaderFrom] exactly
// when the server's own one is, and an [http.ResponseController] reaches everything else, such as deadlines. When nobody is
// connected, the handler gets the server's own one, and nothing is allocated.
//
// Two things know net/http's own type and cannot see through another: [http.MaxBytesReader] closes the connection
// after the answer only when it has the server's own ResponseWriter, so put [http.MaxBytesHandler] outside this
// middleware where that matters; and the server's log of a superfluous WriteHeader names this package as its caller.
package httpsignals
