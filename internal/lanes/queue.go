package lanes

import (
	"context"
	"time"
)

// job is a call that is queued or runs.
type job struct {
	call   Call
	at     time.Time // when it was queued
	places []place   // one in the line of each of its rows
	one    [1]place  // array of places, if there is one place
	ahead  int       // number of lines in which other places come first

	cancel     context.CancelCauseFunc // cancels the context of the call, once it runs
	prev, next *job                    // neighbours in the list of queued or of running jobs
	then       *job                    // next job in ready
}

// list is a list of jobs.
type list struct {
	first, last *job
	n           int
}

func (l *list) add(j *job) {
	j.prev, j.next = l.last, nil
	if l.last != nil {
		l.last.next = j
	} else {
		l.first = j
	}
	l.last = j
	l.n++
}

func (l *list) remove(j *job) {
	if j.prev != nil {
		j.prev.next = j.next
	} else {
		l.first = j.next
	}
	if j.next != nil {
		j.next.prev = j.prev
	} else {
		l.last = j.prev
	}
	l.n--
}

// ready is a queue of jobs.
type ready struct{ first, last *job }

func (r *ready) add(j *job) {
	if r.last != nil {
		r.last.then = j
	} else {
		r.first = j
	}
	r.last = j
}

func (r *ready) next() *job {
	j := r.first
	if j == nil {
		return nil
	}
	if r.first, j.then = j.then, nil; r.first == nil {
		r.last = nil
	}
	return j
}

// Put queues a call about some rows. In lines where held has a place, the call comes right before that place, otherwise last. Put refuses the call if
// the lane is shut down, or if it rejects and its queue is full.
func (l *Lane) Put(c Call, keys []Key, held *Hold) {
	if err := l.put(c, keys, held); err != nil {
		c.Refuse(err)
	}
}

func (l *Lane) put(c Call, keys []Key, held *Hold) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		l.counts.refused++
		return ErrClosed
	case l.Reject && l.queued.n >= l.Queue:
		l.counts.refused++
		return ErrFull
	}
	j := &job{call: c, at: time.Now()}
	if j.places = j.one[:0]; len(keys) > 1 {
		j.places = make([]place, 0, len(keys))
	}
	for _, k := range keys {
		n, before := l.line(k), held.of(k)
		prev := n.last
		if before != nil {
			prev = before.prev
		}
		if prev != nil && prev.job == j {
			continue // the call has this row twice
		}
		j.places = append(j.places, place{job: j})
		if n.before(&j.places[len(j.places)-1], before); prev != nil {
			j.ahead++
		}
	}
	l.queued.add(j)
	if j.ahead == 0 {
		l.start(j)
	}
	return nil
}

// start gives a job that waits for no other one to a worker. The caller holds the lock.
func (l *Lane) start(j *job) {
	l.ready.add(j)
	if l.workers < l.Workers {
		l.workers++
		go l.work()
	}
}

// work runs jobs until none is ready.
func (l *Lane) work() {
	for {
		j := l.take()
		if j == nil {
			return
		}
		l.run(j)
	}
}

// take takes the next job. If there is none, it returns nil and the worker ends.
func (l *Lane) take() *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.ready.next()
	if j == nil {
		l.workers--
		return nil
	}
	l.queued.remove(j)
	l.running.add(j)
	if l.queued.n <= l.Queue {
		wake(&l.room)
	}
	return j
}

// run runs a job. If the receiver ends the goroutine, run starts another worker.
func (l *Lane) run(j *job) {
	ctx, cancel, stop := l.context(j.call)
	l.mu.Lock()
	if j.cancel = cancel; l.gone {
		cancel(ErrClosed)
	}
	l.mu.Unlock()
	err, returned := error(nil), false
	defer func() {
		stop()
		l.end(j, !returned || err != nil)
		if !returned {
			go l.work()
		}
	}()
	err = j.call.Run(ctx)
	returned = true
}

// end notes that a job has ended, and lets the next calls of its rows start.
func (l *Lane) end(j *job, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if failed {
		l.counts.failed++
	} else {
		l.counts.done++
	}
	l.running.remove(j)
	l.leaveLines(j)
	l.rest()
}

func (l *Lane) leaveLines(j *job) {
	for i := range j.places {
		l.leave(&j.places[i])
	}
}
