package dispatch

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
)

// Frame is the context that the receivers of one send get. It carries what nested writes must know: their depth, the muted receivers, and whether
// they load fixtures. Mute, Fixtures and Keeping make frames that belong to no send.
type Frame struct {
	context.Context //nolint:containedctx // a frame is a context
	parent          *Frame
	db              *gorm.DB      // db of the statement; nil in frames of Mute and Raw, and after Detach
	pool            gorm.ConnPool // pool of the statement while it ran: GORM replaces it afterwards
	settings        *Settings     // settings of the statement after Detach; nil before, when the statement has them
	Plan            *Plan         // plan of the sender; nil in frames of Mute and Raw
	Ended           *Ended        // set when the transaction of a deferred send has ended
	muted           *[]string     // UIDs of receivers that are not called; nil means none
	Depth           int32         // how many sends are nested, including this one
	Kind            Kind          // kind of the signal that is sent
	MuteAll         bool          // no receiver is called
	Raw             bool          // the write loads fixtures
	Keeps           bool          // a Store keeps events under the frame
}

// Ended is the state of a frame whose transaction has ended.
type Ended struct {
	later *Queued // first of the functions that deferred receivers gave to OnCommit outside any transaction
}

// Add adds a function, which runs when the receiver has returned.
func (e *Ended) Add(q *Queued) {
	last := &e.later
	for *last != nil {
		last = &(*last).next
	}
	*last = q
}

// Next removes the first of the functions and returns it, nil if there is none.
func (e *Ended) Next() *Queued {
	q := e.later
	if q != nil {
		e.later, q.next = q.next, nil
	}
	return q
}

type frameKey struct{}

// Value returns the frame itself for the key of frames, and the value of the parent context for any other key.
func (f *Frame) Value(key any) any {
	if key == (frameKey{}) {
		return f
	}
	return f.Context.Value(key)
}

// FrameOf returns the innermost frame of ctx, or nil.
func FrameOf(ctx context.Context) *Frame {
	f, _ := ctx.Value(frameKey{}).(*Frame)
	return f
}

// Open makes f the frame of a send that starts under ctx.
func (f *Frame) Open(ctx context.Context, db *gorm.DB, k Kind, p *Plan) {
	f.Context, f.db, f.Kind, f.Plan, f.Depth = ctx, db, k, p, 1
	if f.parent = FrameOf(ctx); f.parent != nil {
		f.Depth += f.parent.Depth
		f.MuteAll, f.muted, f.Raw = f.parent.MuteAll, f.parent.muted, f.parent.Raw
	}
}

// Unmuted reports whether a receiver with this UID is not muted.
func (f *Frame) Unmuted(uid string) bool {
	return f.muted == nil || uid == "" || !slices.Contains(*f.muted, uid)
}

// Leave lets the frame outlive its transaction. The end of its context no longer ends it, and its sessions are outside the transaction. They use the
// given pool, or the statement's if that is nil. The frame keeps its further state in ended.
func (f *Frame) Leave(outside gorm.ConnPool, ended *Ended) {
	if f.Done() != nil {
		f.Context = context.WithoutCancel(f.Context)
	}
	if f.Ended = ended; outside != nil {
		f.pool = outside
	}
}

// Keeping returns a frame for a store that keeps events.
func (f *Frame) Keeping() *Frame {
	k := derive(f)
	k.Keeps = true
	return k
}

// Within returns a frame for a custom signal that is sent in the transaction of a pool.
func Within(ctx context.Context, r *Registry, current gorm.ConnPool) *Frame {
	f := derive(ctx)
	f.pool, f.Plan = current, &Plan{Reg: r}
	return f
}

// Place returns the database and the pool of the write, or of the send in a transaction, that the frame belongs to. It returns nil if that
// transaction, or the db.Connection around it, has ended.
func (f *Frame) Place() (*Registry, gorm.ConnPool) {
	for ; f != nil && f.Ended == nil; f = f.parent {
		if f.pool != nil && f.Plan != nil {
			if pool.GivenBack(f.pool) {
				break
			}
			return f.Plan.Reg, f.pool
		}
	}
	return nil, nil
}

// failed is the error of a failed write. Its depth tells the frame of that write from frames of nested writes, which inherit the value.
type failed struct {
	err   error
	depth int32
}

type failedKey struct{}

// Fail makes the frame tell its receivers why the write has failed.
func (f *Frame) Fail(err error) {
	f.Context = context.WithValue(f.Context, failedKey{}, failed{err, f.Depth})
}

// Failure returns why the write of the frame has failed, nil if Fail was not called.
func (f *Frame) Failure() error {
	if f == nil || f.Ended == nil {
		return nil
	}
	if of, ok := f.Context.Value(failedKey{}).(failed); ok && of.depth == f.Depth {
		return of.err
	}
	return nil
}

// chain shows the nested sends that led to f, outermost first.
func (f *Frame) chain() string {
	var sends []string
	for ; f != nil; f = f.parent {
		if f.Plan != nil && f.Plan.Schema != nil {
			sends = append(sends, strings.TrimSpace(f.Kind.String()+" "+f.Plan.Sender))
		}
	}
	slices.Reverse(sends)
	if len(sends) > 8 {
		sends = append(append(sends[:4:4], "..."), sends[len(sends)-3:]...)
	}
	return strings.Join(sends, " -> ")
}

// derive returns a frame that belongs to no send. It inherits the state of the innermost frame of ctx.
func derive(ctx context.Context) *Frame {
	f := &Frame{Context: ctx}
	if f.parent = FrameOf(ctx); f.parent != nil {
		f.Depth, f.MuteAll, f.muted, f.Raw = f.parent.Depth, f.parent.MuteAll, f.parent.muted, f.parent.Raw
	}
	return f
}

// Afresh returns a frame that belongs to no transaction, and under which sends are counted from the start. Receivers that ctx mutes stay muted.
func Afresh(ctx context.Context) *Frame {
	f := derive(ctx)
	f.Depth, f.parent = 0, nil
	return f
}

// anyMuted reports whether the process has ever muted a receiver. Until then, custom signals do not look at their context: if it has many values,
// that takes longer than a receiver.
var anyMuted atomic.Bool

// Mutes reports whether a context mutes receivers.
func Mutes(ctx context.Context) bool {
	if !anyMuted.Load() {
		return false
	}
	f := FrameOf(ctx)
	return f != nil && f.muted != nil
}

// Mute returns a frame under which the receivers with some UIDs do not run. Without UIDs, no receiver runs.
func Mute(ctx context.Context, uids []string) *Frame {
	f := derive(ctx)
	if len(uids) == 0 {
		f.MuteAll = true
	}
	var outer []string
	if f.muted != nil {
		outer = *f.muted
	}
	all := slices.Concat(outer, uids)
	f.muted = &all
	anyMuted.Store(true)
	return f
}

// Fixtures returns a frame that marks writes under it as fixture loading.
func Fixtures(ctx context.Context) *Frame {
	f := derive(ctx)
	f.Raw = true
	return f
}
