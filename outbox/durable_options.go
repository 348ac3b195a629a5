package outbox

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// DurableOption is an option of Durable.
type DurableOption func(*settings)

// settings say how the events of a durable receiver are handled.
type settings struct {
	workers  int
	timeout  time.Duration // 0 means until the claim ends
	delay    time.Duration
	maxTries int
	backoff  func(tries int) time.Duration
	inTx     bool
	problem  string
}

func (s *settings) refuse(format string, args ...any) {
	if s.problem == "" {
		s.problem = fmt.Sprintf(format, args...)
	}
}

// Workers is how many events of the receiver are handled at once in a process; 1 unless given. Events of one row are handled one
// after the other, however many workers there are. Receivers that share a name share the workers.
func Workers(n int) DurableOption {
	return func(s *settings) {
		if n < 1 || n > maxWorkers {
			s.refuse("Workers(%d): use 1 to %d", n, maxWorkers)
		}
		s.workers = n
	}
}

const maxWorkers = 1000

// Timeout ends the context of a call after some time. It counts as a failed try if the receiver then returns an error. Without it, the
// context ends when the claim does, of which at least half is left: see Config.Claim.
func Timeout(d time.Duration) DurableOption {
	return func(s *settings) {
		if d <= 0 {
			s.refuse("Timeout(%s): use more than 0, or leave the option out", d)
		}
		s.timeout = d
	}
}

// MaxTries is Config.MaxTries for one receiver.
func MaxTries(n int) DurableOption {
	return func(s *settings) {
		if n < 1 {
			s.refuse("MaxTries(%d): use 1 or more, or leave the option out", n)
		}
		s.maxTries = n
	}
}

// Backoff is how long to wait after the first failed try. The time doubles with each try, up to most. Up to half of it is taken off by
// chance, so that what failed together is not tried together.
func Backoff(first, most time.Duration) DurableOption {
	return func(s *settings) {
		if first <= 0 || most < first {
			s.refuse("Backoff(%s, %s): use more than 0, and no less for the second time than for the first", first, most)
			return
		}
		s.backoff = func(tries int) time.Duration { return doubling(first, most, tries) }
	}
}

// doubling returns first, doubled with each try after the first, up to most, less up to a half by chance.
func doubling(first, most time.Duration, tries int) time.Duration {
	d := first
	for i := 1; i < tries && d < most; i++ {
		d *= 2
	}
	d = min(d, most)
	return d - rand.N(d/2+1) //nolint:gosec // no secret
}

// Delay lets the receiver be called some time after the commit, by [Outbox.Run], which has to run in one process at least. The time is exact to
// Config.Poll.
func Delay(d time.Duration) DurableOption {
	return func(s *settings) {
		if d <= 0 {
			s.refuse("Delay(%s): use more than 0, or leave the option out", d)
		}
		s.delay = d
	}
}

// InTx gives the receiver, as the event's DB and by [Tx], a transaction in which its event is finished. What the receiver writes with that happens exactly
// once, whenever the process dies: it is stored if and only if the event counts as handled. What the receiver does elsewhere may still
// happen more than once.
func InTx() DurableOption { return func(s *settings) { s.inTx = true } }

// settingsOf reads the options of a receiver.
func (ob *Outbox) settingsOf(opts []DurableOption) settings {
	s := settings{workers: 1, maxTries: ob.MaxTries, backoff: ob.Backoff}
	for _, opt := range opts {
		if opt == nil {
			s.refuse("an option of Durable is nil: leave it out")
			continue
		}
		opt(&s)
	}
	if s.timeout > ob.Claim/2 {
		s.refuse("Timeout(%s) is more than half of Config.Claim, which is %s: raise Claim", s.timeout, ob.Claim)
	}
	return s
}
