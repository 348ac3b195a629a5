package signals

import (
	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
)

// send calls the receivers of one signal for rows, in one order: priority, then connection order. Receivers of single
// events get row after row; a batch receiver gets all rows between those before and those after it. It recovers once
// and knows from where it stood which receiver panicked.
func (r *registry) send(p *plan, k kind, f *frame, rows []change.Row) error {
	f.bind()
	return r.call(p.entries[k], f, rows)
}

// call is send to given receivers.
func (r *registry) call(entries []*entry, f *frame, rows []change.Row) error {
	if len(entries) == 0 || len(rows) == 0 || f.muteAll {
		return nil
	}
	if int(f.depth) > r.MaxDepth {
		return &fault.RecursionError{Depth: int(f.depth), Most: r.MaxDepth, Chain: f.chain()}
	}
	if r.Observer != nil {
		return r.callObserved(entries, f, rows)
	}
	return r.dispatch(entries, f, rows)
}

// dispatch calls receivers. A receiver that ends its goroutine fails the write: nobody else is left to roll it back.
func (r *registry) dispatch(entries []*entry, f *frame, rows []change.Row) (err error) {
	running, returned := entries[0], false
	defer func() {
		if returned { // recover costs as much as a receiver
			return
		}
		if v := recover(); v != nil {
			err = running.recover(v)
			return
		}
		f.abandon(running.failure(fault.ErrGoexit))
	}()
	if err = r.each(entries, f, rows, &running); err != nil {
		err = running.failure(err)
	}
	returned = true
	return err
}

// each calls receivers until one fails; running is the one that is called.
func (r *registry) each(entries []*entry, f *frame, rows []change.Row, running **entry) (err error) {
	for len(entries) > 0 {
		if *running = entries[0]; entries[0].batch != nil {
			if err = entries[0].sendBatch(r.Observer, f, rows); err != nil {
				return err
			}
			entries = entries[1:]
			continue
		}
		singles := 1
		for singles < len(entries) && entries[singles].batch == nil {
			singles++
		}
		for i := range rows {
			if rows[i].Silent {
				continue
			}
			for _, e := range entries[:singles] {
				*running = e
				if !e.wants(f, &rows[i]) {
					continue
				}
				if r.Observer != nil {
					err = e.callObserved(r.Observer, f, rows[i:i+1], func(f *frame) error { return e.call(f, &rows[i]) })
				} else {
					err = e.call(f, &rows[i])
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

func (e *entry) sendBatch(by observer, f *frame, rows []change.Row) error {
	heard := make([]*change.Row, 0, len(rows))
	var seen []change.Row // by the observer
	for i := range rows {
		if !rows[i].Silent && e.wants(f, &rows[i]) {
			heard = append(heard, &rows[i])
			if by != nil {
				seen = append(seen, rows[i])
			}
		}
	}
	if len(heard) == 0 {
		return nil
	}
	if by != nil {
		return e.callObserved(by, f, seen, func(f *frame) error { return e.batch(f, heard) })
	}
	return e.batch(f, heard)
}
