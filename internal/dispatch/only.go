package dispatch

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/gorm-signals/signals/internal/change"
)

// Only narrows a receiver to some of the rows of its signal.
type Only struct {
	Created bool               // inserted rows
	Updated bool               // updated rows
	Becomes []*change.Becoming // rows in which a field changes to one of these values; none means all rows
}

// Differs reports whether two receivers may want different rows.
func (o *Only) Differs(from *Only) bool {
	if o == nil || from == nil {
		return o != from
	}
	return o.Created != from.Created || o.Updated != from.Updated || len(o.Becomes)+len(from.Becomes) > 0
}

// has reports whether the receiver wants a row.
func (o *Only) has(ctx context.Context, r *change.Row) bool {
	switch {
	case o == nil:
		return true
	case (o.Created && !r.Created) || (o.Updated && r.Created) || r.Facts.Result == change.Deleted:
		return false
	}
	return len(o.Becomes) == 0 || slices.ContainsFunc(o.Becomes, func(b *change.Becoming) bool { return r.Becomes(ctx, b) })
}

// Once is the state of a receiver that is called only once.
type Once struct {
	Disconnect func()

	spent atomic.Bool
}

// Spent reports whether the receiver has had its call.
func (o *Once) Spent() bool { return o != nil && o.spent.Load() }

// Take reports whether the caller may call the receiver. With Once, only the first caller may; Take then disconnects the receiver.
func (e *Entry) Take() bool {
	if e.Once == nil {
		return true
	}
	if e.Once.spent.Swap(true) {
		return false
	}
	e.Once.Disconnect()
	return true
}
