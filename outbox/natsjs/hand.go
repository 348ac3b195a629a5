package natsjs

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go/jetstream"
)

// position tells a stored message from all others. A stream that was removed and made anew counts from one again, so the number
// alone does not do.
type position struct {
	sequence uint64
	stored   int64
}

// delivery is a message that is not done.
type delivery struct {
	at  position
	row string
	m   outbox.Message
	bad error // why m is no event

	msg     jetstream.Msg // of the latest delivery; guarded by hand.mu
	touched time.Time     // when the server last heard of it; guarded by hand.mu
}

// hand holds what the server has delivered and not heard the end of.
type hand struct {
	mu    sync.Mutex
	open  map[position]*delivery
	rows  map[string][]*delivery // what waits, by row; a row that is being worked on has an entry, which may be empty
	done  map[position]bool      // what is over; the acknowledgement of it may have been lost
	order []position             // of done, the oldest at next
	next  int
}

// remembered is how many messages a hand knows to be over: more than the server forgets of its notes when it is killed.
const remembered = 1 << 14

func newHand() *hand {
	return &hand{open: map[position]*delivery{}, rows: map[string][]*delivery{}, done: map[position]bool{}}
}

// take notes a delivered message. It returns nil for one that is in hand, and says when it was over before.
func (h *hand) take(msg jetstream.Msg, at position) (d *delivery, over bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done[at] {
		return nil, true
	}
	if known := h.open[at]; known != nil {
		known.msg, known.touched = msg, time.Now()
		return nil, false
	}
	d = &delivery{at: at, msg: msg, touched: time.Now()}
	h.open[at] = d
	return d, false
}

// queue puts a delivery behind the others of its row. It reports whether nobody works on the row.
func (h *hand) queue(d *delivery) (idle bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting, busy := h.rows[d.row]
	h.rows[d.row] = append(waiting, d)
	return !busy
}

// head takes the next delivery of a row, nil when there is none.
func (h *hand) head(row string) *delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting := h.rows[row]
	if len(waiting) == 0 {
		delete(h.rows, row)
		return nil
	}
	h.rows[row] = waiting[1:]
	return waiting[0]
}

// settle takes a delivery out of the hand for good, and returns its message.
func (h *hand) settle(d *delivery) jetstream.Msg {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, d.at)
	h.done[d.at] = true
	if len(h.order) < remembered {
		h.order = append(h.order, d.at)
	} else {
		delete(h.done, h.order[h.next])
		h.order[h.next] = d.at
		h.next = (h.next + 1) % remembered
	}
	return d.msg
}

// upTo counts what is in hand of the messages up to a sequence.
func (h *hand) upTo(sequence uint64) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for at := range h.open {
		if at.sequence <= sequence {
			n++
		}
	}
	return n
}

// stale returns the messages that the server has not heard of for some time, in the order of the stream, and counts them as heard of.
func (h *hand) stale(age time.Duration) []jetstream.Msg {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	var old []*delivery
	for _, d := range h.open {
		if now.Sub(d.touched) >= age {
			old = append(old, d)
			d.touched = now
		}
	}
	slices.SortFunc(old, inStreamOrder)
	msgs := make([]jetstream.Msg, len(old))
	for i, d := range old {
		msgs[i] = d.msg
	}
	return msgs
}

func inStreamOrder(a, b *delivery) int { return cmp.Compare(a.at.sequence, b.at.sequence) }
