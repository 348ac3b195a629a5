// Package receivers keeps the receivers of a signal in the order in which they run. Reading is one atomic load;
// writers copy.
package receivers

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Item is one receiver with what decides its place.
type Item[T any] struct {
	UID      string // unique in its list when not empty
	Priority int    // higher comes first
	Seq      uint64 // order among equal priorities
	Value    T
}

// List is a set of items in order. The zero value is empty and ready for use, from any goroutine.
type List[T any] struct {
	mu    sync.Mutex
	items atomic.Pointer[[]*Item[T]]
}

// Items returns the items in the order in which they run. The slice must not be changed, and never is.
func (l *List[T]) Items() []*Item[T] {
	if p := l.items.Load(); p != nil {
		return *p
	}
	return nil
}

// Add puts item in its place. An item with the same non-empty UID is replaced and gives its Seq to the new one.
// The function that Add returns removes this very item and reports whether it was still there.
func (l *List[T]) Add(item Item[T], changed func([]*Item[T])) (remove func() bool) {
	added := &item
	l.update(func(items []*Item[T]) []*Item[T] {
		if i := indexOf(items, item.UID); i >= 0 {
			added.Seq = items[i].Seq
			items = slices.Delete(items, i, i+1)
		}
		at, _ := slices.BinarySearchFunc(items, added, Compare[T])
		return slices.Insert(items, at, added)
	}, changed)
	return func() bool {
		return l.remove(func(it *Item[T]) bool { return it == added }, changed)
	}
}

// Remove removes the item with this UID and reports whether there was one.
func (l *List[T]) Remove(uid string, changed func([]*Item[T])) bool {
	return uid != "" && l.remove(func(it *Item[T]) bool { return it.UID == uid }, changed)
}

func (l *List[T]) remove(match func(*Item[T]) bool, changed func([]*Item[T])) (removed bool) {
	l.update(func(items []*Item[T]) []*Item[T] {
		i := slices.IndexFunc(items, match)
		if removed = i >= 0; !removed {
			return items
		}
		return slices.Delete(items, i, i+1)
	}, changed)
	return removed
}

// update replaces the list by what edit makes of a copy, and lets changed see the result before the next update.
func (l *List[T]) update(edit func([]*Item[T]) []*Item[T], changed func([]*Item[T])) {
	l.mu.Lock()
	defer l.mu.Unlock()
	items := edit(slices.Clone(l.Items()))
	l.items.Store(&items)
	changed(items)
}

func indexOf[T any](items []*Item[T], uid string) int {
	if uid == "" {
		return -1
	}
	return slices.IndexFunc(items, func(it *Item[T]) bool { return it.UID == uid })
}

// Compare orders items: higher priority first, then lower Seq.
func Compare[T any](a, b *Item[T]) int {
	switch {
	case a.Priority != b.Priority:
		return b.Priority - a.Priority
	case a.Seq < b.Seq:
		return -1
	case a.Seq > b.Seq:
		return 1
	}
	return 0
}
