package beside

import (
	"fmt"
	"strings"
	"testing"
)

// Script is a setup with calls that run one after another.
type Script struct {
	Setup Setup
	Calls []Call
}

// String describes a script.
func (s *Script) String() string {
	lines := []string{s.Setup.String()}
	for i, c := range s.Calls {
		lines = append(lines, fmt.Sprintf("call %d: %v", i+1, c))
	}
	return strings.Join(lines, "\n")
}

// maxCalls is how many calls a script has at most.
const maxCalls = 6

// Read decodes a script from any bytes. Missing bytes are 0.
func Read(data []byte) *Script {
	next := func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := int(data[0])
		data = data[1:]
		return b % n
	}
	s, all := &Script{}, kinds()
	for range 1 + next(3) {
		s.Setup.Others = append(s.Setup.Others, [2]int{next(len(others())), next(len(places()))})
	}
	s.Setup.Late, s.Setup.Keeps = next(2) == 1, next(2) == 1
	s.Setup.Receivers, s.Setup.Mode = next(len(variants())), next(len(modes()))
	s.Setup.Batch = next(4)
	for range 1 + next(maxCalls) {
		kind := next(len(all))
		s.Calls = append(s.Calls, Call{kind, next(len(all[kind].steps)), argsOf(next(256))})
	}
	return s
}

// Play runs a script and returns the differences, or "". Then it puts the tables back.
func (p *Pair) Play(tb testing.TB, s *Script) string {
	tb.Helper()
	var b strings.Builder
	for _, d := range p.play(tb, &s.Setup, s.Calls, false) {
		fmt.Fprintf(&b, "%v\n%s\n", d.call, strings.Join(d.what, "\n"))
	}
	return b.String()
}
