package outbox

import (
	"context"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
)

// held is a record under a claim.
type held struct {
	*record

	mine    bool      // the claim is this process's
	until   time.Time // when it ends
	earlier uint64    // the pending record of the row right before this one; 0 means none

	call   call
	ticket uint64 // its place in the order in which the crew took events
	after  *held  // the event of its row right before it that was found with it; nil if there is none
	swept  bool   // it was found in the table, and not written by this process just now
	looked bool   // whether it is mine and what is before it are known
	out    bool   // it is out of the way: done, or parked
}

// call is what a crew is given with an event.
type call struct {
	ctx     context.Context //nolint:containedctx // of the write, or of Run
	handled *sync.WaitGroup // of somebody who waits for it; nil when nobody does
}

// grip is how a process knows a claim of its own again. The writer's claim has no holder, and a failed try of another process leaves
// none either: then the tries differ.
type grip struct {
	holder string
	tries  int
}

// gripped divides records by what their claims are known by. Mostly that is one grip.
func gripped(records []*held) map[grip][]uint64 {
	by := make(map[grip][]uint64, 1)
	for _, r := range records {
		g := grip{r.Holder, r.Tries}
		by[g] = append(by[g], r.Sequence)
	}
	return by
}

// claim takes records that are due for a while. It gets those that nobody has taken or tried since they were read: they are mine.
func (s store) claim(db *gorm.DB, records []*held, d time.Duration) error {
	for _, r := range records {
		r.Holder = "" // that of a claim which has ended
	}
	return s.take(db, records, d, true)
}

// extend makes claims of this process longer. Those that have ended, or whose records somebody else has tried, are not mine any more.
func (s store) extend(db *gorm.DB, records []*held, d time.Duration) error {
	return s.take(db, records, d, false)
}

// take is claim and extend. When it fails it may have taken records all the same; their claims end by themselves.
func (s store) take(db *gorm.DB, records []*held, d time.Duration, free bool) (failed error) {
	holder, until := newID(time.Now()), time.Now().Add(d)
	got := make(map[uint64]bool, len(records))
	for g, sequences := range gripped(records) {
		condition, vars := waits+" AND tries = ? AND due_at <= "+s.now, []any{g.tries}
		if !free {
			condition, vars = waits+" AND tries = ? AND holder = ? AND due_at > "+s.now, []any{g.tries, g.holder}
		}
		taken, err := s.hold(db, sequences, condition, vars, holder, d)
		if err != nil {
			failed = err
			break
		}
		for _, sequence := range taken {
			got[sequence] = true
		}
	}
	for _, r := range records {
		if r.mine = got[r.Sequence]; r.mine {
			r.Holder, r.until = holder, until
		}
	}
	return failed
}

// hold lets those of some records that a condition holds for have a holder for a while, and returns which they are.
func (s store) hold(db *gorm.DB, sequences []uint64, condition string, vars []any, holder string, d time.Duration) ([]uint64, error) {
	slices.Sort(sequences)
	list := padded(sequences)
	which := "sequence IN ? AND " + condition
	if s.dialect == "postgres" && len(sequences) > 1 { // two processes that lock the same records in different orders are a deadlock
		which = "sequence IN (SELECT sequence FROM " + s.table + " WHERE " + which + " ORDER BY sequence FOR UPDATE SKIP LOCKED)"
	}
	tx := db.Exec("UPDATE "+s.table+s.by("PRIMARY")+" SET holder = ?, due_at = "+s.now+" + ? WHERE "+which,
		append([]any{holder, d.Milliseconds(), list}, vars...)...)
	switch {
	case tx.Error != nil || tx.RowsAffected == 0:
		return nil, tx.Error
	case tx.RowsAffected == int64(len(sequences)):
		return sequences, nil
	}
	var taken []uint64
	err := db.Raw(read+"sequence FROM "+s.table+s.by("PRIMARY")+" WHERE sequence IN ? AND "+waits+" AND holder = ?", list, holder).Scan(&taken).Error
	return taken, err
}

// look looks at records that have just been committed under the claim of their writer. Those that are still pending are mine. It fills in
// their sequences, and the pending records of their rows that come right before them.
func (s store) look(db *gorm.DB, records []*held) error {
	key, by, keys := "sequence", "", make([]any, len(records))
	for i, r := range records {
		keys[i] = r.Sequence
	}
	if s.dialect == "mysql" { // which has told no sequences
		key, by = "id", s.by("by_id")
		for i, r := range records {
			keys[i] = r.ID
		}
	}
	var found []struct {
		ID                string
		Sequence, Earlier uint64
	}
	err := db.Raw(read+"o.id, o.sequence, COALESCE(("+s.earlier()+"), 0) AS earlier FROM "+s.table+" o"+by+
		" WHERE o."+key+" IN ? AND +o.state = 0 AND o.tries = 0 AND o.holder = ''", padded(keys)).Scan(&found).Error
	if err != nil {
		return err
	}
	at := make(map[string]int, len(found))
	for i := range found {
		at[found[i].ID] = i
	}
	for _, r := range records {
		i, there := at[r.ID]
		if r.mine = there; there {
			r.Sequence, r.earlier = found[i].Sequence, found[i].Earlier
		}
	}
	return nil
}

// earlier returns the query of the pending record that comes right before the record o in its row.
func (s store) earlier() string {
	before, order := "e.subject = o.subject AND e.sequence < o.sequence", "e.sequence DESC"
	if s.dialect == "postgres" { // which would look for the row through the index of sequences: that has no order by pairs
		before, order = "e.subject >= o.subject AND (e.subject, e.sequence) < (o.subject, o.sequence)", "e.subject DESC, e.sequence DESC"
	}
	return "SELECT e.sequence FROM " + s.table + " e" + s.by("pending_row") + " WHERE e.state = 0 AND e.channel = o.channel AND " +
		before + " ORDER BY " + order + " LIMIT 1"
}

// release gives claims up, so that the records are tried as soon as they may be.
func (s store) release(db *gorm.DB, records []*held) error {
	for g, sequences := range gripped(records) {
		slices.Sort(sequences)
		err := db.Exec("UPDATE "+s.table+s.by("PRIMARY")+" SET holder = '', due_at = 0 WHERE sequence IN ? AND "+waits+" AND holder = ? AND tries = ?",
			padded(sequences), g.holder, g.tries).Error
		if err != nil {
			return err
		}
	}
	return nil
}
