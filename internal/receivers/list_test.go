package receivers_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/internal/receivers"
)

type receiver struct {
	receivers.Item

	name string
}

// named returns a receiver. Its number is its order among equal priorities.
func named(name string, seq uint64, priority int) *receiver {
	return &receiver{receivers.Item{Seq: seq, Priority: priority}, name}
}

// unique returns a receiver with a UID.
func unique(name, uid string, seq uint64) *receiver {
	return &receiver{receivers.Item{UID: uid, Seq: seq}, name}
}

func names(list *receivers.List[*receiver]) (all []string) {
	for _, r := range list.Items() {
		all = append(all, r.name)
	}
	return all
}

func TestReceiversRunByPriorityAndThenInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		added []*receiver
		want  []string
	}{
		{"none in an empty list", nil, nil},
		{"in order", []*receiver{named("a", 1, 0), named("b", 2, 0)}, []string{"a", "b"}},
		{"whatever comes first", []*receiver{named("b", 2, 0), named("a", 1, 0)}, []string{"a", "b"}},
		{"a higher priority first", []*receiver{named("a", 1, 0), named("b", 2, 1), named("c", 3, -1), named("d", 4, 1)}, []string{"b", "d", "a", "c"}},
		{"a higher level before any priority", []*receiver{named("a", 1, 9), {receivers.Item{Seq: 2, Level: 1}, "b"}, {receivers.Item{Seq: 3, Level: -1, Priority: 99}, "c"}}, []string{"b", "a", "c"}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			var list receivers.List[*receiver]
			for _, r := range c.added {
				list.Add(r)
			}
			assert.Equal(t, c.want, names(&list))
			assert.True(t, slices.IsSortedFunc(list.Items(), receivers.Compare[*receiver]))
		})
	}
}

func TestAUIDIsUniqueInItsList(t *testing.T) {
	t.Parallel()
	var list receivers.List[*receiver]
	list.Add(unique("a", "mail", 1))
	list.Add(unique("b", "stock", 2))
	list.Add(named("c", 3, 0))
	list.Add(named("d", 4, 0))
	again := unique("e", "mail", 5)
	list.Add(again)
	assert.Equal(t, []string{"e", "b", "c", "d"}, names(&list), "it takes the place of the other one; no UID is no name")
	assert.Equal(t, uint64(1), again.Seq)
	first := unique("f", "stock", 6)
	first.Priority = 1
	list.Add(first)
	assert.Equal(t, []string{"f", "e", "c", "d"}, names(&list), "among those of its own priority")
}

func TestAReceiverIsRemovedOnce(t *testing.T) {
	t.Parallel()
	var list receivers.List[*receiver]
	a, b := unique("a", "mail", 1), named("b", 2, 0)
	assert.False(t, list.Remove(a), "it is not there")
	list.Add(a)
	list.Add(b)
	assert.True(t, list.Remove(b))
	assert.False(t, list.Remove(b))
	assert.False(t, list.Remove(unique("a", "mail", 1)), "this very one, not one like it")
	assert.True(t, list.RemoveUID("mail"))
	assert.False(t, list.RemoveUID("mail"))
	list.Add(b)
	assert.False(t, list.RemoveUID(""), "no UID is no name")
	assert.Equal(t, []string{"b"}, names(&list))
	replaced, by := unique("c", "mail", 3), unique("d", "mail", 4)
	list.Add(replaced)
	list.Add(by)
	assert.False(t, list.Remove(replaced), "another one has its place")
	assert.Equal(t, []string{"b", "d"}, names(&list))
}

func TestASliceThatWasReadNeverChanges(t *testing.T) {
	t.Parallel()
	var list receivers.List[*receiver]
	a, b, c := named("a", 1, 0), unique("b", "mail", 2), named("c", 3, 0)
	for _, r := range []*receiver{a, b, c} {
		list.Add(r)
	}
	before := list.Items()
	list.Remove(a)
	list.Add(named("d", 4, 5))
	list.Add(unique("e", "mail", 5))
	list.RemoveUID("mail")
	assert.Equal(t, []*receiver{a, b, c}, before)
}

func TestAnItemIsItsOwnPlace(t *testing.T) {
	t.Parallel()
	r := named("a", 1, 2)
	assert.Same(t, &r.Item, r.Place())
}

func TestAListIsSafeFromAnyGoroutine(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 400
	var list receivers.List[*receiver]
	var group sync.WaitGroup
	start := make(chan struct{})
	for w := range writers {
		group.Go(func() {
			<-start
			for i := range each {
				r := named("", uint64(w*each+i), rand.IntN(3))
				list.Add(r)
				if i%50 == 0 && !slices.IsSortedFunc(list.Items(), receivers.Compare[*receiver]) {
					t.Error("a reader sees them in order")
				}
				if i%2 == 0 && !list.Remove(r) {
					t.Error("it was added")
				}
			}
		})
	}
	close(start)
	group.Wait()
	assert.Len(t, list.Items(), writers*each/2)
}
