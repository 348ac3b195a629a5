package delivery

import (
	"context"
	"slices"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// Sent is one send of a custom signal whose receivers wait for the end of a transaction.
type Sent struct {
	Signal   string                                                             // name of the signal
	Of       any                                                                // the signal
	Entries  []*dispatch.Entry                                                  // the receivers that wait
	Event    any                                                                // a pointer to the event
	Key      []any                                                              // the event's key on lanes; empty if the event has no order
	Observer dispatch.Observer                                                  // observer of the signal; nil means none
	Call     func(ctx context.Context, e *dispatch.Entry, pointers []any) error // calls a receiver with events
	Several  func(e *dispatch.Entry) bool                                       // whether a receiver gets the events of a transaction together
	Seen     func(pointer any) any                                              // the event in the form for observers

	frame   dispatch.Frame
	ended   dispatch.Ended
	failed  atomic.Bool      // a receiver of the send itself has failed
	waiting *context.Context // context that the observer has made for the wait; nil if it has seen none
}

// Queue adds the send to the transaction of a pool. If there is none, it reports that the caller has to call the receivers at once.
func (s *Sent) Queue(current gorm.ConnPool, f *dispatch.Frame) (atOnce bool, err error) {
	s.frame = *f
	reg := f.Plan.Reg
	tx, inTransaction := pool.Find(current)
	switch {
	case current == nil || (inTransaction && tx == nil && pool.Nil(current)):
		return false, gorm.ErrInvalidTransaction
	case tx != nil && tx.Adopted() && reg.Untracked == dispatch.Refuse && s.waitsFor(dispatch.BeforeCommit):
		return false, fault.ErrUntracked
	case tx != nil:
		if s.Observer != nil || s.waitsFor(dispatch.AfterRollback) {
			tx.Watch()
		}
		s.wait()
		if err = tx.Add(s); err == nil && tx.Adopted() {
			err = s.sendBeforeCommit() // the policy has let the send pass, and nobody sees the COMMIT
		}
		if err != nil {
			s.waited(err)
		}
		return false, err
	case inTransaction && reg.Untracked == dispatch.Refuse:
		return false, untracked(reg, current)
	}
	return !inTransaction || reg.Untracked != dispatch.Drop, nil
}

// Fail notes that a receiver of the send itself has failed. Then only AfterRollback receivers still wait.
func (s *Sent) Fail() { s.failed.Store(true) }

func (s *Sent) waitsFor(p dispatch.Phase) bool {
	return slices.ContainsFunc(s.Entries, func(e *dispatch.Entry) bool { return e.Phase == p })
}

// entries returns the receivers of a phase that have to be called.
func (s *Sent) entries(p dispatch.Phase) []*dispatch.Entry {
	var entries []*dispatch.Entry
	for _, e := range s.Entries {
		if e.Phase == p && !e.Once.Spent() && (p == dispatch.AfterRollback || !s.failed.Load()) {
			entries = append(entries, e)
		}
	}
	return entries
}

// AtOnce calls receivers that wait for a commit, after those of the send, because there is no transaction. If a BeforeCommit receiver fails, it
// stops: there would be no commit. Calls on lanes have no answer.
func (s *Sent) AtOnce(ctx context.Context) []dispatch.Answer {
	var answers []dispatch.Answer
	for _, e := range s.entries(dispatch.BeforeCommit) {
		a := dispatch.Answer{Entry: e, Err: s.call(ctx, e, []*Sent{s})}
		if answers = append(answers, a); a.Err != nil {
			return answers
		}
	}
	after := &dispatch.Frame{Context: context.WithoutCancel(ctx)}
	if f := dispatch.FrameOf(ctx); f != nil {
		*after = *f
		after.Context = context.WithoutCancel(ctx)
	}
	p, holds := &puts{ctx: ctx}, after
	if s.frame.Context != nil { // the frame of SendIn, which knows the pool
		holds = &s.frame
	}
	defer p.wait()
	entries := s.entries(dispatch.AfterCommit)
	for _, e := range entries {
		if e.Lane != nil {
			c := &sentCall{sent: s, entry: e, events: []*Sent{s}, frame: *after, handle: handlerOf(e, after)}
			p.add(e.Lane, holds)
			e.Lane.Put(c, s.keys(), nil)
		}
	}
	for _, e := range entries {
		if e.Lane == nil {
			answers = append(answers, dispatch.Answer{Entry: e, Err: s.call(after.Context, e, []*Sent{s})})
		}
	}
	return answers
}

// sendBeforeCommit calls the BeforeCommit receivers, whose errors fail the commit.
func (s *Sent) sendBeforeCommit() error {
	f := s.frame // a copy: receivers may keep it, and the send's own frame leaves the transaction later
	for _, e := range s.entries(dispatch.BeforeCommit) {
		if err := s.call(&f, e, []*Sent{s}); err != nil {
			return err
		}
	}
	return nil
}

// call calls a receiver with the events of some sends, and tells the observer.
func (s *Sent) call(ctx context.Context, e *dispatch.Entry, events []*Sent) error {
	pointers := make([]any, len(events))
	for i, sent := range events {
		pointers[i] = sent.Event
	}
	call := func(ctx context.Context) error { return s.Call(ctx, e, pointers) }
	send := func(ctx context.Context) error {
		return dispatch.FirstError(dispatch.UntilError.Send(ctx, []dispatch.Target{{Entry: e, Call: func(*dispatch.Entry) error {
			if s.Observer == nil {
				return call(ctx)
			}
			o := s.observation(dispatch.Calling, e.Phase, len(events))
			o.Receiver = e
			return dispatch.Observe(ctx, s.Observer, o, e.Errors, call)
		}}}))
	}
	if s.Observer == nil {
		return send(ctx)
	}
	return dispatch.Observe(ctx, s.Observer, s.observation(dispatch.Sending, e.Phase, len(events)), e.Errors, send)
}

func (s *Sent) observation(step dispatch.Step, p dispatch.Phase, events int) dispatch.Observed {
	return dispatch.Observed{Step: step, Signal: s.Signal, Phase: p.String(), Events: events, Event: s.Seen(s.Event)}
}

// wait tells the observer that the send begins to wait.
func (s *Sent) wait() {
	if s.Observer != nil {
		ctx := s.Observer.Start(&s.frame, s.observation(dispatch.Waiting, s.Entries[0].Phase, 1))
		s.waiting = &ctx
	}
}

// waited tells the observer that the send no longer waits.
func (s *Sent) waited(err error) {
	if s.waiting != nil {
		ctx := *s.waiting
		s.waiting = nil
		s.Observer.End(ctx, s.observation(dispatch.Waiting, s.Entries[0].Phase, 1), err)
	}
}

// leave lets the frame outlive its transaction, which has ended.
func (s *Sent) leave(outside gorm.ConnPool) { s.frame.Leave(outside, &s.ended) }

// commitSent calls the AfterCommit receivers of a send. A batch receiver gets all events of the transaction at its first call.
func (c *committing) commitSent(s *Sent, rest []txn.Item[any]) {
	s.leave(c.outside)
	entries := s.entries(dispatch.AfterCommit)
	every(0, len(entries), func(i int) {
		e := entries[i]
		switch {
		case !c.takes(e) || c.batches[e]:
		case !s.Several(e):
			c.tell(e, s, []*Sent{s})
		default:
			if c.batches == nil {
				c.batches = map[*dispatch.Entry]bool{}
			}
			c.batches[e] = true
			var all []*Sent
			for _, it := range rest {
				if other, ok := it.Action.(*Sent); ok && slices.Contains(other.entries(dispatch.AfterCommit), e) {
					all = append(all, other)
				}
			}
			c.tell(e, s, all)
		}
	})
}

// rollbackSent calls the AfterRollback receivers of a send, in reverse order.
func (d delivery) rollbackSent(s *Sent) {
	s.leave(d.outside)
	entries := s.entries(dispatch.AfterRollback)
	every(0, len(entries), func(i int) {
		if e := entries[len(entries)-1-i]; d.takes(e) {
			d.tell(e, s, []*Sent{s})
		}
	})
}

// tell calls a receiver that has waited and passes its error to the handler. Then it runs functions that the receiver queued outside any transaction.
// In the pass of lanes it puts the call on the lane instead.
func (d delivery) tell(e *dispatch.Entry, s *Sent, events []*Sent) {
	if d.puts != nil {
		d.putSent(e, s, events)
		return
	}
	returned := false
	defer func() {
		if !returned {
			d.handle(&s.frame, e.Failure(fault.ErrGoexit))
			d.later(&s.frame)
		}
	}()
	if err := s.call(&s.frame, e, events); err != nil {
		d.handle(&s.frame, err)
	}
	returned = true
	d.later(&s.frame)
	if d.turn != nil {
		d.turn()
	}
}
