package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// doubts are places of a program that are legal and probably wrong. In strict mode they are errors. Otherwise the log has a line for each.
type doubts struct{ logged sync.Map }

// Doubt returns an error for a place in strict mode. Otherwise it writes a line into the log, once for each place.
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

// uids counts the connected receivers of the process by their UIDs. A context that mutes receivers may be used with several databases and
// with custom signals, and none of them knows the receivers of the others.
var uids sync.Map // by UID: an *atomic.Int64

// CountUID notes that a receiver with a UID was connected or, for -1, disconnected.
func CountUID(uid string, by int64) {
	if uid == "" {
		return
	}
	known, _ := uids.LoadOrStore(uid, &atomic.Int64{})
	if n, ok := known.(*atomic.Int64); ok {
		n.Add(by)
	}
}

// UnknownUID returns a UID that a frame mutes and that no receiver of the process has, "" if there is none.
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
