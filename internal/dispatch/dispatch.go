package dispatch

import (
	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
)

// Send calls the receivers of one signal with the rows of a write, in the order of the plan. Receivers of single rows that follow each other are all
// called for one row, then for the next. A batch receiver gets all its rows in one call, after the receivers before it have had theirs. The first
// error, or panic, ends the send.
func (r *Registry) Send(p *Plan, k Kind, f *Frame, rows []change.Row) error {
	f.bind()
	return r.Call(p.Entries[k], f, rows)
}

// Call is Send for the given receivers.
func (r *Registry) Call(entries []*Entry, f *Frame, rows []change.Row) error {
	if len(entries) == 0 || len(rows) == 0 || f.MuteAll {
		return nil
	}
	if int(f.Depth) > r.MaxDepth {
		return &fault.RecursionError{Depth: int(f.Depth), Most: r.MaxDepth, Chain: f.chain()}
	}
	if r.Observer != nil {
		return r.callObserved(entries, f, rows)
	}
	return r.dispatch(entries, f, rows)
}

// dispatch calls receivers. One deferred recover serves the whole send; running names the receiver that panicked. If a receiver ends its goroutine,
// dispatch rolls the transaction back, because nobody else can.
func (r *Registry) dispatch(entries []*Entry, f *Frame, rows []change.Row) (err error) {
	running, returned := entries[0], false
	defer func() {
		if returned { // without a panic: recover costs as much as a receiver
			return
		}
		if v := recover(); v != nil {
			err = running.Recover(v)
			return
		}
		f.abandon(running.Failure(fault.ErrGoexit))
	}()
	if err = r.each(entries, f, rows, &running); err != nil {
		err = running.Failure(err)
	}
	returned = true
	return err
}

// each calls receivers until one fails. running always points to the receiver that is being called.
func (r *Registry) each(entries []*Entry, f *Frame, rows []change.Row, running **Entry) (err error) {
	for len(entries) > 0 {
		if *running = entries[0]; entries[0].Batch != nil {
			if err = entries[0].sendBatch(r.Observer, f, rows); err != nil {
				return err
			}
			entries = entries[1:]
			continue
		}
		singles := 1
		for singles < len(entries) && entries[singles].Batch == nil {
			singles++
		}
		for i := range rows {
			if rows[i].Silent {
				continue
			}
			for _, e := range entries[:singles] {
				*running = e
				if !e.Wants(f, &rows[i]) || !e.Take() {
					continue
				}
				if r.Observer != nil {
					err = e.CallObserved(r.Observer, f, rows[i:i+1], func(f *Frame) error { return e.Call(f, &rows[i]) })
				} else {
					err = e.Call(f, &rows[i])
				}
				if err != nil {
					return err
				}
			}
		}
		entries = entries[singles:]
	}
	return nil
}

// sendBatch calls a batch receiver with the rows that it wants, if it wants any.
func (e *Entry) sendBatch(by Observer, f *Frame, rows []change.Row) error {
	heard := make([]*change.Row, 0, len(rows))
	var seen []change.Row // the rows in the form for the observer
	for i := range rows {
		if !rows[i].Silent && e.Wants(f, &rows[i]) {
			heard = append(heard, &rows[i])
			if by != nil {
				seen = append(seen, rows[i])
			}
		}
	}
	if len(heard) == 0 || !e.Take() {
		return nil
	}
	if by != nil {
		return e.CallObserved(by, f, seen, func(f *Frame) error { return e.Batch(f, heard) })
	}
	return e.Batch(f, heard)
}
