package inspector

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxWatchers  = 32
	maxUnread    = 256              // events that a watcher may be behind
	stateEvery   = time.Second      // how often a watcher gets the state, if it has changed
	aliveEvery   = 15 * time.Second // how often a watcher gets a sign that the stream is alive
	writeTimeout = 10 * time.Second // for one write to a watcher
)

// watcher is a reader of the stream.
type watcher struct {
	events  chan *event
	ended   chan struct{} // closed by Stop
	dropped atomic.Uint64
}

// watchers are all readers of the stream. Writes use a snapshot.
type watchers struct {
	mu      sync.Mutex // held to add or remove a watcher
	now     atomic.Pointer[[]*watcher]
	dropped atomic.Uint64
}

func (w *watchers) all() []*watcher {
	if now := w.now.Load(); now != nil {
		return *now
	}
	return nil
}

func (w *watchers) any() bool { return len(w.all()) > 0 }

// publish gives an event to all watchers. A watcher that is too far behind loses it.
func (w *watchers) publish(e *event) {
	all := w.all()
	if len(all) == 0 {
		return
	}
	published := *e
	for _, one := range all {
		select {
		case one.events <- &published:
		default:
			one.dropped.Add(1)
			w.dropped.Add(1)
		}
	}
}

// join returns a new watcher, nil if there are too many or nothing is recorded.
func (w *watchers) join(recording *atomic.Bool) *watcher {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all()
	if len(all) >= maxWatchers || !recording.Load() {
		return nil
	}
	one := &watcher{events: make(chan *event, maxUnread), ended: make(chan struct{})}
	all = append(slices.Clone(all), one)
	w.now.Store(&all)
	return one
}

func (w *watchers) leave(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(w.all()), func(other *watcher) bool { return other == one })
	w.now.Store(&all)
}

func (w *watchers) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.all() {
		close(one.ended)
	}
	w.now.Store(nil)
}

// state is what the stream sends besides events, when it has changed.
type state struct {
	Steps    uint64 `json:"steps"` // number of recorded steps
	Waiting  int64  `json:"waiting"`
	Watchers int    `json:"watchers"`
	Dropped  uint64 `json:"dropped"` // events that this stream has lost
}

func (i *Inspector) state(one *watcher) state {
	return state{i.history.next.Load(), i.waiting.now.Load(), len(i.watchers.all()), one.dropped.Load()}
}

// sent is an event on the stream: as data, and as HTML for the page.
type sent struct {
	*event

	HTML string `json:"html"`
}

// stream answers with server-sent events until the client leaves.
func (i *Inspector) stream(w http.ResponseWriter, r *http.Request) {
	one := i.watchers.join(&i.on)
	if one == nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "nothing is recorded, or too many streams are open", http.StatusServiceUnavailable)
		return
	}
	defer i.watchers.leave(one)
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // proxies must not hold events back
	if !flushes(w) {
		http.Error(w, "the response cannot be streamed: a middleware hides http.Flusher", http.StatusInternalServerError)
		return
	}
	out := sending{to: w, control: http.NewResponseController(w)}
	w.WriteHeader(http.StatusOK) // a middleware that compresses decides here; a flush before this would prevent it
	told := i.state(one)
	out.message("state", told)
	tick, alive := time.NewTicker(stateEvery), time.NewTicker(aliveEvery)
	defer tick.Stop()
	defer alive.Stop()
	for out.err == nil {
		out.flush()
		select {
		case <-r.Context().Done():
			return
		case <-one.ended:
			return
		case e := <-one.events:
			i.send(&out, e)
			for range len(one.events) { // events that are there already, with one flush
				i.send(&out, <-one.events)
			}
		case <-tick.C:
			if now := i.state(one); now != told {
				told = now
				out.message("state", told)
			}
		case <-alive.C:
			out.write(":\n\n")
		}
	}
}

// flushes reports whether a response can be flushed, without flushing it.
func flushes(w http.ResponseWriter) bool {
	for {
		switch by := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = by.Unwrap()
		default:
			return false
		}
	}
}

func (i *Inspector) send(out *sending, e *event) {
	var html strings.Builder
	if err := page.ExecuteTemplate(&html, "step", i.step(&node{event: *e})); err != nil {
		i.faults.Add(1)
		return
	}
	out.message("step", sent{e, html.String()})
}

// sending writes until the first error.
type sending struct {
	to      http.ResponseWriter
	control *http.ResponseController
	err     error
}

// message writes one event of the stream. The JSON has no line breaks and no characters that are special in HTML.
func (s *sending) message(name string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		s.err = err
		return
	}
	s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", name, text))
}

func (s *sending) write(text string) {
	if s.err != nil {
		return
	}
	s.deadline()
	_, s.err = s.to.Write([]byte(text))
}

func (s *sending) flush() {
	if s.err != nil {
		return
	}
	s.deadline()
	s.err = s.control.Flush()
}

// deadline sets the deadline of the next write, even if the server has a timeout for the whole response. Some ResponseWriters have no deadlines.
func (s *sending) deadline() { _ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout)) }
