package outbox

import (
	"context"
	"math"
	"slices"
	"time"
)

// DeadEvent is a parked event: its tries are used up, or a try returned a [Permanent] error.
type DeadEvent struct {
	ID       string
	Receiver string // name of the durable receiver; "" for a published event
	Type     string
	Subject  string
	Sequence uint64
	Time     time.Time // when the event was written
	Tries    int
	Error    string // of the last try
}

// Dead returns the parked events, ordered by sequence.
func (ob *Outbox) Dead(ctx context.Context) ([]DeadEvent, error) {
	var records []record
	err := ob.db.WithContext(ctx).Raw(read + "* FROM " + ob.store.table + " WHERE " + over + " AND state = 2 ORDER BY sequence").Scan(&records).Error
	events := make([]DeadEvent, len(records))
	for i, r := range records {
		events[i] = DeadEvent{
			ID: r.ID, Receiver: r.Channel, Type: r.Type, Subject: r.Subject, Sequence: r.Sequence, Time: time.UnixMilli(r.CreatedAt).UTC(),
			Tries: r.Tries, Error: r.Error,
		}
	}
	return events, err
}

// Requeue makes parked events pending again, with all their tries, and returns how many. Later events of their rows may have been handled by then:
// consumers compare Message.Sequence, or use [DropStale].
func (ob *Outbox) Requeue(ctx context.Context, ids ...string) (n int64, err error) {
	for some := range slices.Chunk(ids, batch) {
		requeued, err := ob.retry(ctx, dead, over+" AND state = 2 AND id IN ?", padded(some))
		if n += requeued; err != nil {
			return n, err
		}
	}
	return n, nil
}

// Replay sends published events once more that were written since a time and have been sent, and returns how many. Use it if the engine has lost
// events. They keep their ids, so an engine drops those whose ids it still remembers. Events older than Config.Retain may be deleted.
func (ob *Outbox) Replay(ctx context.Context, since time.Time) (int64, error) {
	return ob.retry(ctx, done, "state = 1 AND channel = '' AND created_at >= ?", since.UnixMilli())
}

// Purge deletes events that were done before a time, and returns how many. Parked events stay. Run and relays purge by themselves: see Config.Retain.
func (ob *Outbox) Purge(ctx context.Context, before time.Time) (int64, error) {
	return ob.steps(ctx, math.MaxInt, ob.store.purge(), over+" AND state = 1 AND due_at < ?", before.UnixMilli())
}

// cleaner purges once a minute, and in few steps at a time, so that other work does not wait.
type cleaner struct{ last time.Time }

// turn is how many steps a cleaner takes at once.
const turn = 10

func (c *cleaner) clean(ctx context.Context, ob *Outbox) error {
	if time.Since(c.last) < time.Minute {
		return nil
	}
	n, err := ob.steps(ctx, turn, ob.store.purge(), over+" AND state = 1 AND due_at < "+ob.store.now+" - ?", ob.Retain.Milliseconds())
	if err != nil || n < turn*batch { // otherwise more is left for the next call
		c.last = time.Now()
	}
	return err
}

// retry makes the events of a state pending for which a condition holds, and wakes relays and runners.
func (ob *Outbox) retry(ctx context.Context, from state, condition string, v any) (int64, error) {
	n, err := ob.steps(ctx, math.MaxInt, ob.store.again(from), condition, v)
	if n > 0 {
		ob.wake()
	}
	return n, err
}

// steps changes the events for which a condition holds, in at most so many statements. Each names a batch of primary keys, and so locks only their
// rows.
func (ob *Outbox) steps(ctx context.Context, most int, change, condition string, v any) (n int64, err error) {
	db := ob.db.WithContext(ctx)
	last := uint64(0)
	for range most {
		var sequences []uint64
		err = db.Raw(read+"sequence FROM "+ob.store.table+" WHERE sequence > ? AND "+condition+" ORDER BY sequence LIMIT ?", last, v, batch).
			Scan(&sequences).Error
		if err != nil || len(sequences) == 0 {
			return n, err
		}
		last = sequences[len(sequences)-1]
		tx := db.Exec(change, padded(sequences))
		if n += tx.RowsAffected; tx.Error != nil {
			return n, tx.Error
		}
	}
	return n, nil
}

// Lag is how many events wait for one durable receiver, or for the engine.
type Lag struct {
	Receiver string // name of the durable receiver; "" for the engine
	Pending  int64
	Dead     int64         // parked
	Age      time.Duration // of the oldest pending event; 0 if there is none
}

// Lag counts the pending and parked events of each durable receiver and of the engine. It leaves out those without any.
func (ob *Outbox) Lag(ctx context.Context) ([]Lag, error) {
	var found []struct {
		Channel       string
		Pending, Dead int64
		Age           *int64
	}
	err := ob.db.WithContext(ctx).
		Raw(read + "channel, SUM(CASE state WHEN 0 THEN 1 ELSE 0 END) AS pending, SUM(CASE state WHEN 2 THEN 1 ELSE 0 END) AS dead, " +
			ob.store.now + " - MIN(CASE state WHEN 0 THEN created_at END) AS age FROM (" +
			"SELECT channel, state, created_at FROM " + ob.store.table + " WHERE " + queue + " UNION ALL " +
			"SELECT channel, state, created_at FROM " + ob.store.table + " WHERE " + over + " AND state = 2) waiting " +
			"GROUP BY channel ORDER BY channel").Scan(&found).Error
	lags := make([]Lag, len(found))
	for i, f := range found {
		lags[i] = Lag{Receiver: f.Channel, Pending: f.Pending, Dead: f.Dead}
		if f.Age != nil {
			lags[i].Age = max(0, time.Duration(*f.Age)*time.Millisecond)
		}
	}
	return lags, err
}
