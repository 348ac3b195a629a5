package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// doubts remembers the likely mistakes of a program that the log has reported. In strict mode they are errors instead.
type doubts struct{ logged sync.Map }

// Doubt reports a likely mistake at a place in the program: in strict mode as an error, otherwise by one line in the log for each place.
func (r *Registry) Doubt(ctx context.Context, place string, text func() string) error {
	if r.Strict {
		return errors.New(text())
	}
	if _, known := r.logged.Load(place); known {
		return nil
	}
	if _, known := r.logged.LoadOrStore(place, true); !known {
		r.DB.Logger.Warn(ctx, "%s", text())
	}
	return nil
}

// uids counts the connected receivers of the process by their UIDs. One context with muted UIDs may be used with several databases and with custom
// signals, and none of these knows the receivers of the others.
var uids sync.Map // by UID: an *atomic.Int64

// CountUID notes that a receiver with a UID was connected (by is 1) or disconnected (by is -1).
func CountUID(uid string, by int64) {
	if uid == "" {
		return
	}
	known, _ := uids.LoadOrStore(uid, &atomic.Int64{})
	if n, ok := known.(*atomic.Int64); ok {
		n.Add(by)
	}
}

// UnknownUID returns a muted UID that no receiver of the process has, "" if there is none.
func (f *Frame) UnknownUID() string {
	if f.muted == nil {
		return ""
	}
	for _, uid := range *f.muted {
		known, _ := uids.Load(uid)
		if n, ok := known.(*atomic.Int64); !ok || n.Load() == 0 {
			return uid
		}
	}
	return ""
}
