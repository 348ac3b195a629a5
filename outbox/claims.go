package outbox

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// held is an event in memory, with what this process knows of its claim.
type held struct {
	*record

	mine    bool      // this process has the claim
	until   time.Time // when the claim ends
	earlier uint64    // sequence of the pending record right before it in its row; 0 means none

	call   call
	ticket uint64 // its number in the order in which the crew took events
	after  *held  // the event right before it in its row that Run found with it; nil if there is none
	swept  bool   // Run found it in the table; otherwise this process has just written it
	looked bool   // mine and earlier are known
	out    bool   // done or parked: later events of the row may follow
}

// call is the context of an event's call, and who waits for it.
type call struct {
	ctx     context.Context //nolint:containedctx // of the write, or of Run
	handled chan<- struct{} // gets a value when the event is handled; nil if nobody waits
}

// grip identifies a claim. The claim of a writer has no holder, and a failed try removes the holder of any other claim. But then the tries differ.
type grip struct {
	holder string
	tries  int
}

// gripped groups the sequences of records by their grips. Mostly there is one.
func gripped(records []*held) map[grip][]uint64 {
	by := make(map[grip][]uint64, 1)
	for _, r := range records {
		g := grip{r.Holder, r.Tries}
		by[g] = append(by[g], r.Sequence)
	}
	return by
}

// claim claims due records for d. Those that nobody has claimed or tried since they were read are mine.
func (s store) claim(db *gorm.DB, records []*held, d time.Duration) error {
	for _, r := range records {
		r.Holder = "" // of a claim that has ended
	}
	return s.take(db, records, d, true)
}

// extend renews claims of this process. A record is not mine any more if its claim has ended or another process has tried it.
func (s store) extend(db *gorm.DB, records []*held, d time.Duration) error {
	return s.take(db, records, d, false)
}

// take is claim and extend. If it fails, it may have claimed records all the same; these claims end by themselves.
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

// hold sets the holder of those records for which a condition holds, and returns their sequences.
func (s store) hold(db *gorm.DB, sequences []uint64, condition string, vars []any, holder string, d time.Duration) ([]uint64, error) {
	slices.Sort(sequences)
	list := padded(sequences)
	which := "sequence IN ? AND " + condition
	if s.dialect == "postgres" && len(sequences) > 1 { // two processes that lock the same records in different orders would deadlock
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

// look reads records that were just committed under the claim of their writer. Those that are still pending are mine. It sets their sequences, and
// the pending records right before them in their rows.
func (s store) look(db *gorm.DB, records []*held) error {
	key, by, keys := "sequence", "", make([]any, len(records))
	for i, r := range records {
		keys[i] = r.Sequence
	}
	if s.dialect == "mysql" { // its INSERT returned no sequences
		key, by = "id", s.by("by_id")
		for i, r := range records {
			keys[i] = r.ID
		}
	}
	rows, err := db.Raw(read+"o.id, o.sequence, COALESCE(("+s.earlier()+"), 0) AS earlier FROM "+s.table+" o"+by+
		" WHERE o."+key+" IN ? AND +o.state = 0 AND o.tries = 0 AND o.holder = ''", padded(keys)).Rows()
	if err != nil {
		return err
	}
	waiting := make(map[string]*held, len(records))
	for _, r := range records {
		waiting[r.ID] = r
	}
	return each(rows, func() error {
		var id string
		var sequence, earlier uint64
		if err := rows.Scan(&id, &sequence, &earlier); err != nil {
			return err
		}
		if r := waiting[id]; r != nil {
			r.mine, r.Sequence, r.earlier = true, sequence, earlier
		}
		return nil
	})
}

// earlier returns a query for the pending record right before the record o in its row.
func (s store) earlier() string {
	before, order := "e.subject = o.subject AND e.sequence < o.sequence", "e.sequence DESC"
	if s.dialect == "postgres" { // pairs keep its planner from the index of sequences, which it would choose otherwise
		before, order = "e.subject >= o.subject AND (e.subject, e.sequence) < (o.subject, o.sequence)", "e.subject DESC, e.sequence DESC"
	}
	return "SELECT e.sequence FROM " + s.table + " e" + s.by("pending_row") + " WHERE e.state = 0 AND e.channel = o.channel AND " +
		before + " ORDER BY " + order + " LIMIT 1"
}

// release gives up claims, so that the records are due at once.
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
