// Package receivers keeps the receivers of a signal in the order in which they run. Reading is one atomic load;
// writers copy.
package receivers

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// Item is the place of a receiver in its list. Receivers embed it.
type Item struct {
	UID      string // unique in its list unless empty
	Level    int8   // higher comes first, whatever the priorities are
	Priority int    // higher comes first
	Seq      uint64 // order among equal priorities
}

// Place returns the item itself, so that a struct that embeds an Item is a Receiver.
func (i *Item) Place() *Item { return i }

// Receiver is an element of a List.
type Receiver interface{ Place() *Item }

// List is an ordered set of receivers. The zero value is empty and ready for use by several goroutines.
type List[R interface {
	comparable
	Receiver
}] struct {
	mu    sync.Mutex
	items atomic.Pointer[[]R]
}

// Items returns the receivers in the order in which they run. The slice never changes; do not change it.
func (l *List[R]) Items() []R {
	if p := l.items.Load(); p != nil {
		return *p
	}
	return nil
}

// Add puts a receiver in its place. It replaces one with the same non-empty UID, whose Seq the new one gets.
func (l *List[R]) Add(r R) {
	l.update(func(items []R) []R {
		if i := indexOf(items, r.Place().UID); i >= 0 {
			r.Place().Seq = items[i].Place().Seq
			items = slices.Delete(items, i, i+1)
		}
		at, _ := slices.BinarySearchFunc(items, r, Compare[R])
		return slices.Insert(items, at, r)
	})
}

// Remove removes this very receiver and reports whether it was there.
func (l *List[R]) Remove(r R) bool {
	return l.remove(func(items []R) int { return slices.Index(items, r) })
}

// RemoveUID removes the receiver with this UID and reports whether there was one.
func (l *List[R]) RemoveUID(uid string) bool {
	return l.remove(func(items []R) int { return indexOf(items, uid) })
}

func (l *List[R]) remove(find func([]R) int) (removed bool) {
	l.update(func(items []R) []R {
		i := find(items)
		if removed = i >= 0; !removed {
			return items
		}
		return slices.Delete(items, i, i+1)
	})
	return removed
}

// update replaces the list by the result of edit for a copy of it.
func (l *List[R]) update(edit func([]R) []R) {
	l.mu.Lock()
	defer l.mu.Unlock()
	items := edit(slices.Clone(l.Items()))
	l.items.Store(&items)
}

func indexOf[R Receiver](items []R, uid string) int {
	if uid == "" {
		return -1
	}
	return slices.IndexFunc(items, func(r R) bool { return r.Place().UID == uid })
}

// Compare orders receivers: higher level first, then higher priority, then lower Seq.
func Compare[R Receiver](a, b R) int {
	x, y := a.Place(), b.Place()
	return cmp.Or(cmp.Compare(y.Level, x.Level), cmp.Compare(y.Priority, x.Priority), cmp.Compare(x.Seq, y.Seq))
}
