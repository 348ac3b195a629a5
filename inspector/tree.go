package inspector

import (
	"cmp"
	"slices"
)

// node is a step with the steps within it.
type node struct {
	event

	Within []*node
}

// trees puts each event under the step in which it was sent. If that step has not ended yet, or is no longer kept, the event is a tree of its own.
// Steps within a step are in the order in which they began; of the trees, the latest comes first.
func trees(events []event) []*node {
	nodes := make(map[uint64]*node, len(events))
	for i := range events {
		nodes[events[i].ID] = &node{event: events[i]}
	}
	var roots []*node
	for i := range events {
		n := nodes[events[i].ID]
		if parent := nodes[n.Parent]; parent != nil {
			parent.Within = append(parent.Within, n)
		} else {
			roots = append(roots, n)
		}
	}
	for _, n := range nodes {
		slices.SortFunc(n.Within, func(a, b *node) int { return cmp.Compare(a.ID, b.ID) })
	}
	slices.SortFunc(roots, func(a, b *node) int { return cmp.Compare(b.ID, a.ID) })
	return roots
}
