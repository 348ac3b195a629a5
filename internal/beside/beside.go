package beside

import (
	"os"
	"strings"
	"testing"
)

// Options say how much of the fixed form runs.
type Options struct {
	Share int // one of so many calls of a setup runs; 0 and 1 mean all
}

// Run runs the fixed form of the suite, all of it where SIGNALS_TEST_BESIDE is "all": every other at every place in both orders, each with
// other receivers, modes and models. One test per other has two databases of its own.
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

// fixed returns a setup of the fixed form with its calls. What is not given turns, so that neighbours differ in everything.
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
