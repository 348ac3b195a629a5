package e2e_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// verdict has one text for each fault that a comparison of the ledger with the handled events finds.
type verdict struct {
	missing, phantom, twice, backwards []string
}

// compare compares the ledger with the events that the consumer has handled, in their order.
func compare(ledger []entry, effects []handled) (v verdict) {
	type place struct {
		item uint
		pos  int64
	}
	committed := make(map[place]entry, len(ledger))
	for _, e := range ledger {
		committed[place{e.Item, e.Pos}] = e
	}
	seen, ids := make(map[place]bool, len(effects)), make(map[string]bool, len(effects))
	last := map[uint]handled{}
	for _, h := range effects {
		at := place{h.Item, h.Pos}
		e, ok := committed[at]
		if !ok || e.Mark != h.Mark || e.Kind != h.Kind {
			v.phantom = append(v.phantom, h.String())
		}
		if seen[at] || ids[h.EventID] {
			v.twice = append(v.twice, h.String())
		} else if before := last[h.Item]; h.Pos < before.Pos || h.Sequence < before.Sequence {
			v.backwards = append(v.backwards, h.String()+" after "+before.String())
		}
		seen[at], ids[h.EventID] = true, true
		last[h.Item] = h
	}
	for _, e := range ledger {
		if !seen[place{e.Item, e.Pos}] {
			v.missing = append(v.missing, fmt.Sprintf("%s of row %d, place %d", e.Kind, e.Item, e.Pos))
		}
	}
	return v
}

// String describes an effect in a failure.
func (h handled) String() string {
	return fmt.Sprintf("%s of row %d, place %d (effect %d, event %s, sequence %d)", h.Kind, h.Item, h.Pos, h.ID, h.EventID, h.Sequence)
}

// check fails the test if there are faults, and shows the first ones.
func (v verdict) check(t *testing.T) {
	t.Helper()
	for name, faults := range map[string][]string{
		"missing": v.missing, "phantom": v.phantom, "handled twice": v.twice, "backwards": v.backwards,
	} {
		assert.Empty(t, faults[:min(len(faults), 5)], "%d %s", len(faults), name)
	}
}

func TestTheComparisonFindsEveryFault(t *testing.T) {
	t.Parallel()
	ledger := []entry{
		{Item: 1, Pos: 2, Mark: "a", Kind: "created"},
		{Item: 2, Pos: 2, Mark: "b", Kind: "created"},
		{Item: 1, Pos: 4, Mark: "c", Kind: "updated"},
		{Item: 1, Pos: 5, Mark: "c", Kind: "deleted"},
	}
	effects := func() []handled {
		return []handled{
			{EventID: "1", Sequence: 1, Item: 1, Pos: 2, Mark: "a", Kind: "created"},
			{EventID: "3", Sequence: 3, Item: 1, Pos: 4, Mark: "c", Kind: "updated"},
			{EventID: "2", Sequence: 2, Item: 2, Pos: 2, Mark: "b", Kind: "created"}, // another row
			{EventID: "4", Sequence: 4, Item: 1, Pos: 5, Mark: "c", Kind: "deleted"},
		}
	}
	for name, c := range map[string]struct {
		spoil                              func(all []handled) []handled
		missing, phantom, twice, backwards int
	}{
		"nothing": {spoil: func(all []handled) []handled { return all }},
		"lost":    {spoil: func(all []handled) []handled { return all[1:] }, missing: 1},
		"rolled back": {spoil: func(all []handled) []handled {
			return append(all, handled{EventID: "5", Sequence: 5, Item: 3, Pos: 2})
		}, phantom: 1},
		"other content": {spoil: func(all []handled) []handled {
			all[1].Mark = "z"
			return all
		}, phantom: 1},
		"other kind": {spoil: func(all []handled) []handled {
			all[1].Kind = "created"
			return all
		}, phantom: 1},
		"same event":  {spoil: func(all []handled) []handled { return append(all, all[3]) }, twice: 1},
		"same change": {spoil: func(all []handled) []handled { return append(all, renamed(all[3])) }, twice: 1},
		"overtaken": {spoil: func(all []handled) []handled {
			all[0], all[1] = all[1], all[0]
			return all
		}, backwards: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := compare(ledger, c.spoil(effects()))
			assert.Len(t, v.missing, c.missing)
			assert.Len(t, v.phantom, c.phantom)
			assert.Len(t, v.twice, c.twice)
			assert.Len(t, v.backwards, c.backwards)
		})
	}
}

func renamed(h handled) handled {
	h.EventID = "other"
	return h
}
