package beside

import (
	"os"
	"strings"
	"testing"
)

// Options say which part of the fixed form runs.
type Options struct {
	Share int // of each setup, one in so many calls runs; 0 and 1 mean all
}

// Run runs the fixed form of the suite: every other at every place, registered before and after the plugin, each with different receivers, modes and
// models. It runs all calls if SIGNALS_TEST_BESIDE is "all". Each other is a subtest with two databases.
func Run(t *testing.T, open Open, options Options) {
	t.Helper()
	if os.Getenv("SIGNALS_TEST_BESIDE") == "all" {
		options.Share = 1
	}
	for o := range others() {
		t.Run(others()[o].name, func(t *testing.T) {
			t.Parallel()
			p := NewPair(t, open)
			total := 0
			for place := range places() {
				for order := range 2 {
					s, calls := p.fixed(o, place, order == 1, options.Share)
					total += len(calls)
					for _, d := range p.play(t, s, calls, true) {
						t.Errorf("%v\n%v\n%s", s, d.call, strings.Join(d.what, "\n"))
					}
				}
			}
			t.Logf("beside: %d calls", total)
		})
	}
}

// fixed returns a setup of the fixed form with its calls. Further settings rotate, so that consecutive setups differ in all of them.
func (p *Pair) fixed(o, place int, late bool, share int) (*Setup, []Call) {
	n := 2*(o*len(places())+place) + o
	if late {
		n++
	}
	s := &Setup{
		Others: [][2]int{{o, place}}, Late: late, Receivers: n % len(variants()), Mode: n / 2 % len(modes()),
		Batch: []int{2, 2, 0, 1}[n/3%4], Keeps: n%3 == 0,
	}
	share = max(share, 1)
	kind := (o + place*2 + n%2) % len(p.kinds)
	var calls []Call
	for i := range p.kinds[kind].steps {
		if (i+n)%share == 0 {
			calls = append(calls, Call{kind, i, argsOf(n + 7*i)})
		}
	}
	return s, calls
}
