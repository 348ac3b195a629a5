package outbox

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// DurableOption is an option of [Durable].
type DurableOption func(*settings)

// settings are the options of a durable receiver.
type settings struct {
	workers  int
	timeout  time.Duration // 0 means the time that is left of the claim
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

// Workers is how many events of the receiver this process handles at once, 1 to 1000; the default is 1. Events of one row are handled one after the
// other all the same. Receivers that share a name share the workers: the largest number counts.
func Workers(n int) DurableOption {
	return func(s *settings) {
		if n < 1 || n > maxWorkers {
			s.refuse("Workers(%d): use 1 to %d", n, maxWorkers)
		}
		s.workers = n
	}
}

const maxWorkers = 1000

// Timeout ends the context of a call after d, at most half of Config.Claim. An error that the receiver then returns counts as a failed try. Without
// Timeout the context ends with the claim.
func Timeout(d time.Duration) DurableOption {
	return func(s *settings) {
		if d <= 0 {
			s.refuse("Timeout(%s): use more than 0, or leave the option out", d)
		}
		s.timeout = d
	}
}

// MaxTries replaces Config.MaxTries for one receiver; 1 means that there is no second try.
func MaxTries(n int) DurableOption {
	return func(s *settings) {
		if n < 1 {
			s.refuse("MaxTries(%d): use 1 or more, or leave the option out", n)
		}
		s.maxTries = n
	}
}

// Backoff replaces Config.Backoff for one receiver. An event waits for the time first after the first failed try, and for twice as long after each
// further one, up to most. A random part of up to one half is taken off, so that events that failed together are not tried together.
func Backoff(first, most time.Duration) DurableOption {
	return func(s *settings) {
		if first <= 0 || most < first {
			s.refuse("Backoff(%s, %s): use more than 0, and no less for the second time than for the first", first, most)
			return
		}
		s.backoff = func(tries int) time.Duration { return doubling(first, most, tries) }
	}
}

// doubling returns first, doubled with each try after the first one, up to most. It takes off a random part of up to one half.
func doubling(first, most time.Duration, tries int) time.Duration {
	d := first
	for i := 1; i < tries && d < most; i++ {
		d *= 2
	}
	d = min(d, most)
	return d - rand.N(d/2+1) //nolint:gosec // no secret
}

// Delay makes [Outbox.Run] call the receiver d after the INSERT of the event, and never before the commit: the time counts from the write, also in a
// transaction that stays open for long. Run must run in one process at least, and looks for such events every Config.Poll.
func Delay(d time.Duration) DurableOption {
	return func(s *settings) {
		if d <= 0 {
			s.refuse("Delay(%s): use more than 0, or leave the option out", d)
		}
		s.delay = d
	}
}

// InTx makes the outbox call the receiver in a transaction that also marks its event as done. The event's DB is in this transaction, and [Tx] returns
// it. What the receiver writes there is stored exactly once, whenever the process dies. If the receiver fails, the outbox rolls the transaction back.
// Effects elsewhere may still happen more than once.
func InTx() DurableOption { return func(s *settings) { s.inTx = true } }

// settingsOf applies options to the defaults.
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
