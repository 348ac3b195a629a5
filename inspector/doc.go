// Package inspector serves a page that shows signals and receivers, live: counts, errors and latencies of all receivers, the sends that wait for a
// commit now, and the last sends as a tree.
//
// An [Inspector] is an observer of the plugin and makes an [http.Handler]. Three lines set it up:
//
//	ins := inspector.New()
//	err := db.Use(signals.Plugin{Observer: ins})
//	mux.Handle("/signals/", ins.Handler(db))
//
// The page is then at /signals/, the same as text at /signals/text, and its stream of events at /signals/events. Its links are relative: it works
// under any prefix, with and without [http.StripPrefix], and behind a proxy. The page does not ask who its readers are, so put something before it
// that does:
//
//	mux.Handle("/signals/", onlyStaff(ins.Handler(db)))
//
// On a loopback address the page answers only for localhost, 127.0.0.1, [::1], and the hosts that [Hosts] allows. If a proxy on the same machine
// forwards requests, give the program's host to Hosts.
//
// [Watch] adds a signal that the program made with signals.New. [Inspector.Explain] prints the page as text for a terminal.
//
// # What is recorded
//
// The inspector records nothing before [Inspector.Handler] or [Inspector.Start] is called. Then it keeps counters and the last steps, see [History];
// its memory is bounded. Of the steps within one send it keeps the first 20 and the failed ones, and counts the others.
//
// Values are hidden: the page shows names of models, fields and receivers, kinds of errors, and numbers. [Values] also shows primary keys, old and
// new values, and texts of errors; [Redact] shows the result of a function for each. The inspector renders values on the goroutine of the write, and
// only if somebody watches: while a stream is open, and for a minute after the page was read.
//
// # What it costs
//
// An insert with two receivers, which is four steps, takes a microsecond or two more. Readers never delay a write: a stream that does not keep up
// loses events, and the page says how many. A panic in this package, or in a Redact function, does not reach the write either.
package inspector
