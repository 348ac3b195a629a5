package inspector

import (
	"cmp"
	"slices"
)

// node is a step with the steps that were sent within it.
type node struct {
	event

	Within []*node
}

// trees puts events under those within which they were sent. One whose parent is not there, because it has not ended yet or is no longer
// kept, is a tree of its own. Steps within one are in the order in which they began, and the trees themselves the other way round: the
// latest first.
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
