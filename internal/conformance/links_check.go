package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// wrong returns what is wrong with an event of this call, or "".
func (w work) wrong(c change) string {
	_, verb, _ := strings.Cut(c.action.String(), "_")
	var on []*side // relations of the call over the same join table
	for _, s := range w.operated {
		if s.join == c.side.join {
			on = append(on, s)
		}
	}
	switch {
	case w.mixed:
		return ""
	case len(w.operated) == 0 && (c.reverse || verb == "clear"):
		return "join rows are written by themselves"
	case len(w.operated) == 0:
		return ""
	case len(on) == 0:
		return "not the table"
	case len(on) == 1 && c.reverse != (on[0] != c.side):
		return "wrong Reverse"
	case c.reverse && verb == "clear":
		return "no clear on the other side"
	case verb == "add" && !w.adds || verb != "add" && len(w.gone) == 0:
		return "not that verb"
	case !c.reverse && verb != "add" && !slices.Contains(w.gone, verb):
		return "not that way to go"
	}
	return ""
}

// checkPairs checks that each post event has a pre event before it, and each pre event a post event.
func (s *linkScript) checkPairs() {
	s.tb.Helper()
	open := map[string]int{}
	for _, c := range s.events {
		if c.action.Pre() {
			open[c.pair()]++
		} else if open[c.pair()]--; open[c.pair()] < 0 {
			s.fail("no pre event before %v", c)
		}
	}
	for pair, n := range open {
		if n != 0 {
			s.fail("no post event of %s", pair)
		}
	}
}

// checkOrder checks the pre events of each statement: one for each row and relation, those of the call's own side first.
func (s *linkScript) checkOrder() {
	s.tb.Helper()
	seen, reverse := map[string]bool{}, map[string]bool{}
	for _, c := range s.events {
		if !c.action.Pre() {
			clear(seen)
			clear(reverse)
			continue
		}
		at := fmt.Sprint(c.side, c.owner, c.action, c.reverse)
		if seen[at] {
			s.fail("two events for one row: %v", c)
		}
		if !c.reverse && reverse[c.side.join] {
			s.fail("the operated side comes late: %v", c)
		}
		seen[at] = true
		reverse[c.side.join] = reverse[c.side.join] || c.reverse
	}
}

// checkWitnesses checks that batch receivers of single relations got the same events.
func (s *linkScript) checkWitnesses() {
	s.tb.Helper()
	var heard []string
	for _, c := range s.events {
		heard = append(heard, c.String())
	}
	slices.Sort(heard)
	slices.Sort(s.witnessed)
	if !slices.Equal(heard, s.witnessed) {
		s.fail("batch receivers with Fields heard something else:\n%s", strings.Join(s.witnessed, "\n"))
	}
}
