package signals

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// frame is the context that receivers of one send get. It carries what nested writes must know: how deep they are, who
// is muted, and whether this is fixture loading. Mute and Raw make frames that belong to no send.
type frame struct {
	context.Context //nolint:containedctx // a frame is a context
	parent          *frame
	db              *gorm.DB      // the statement's db; nil in frames of Mute and Raw
	pool            gorm.ConnPool // of the statement while it ran: GORM puts another one in its place afterwards
	settings        *settings     // of the statement when an event of it was kept; nil while they are the statement's own
	plan            *plan         // of the sender; nil in frames of Mute and Raw
	ended           *ended        // of a deferred send, whose transaction has ended
	muted           *[]string
	depth           int32
	kind            kind
	muteAll, raw    bool
	keeps           bool // a Store keeps events under it
}

// ended is what a frame has beside itself when its transaction has ended.
type ended struct {
	pool  gorm.ConnPool // where sessions go; nil means the database's own pool
	later []*queued     // what deferred receivers queued with OnCommit outside any transaction
}

type frameKey struct{}

// Value returns the frame itself for the key of frames, and the parent context's value for any other.
func (f *frame) Value(key any) any {
	if key == (frameKey{}) {
		return f
	}
	return f.Context.Value(key)
}

// frameOf returns the innermost frame of ctx, or nil.
func frameOf(ctx context.Context) *frame {
	f, _ := ctx.Value(frameKey{}).(*frame)
	return f
}

// open makes f the frame of a send that starts under ctx.
func (f *frame) open(ctx context.Context, db *gorm.DB, k kind, p *plan) {
	f.Context, f.db, f.kind, f.plan, f.depth = ctx, db, k, p, 1
	if f.parent = frameOf(ctx); f.parent != nil {
		f.depth += f.parent.depth
		f.muteAll, f.muted, f.raw = f.parent.muteAll, f.parent.muted, f.parent.raw
	}
}

// unmuted reports whether a receiver with this UID is not muted.
func (f *frame) unmuted(uid string) bool {
	return f.muted == nil || uid == "" || !slices.Contains(*f.muted, uid)
}

// leave makes the frame one that outlives its transaction: the context keeps its values without its cancellation, and
// sessions are outside. A nil pool is the database's own.
func (f *frame) leave(outside gorm.ConnPool) {
	if f.Done() != nil {
		f.Context = context.WithoutCancel(f.Context)
	}
	f.ended = &ended{pool: outside}
}

// keeping returns a frame under which a store keeps events.
func (f *frame) keeping() *frame {
	k := derive(f)
	k.keeps = true
	return k
}

// chain shows the sends that led to f, outermost first.
func (f *frame) chain() string {
	var sends []string
	for ; f != nil; f = f.parent {
		if f.plan != nil {
			sends = append(sends, strings.TrimSpace(f.kind.String()+" "+f.plan.sender))
		}
	}
	slices.Reverse(sends)
	if len(sends) > 8 {
		sends = append(append(sends[:4:4], "..."), sends[len(sends)-3:]...)
	}
	return strings.Join(sends, " -> ")
}

func derive(ctx context.Context) *frame {
	f := &frame{Context: ctx}
	if f.parent = frameOf(ctx); f.parent != nil {
		f.depth, f.muteAll, f.muted, f.raw = f.parent.depth, f.parent.muteAll, f.parent.muted, f.parent.raw
	}
	return f
}

// mute returns a frame under which the receivers with some UIDs do not run, or no receiver at all when none is named.
func mute(ctx context.Context, uids []string) *frame {
	f := derive(ctx)
	if len(uids) == 0 {
		f.muteAll = true
	}
	if f.muted != nil {
		uids = slices.Concat(*f.muted, uids)
	}
	f.muted = &uids
	return f
}

// fixtures returns a frame that marks the events of writes under it as fixture loading.
func fixtures(ctx context.Context) *frame {
	f := derive(ctx)
	f.raw = true
	return f
}
