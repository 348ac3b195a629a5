package inspector

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorm-signals/signals"
)

// waitingSend is a send that waits for the end of its transaction.
type waitingSend struct {
	ID                    uint64
	Signal, Sender, Phase string
	Events                int
	Since                 time.Duration
	Rows                  []row
}

// waiting holds the sends that wait now, and counts the outcomes of earlier ones.
type waiting struct {
	mu    sync.Mutex
	sends map[uint64]waitingSend
	now   atomic.Int64

	committed, rolledBack, unknown atomic.Uint64
}

// maxWaiting is how many waiting sends are described. Further ones are only counted.
const maxWaiting = 1000

func (w *waiting) add(s waitingSend) {
	w.now.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sends == nil {
		w.sends = map[uint64]waitingSend{}
	}
	if len(w.sends) < maxWaiting {
		w.sends[s.ID] = s
	}
}

func (w *waiting) remove(id uint64, err error) {
	w.now.Add(-1)
	switch {
	case err == nil:
		w.committed.Add(1)
	case errors.Is(err, signals.ErrOutcomeUnknown):
		w.unknown.Add(1)
	default:
		w.rolledBack.Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sends, id)
}

// all returns the described sends, the longest wait first.
func (w *waiting) all() []waitingSend {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.sends), func(a, b waitingSend) int { return cmp.Compare(a.ID, b.ID) })
}
