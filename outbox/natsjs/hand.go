package natsjs

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go/jetstream"
)

// position identifies a stored message. The sequence alone does not: a stream that was deleted and created again counts from one.
type position struct {
	sequence uint64
	stored   int64
}

// delivery is a message that is not done yet.
type delivery struct {
	at  position
	row string
	m   outbox.Message
	bad error // why the message is not an event

	msg     jetstream.Msg // of the latest delivery; guarded by hand.mu
	touched time.Time     // when the server last got a sign of it; guarded by hand.mu
}

// hand holds the messages that the server has delivered and that are not done.
type hand struct {
	mu    sync.Mutex
	open  map[position]*delivery
	rows  map[string][]*delivery // waiting messages by row; a row with a worker has an entry, which may be empty
	done  map[position]bool      // messages that are done, whose acknowledgement may have been lost
	order []position             // of done, the oldest at next
	next  int
}

// remembered is how many done messages a hand remembers: more than the server loses when it is killed.
const remembered = 1 << 14

func newHand() *hand {
	return &hand{open: map[position]*delivery{}, rows: map[string][]*delivery{}, done: map[position]bool{}}
}

// take adds a delivered message. For a message that is in hand already it returns nil; over says that the message was done before.
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

// queue appends a delivery to its row. It reports whether the row has no worker.
func (h *hand) queue(d *delivery) (idle bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting, busy := h.rows[d.row]
	h.rows[d.row] = append(waiting, d)
	return !busy
}

// head removes and returns the next delivery of a row. Without one it returns nil, and the row loses its worker.
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

// settle moves a delivery to the done ones, and returns its latest message.
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

// upTo counts the messages in hand up to a sequence.
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

// stale returns the messages, in stream order, of which the server has had no sign for age, and marks them as touched.
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
