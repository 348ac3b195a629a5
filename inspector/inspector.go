package inspector

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gorm-signals/signals"
)

// Inspector records sends for its page. Make one with [New], and set it as Plugin.Observer. Its methods are safe for use by several goroutines.
type Inspector struct {
	options

	born     time.Time // zero point of all times in this package
	on       atomic.Bool
	ids      atomic.Uint64
	faults   atomic.Uint64 // panics in this package, which it has recovered
	looked   atomic.Int64  // when the page was last read; 0 means never
	counters counters
	history  history
	waiting  waiting
	watchers watchers
	custom   custom
}

// New returns an inspector. It records nothing before [Inspector.Handler] or [Inspector.Start] is called.
func New(opts ...Option) *Inspector {
	i := &Inspector{born: time.Now()}
	for _, opt := range opts {
		opt(&i.options)
	}
	if i.steps <= 0 {
		i.steps = defaultHistory
	}
	i.history.slots = make([]slot, i.steps)
	return i
}

// Start begins to record. It is for programs that only use [Inspector.Explain]; [Inspector.Handler] calls it.
func (i *Inspector) Start() { i.on.Store(true) }

// Stop ends the recording and the open streams, which a server would otherwise wait for:
//
//	server.RegisterOnShutdown(ins.Stop)
//
// The page keeps what was recorded.
func (i *Inspector) Stop() {
	i.on.Store(false)
	i.watchers.end()
}

// span is the context of a step. Steps that begin under it are within the step.
type span struct {
	context.Context //nolint:containedctx // a span is a context

	of       *Inspector
	parent   *span // the span around it
	above    *span // the innermost kept span around it
	id       uint64
	started  time.Duration
	children atomic.Int32
	left     atomic.Int32 // children that are counted and not kept
	ended    atomic.Bool
	hidden   bool // counted, and kept only if it fails
}

type spanKey struct{ of *Inspector }

// maxChildren is how many steps within one step are kept.
const maxChildren = 20

// Value returns the span itself for its inspector's key, and the parent context's value for any other.
func (s *span) Value(key any) any {
	if key == (spanKey{s.of}) {
		return s
	}
	return s.Context.Value(key)
}

// off is the context of a step that is not recorded. It keeps ObserveEnd from taking the span around the step for the step's own.
type off struct{ context.Context } //nolint:containedctx // it is a context

// ObserveStart notes that a step begins.
func (i *Inspector) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	if i.on.Load() {
		return i.begin(ctx, &o)
	}
	if _, inside := ctx.(*span); inside {
		return off{ctx}
	}
	return ctx
}

// ObserveEnd notes that a step has ended.
func (i *Inspector) ObserveEnd(ctx context.Context, o signals.Observed, err error) {
	if s, recorded := ctx.(*span); recorded && s.of == i {
		i.end(s, &o, err)
	}
}

func (i *Inspector) begin(ctx context.Context, o *signals.Observed) (under context.Context) {
	defer func() {
		if v := recover(); v != nil {
			i.faults.Add(1)
			under = off{ctx}
		}
	}()
	s := &span{Context: ctx, of: i, id: i.ids.Add(1), started: i.now()}
	if p, _ := ctx.Value(spanKey{i}).(*span); p != nil {
		s.parent, s.above = p, p
		if p.hidden {
			s.above = p.above
		}
		if s.hidden = p.children.Add(1) > maxChildren || p.hidden; s.hidden {
			p.left.Add(1)
		}
	}
	if o.Step == signals.Waiting {
		w := waitingSend{ID: s.id, Signal: o.Signal, Sender: o.Sender, Phase: o.Phase, Events: o.Events, Since: s.started}
		if i.watched(s.started) {
			w.Rows = i.rows(o)
		}
		i.waiting.add(w)
	}
	return s
}

func (i *Inspector) end(s *span, o *signals.Observed, err error) {
	defer func() {
		if v := recover(); v != nil {
			i.faults.Add(1)
		}
	}()
	now := i.now()
	s.ended.Store(true)
	if o.Step == signals.Waiting {
		i.waiting.remove(s.id, err)
	} else {
		i.counters.of(o).add(now-s.started, o.Events, err != nil)
	}
	if s.hidden {
		if err == nil {
			return
		}
		s.parent.left.Add(-1)
	}
	e := event{
		ID: s.id, Step: o.Step.String(), Signal: o.Signal, Sender: o.Sender, Phase: o.Phase, Events: o.Events,
		At: s.started, Took: now - s.started, Left: int(s.left.Load()),
	}
	if s.above != nil {
		e.Parent, e.Open = s.above.id, !s.above.ended.Load()
	}
	if o.Receiver != nil {
		e.Receiver = nameOf(o.Receiver)
	}
	if err != nil {
		e.Failed = !errors.Is(err, signals.ErrRolledBack)
		e.Error = i.failure(o, err)
	}
	if o.Step == signals.Sending && i.watched(now) {
		e.Rows = i.rows(o)
		if actor := signals.Actor(s); i.values && actor != nil {
			e.Actor = i.value(o.Sender, "actor", actor)
		}
	}
	i.history.add(&e)
	i.watchers.publish(&e)
}

func (i *Inspector) now() time.Duration { return time.Since(i.born) }

// lookLasts is how long values are rendered after the page was read.
const lookLasts = time.Minute

// watched reports whether somebody watches, so that rendering rows is not in vain.
func (i *Inspector) watched(now time.Duration) bool {
	if i.watchers.any() {
		return true
	}
	at := i.looked.Load()
	return at > 0 && now-time.Duration(at) < lookLasts
}

func nameOf(r *signals.ReceiverInfo) string {
	if r.UID != "" {
		return r.UID
	}
	return short(r.Location)
}

// short returns the last folder, the file and the line of a location.
func short(location string) string {
	slashes := 0
	for at := len(location) - 1; at >= 0; at-- {
		if location[at] == '/' {
			if slashes++; slashes == 2 {
				return location[at+1:]
			}
		}
	}
	return location
}
