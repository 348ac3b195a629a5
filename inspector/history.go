package inspector

import (
	"sync"
	"sync/atomic"
	"time"
)

// event is one step that has ended.
type event struct {
	ID       uint64        `json:"id"`
	Parent   uint64        `json:"parent,omitempty"` // the step in which it was sent
	Open     bool          `json:"open,omitempty"`   // the parent had not ended
	Step     string        `json:"step"`
	Signal   string        `json:"signal"`
	Sender   string        `json:"sender,omitempty"`
	Phase    string        `json:"phase"`
	Receiver string        `json:"receiver,omitempty"`
	Actor    string        `json:"actor,omitempty"` // of a send, if values are shown
	Events   int           `json:"events"`
	At       time.Duration `json:"at"` // since the inspector was made
	Took     time.Duration `json:"took"`
	Failed   bool          `json:"failed,omitempty"`
	Error    string        `json:"error,omitempty"`
	Left     int           `json:"left,omitempty"` // number of steps within it that were counted and not kept
	Rows     []row         `json:"rows,omitempty"`
}

// history is a ring of the last events. Two writers wait for each other only at the same slot.
type history struct {
	next  atomic.Uint64
	slots []slot
}

type slot struct {
	mu  sync.Mutex
	seq uint64 // from 1; 0 means empty
	event
}

func (h *history) add(e *event) {
	seq := h.next.Add(1)
	s := &h.slots[seq%uint64(len(h.slots))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq > s.seq { // otherwise a later event has taken the slot
		s.seq, s.event = seq, *e
	}
}

// events returns the events in the ring, in no order.
func (h *history) events() []event {
	all := make([]event, 0, len(h.slots))
	for i := range h.slots {
		s := &h.slots[i]
		s.mu.Lock()
		if s.seq > 0 {
			all = append(all, s.event)
		}
		s.mu.Unlock()
	}
	return all
}
