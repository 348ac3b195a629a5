// Package inspector is a page that shows who listens and what is sent: every signal and receiver with counts, errors and latencies,
// what waits for a commit now, and the sends themselves as a tree, live.
//
// An [Inspector] is an observer of the plugin and gives an [http.Handler]. Three lines set it up:
//
//	ins := inspector.New()
//	err := db.Use(signals.Plugin{Observer: ins})
//	mux.Handle("/signals/", ins.Handler(db))
//
// The page is then at /signals/, the same as text at /signals/text, and the stream of events at /signals/events. Its links are relative:
// it works under any prefix, with and without [http.StripPrefix], and behind whatever the program puts before it. Put something before
// it: the page asks nobody who they are.
//
//	mux.Handle("/signals/", onlyStaff(ins.Handler(db)))
//
// On a loopback address the page answers for localhost, 127.0.0.1 and [::1] only, and for what [Hosts] allows: name the host of the program
// there when a proxy on the same machine hands it on.
//
// Signals that the program made with signals.New are added with [Watch]. [Inspector.Explain] prints the page as text for a terminal.
//
// # What is recorded
//
// Nothing, before [Inspector.Handler] or [Inspector.Start] is called. From then on counters and the last steps, see [History]; memory is
// bounded, whatever is sent. Of the steps within one send the first 20 and the failed ones are kept, the others are counted.
//
// Values are hidden: the page shows names of models, fields and receivers, kinds of errors, and numbers. [Values] shows primary keys,
// old and new values and the texts of errors too, and [Redact] shows what a function makes of each. Values are rendered on the goroutine
// of the write, and only while somebody watches: while a stream is open, and for a minute after the page was read.
//
// # What it costs
//
// An insert with two receivers, which is four steps, takes a microsecond or two more. Whoever watches never holds up a write: a stream
// that does not keep up loses events, and the page says how many. A panic in here, or in a Redact function, does not reach the write
// either.
package inspector
