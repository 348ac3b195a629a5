package outbox

import (
	"cmp"
	"slices"

	"gorm.io/gorm"
)

// eligible returns records of a channel that may be tried now, by sequence: due ones, but none whose row has an earlier pending record that is not
// due. With types, records of other types hold up their rows. If the result is empty, no record may be tried.
//
// eligible reads the oldest due records, which mostly suffices. If many of them wait behind earlier records of their rows, it goes from row to row
// and reads the first records of each.
func (s store) eligible(db *gorm.DB, channel string, types []string, limit int) (all []record, err error) {
	now, err := s.clock(db)
	if err != nil {
		return nil, err
	}
	ofType, vars := "", []any{channel, now}
	if types != nil {
		ofType, vars = " AND type IN ?", append(vars, types)
	}
	// The plus keeps databases from collecting all due records by their time and sorting them.
	err = db.Raw(read+"* FROM "+s.table+s.by("pending")+" WHERE "+queue+" AND channel = ? AND +due_at <= ?"+ofType+s.along("sequence")+" LIMIT ?",
		append(vars, limit)...).Scan(&all).Error
	if err != nil || len(all) == 0 {
		return nil, err
	}
	whole := len(all) < limit
	if all, err = s.unblocked(db, channel, types, now, all); err != nil || whole || 2*len(all) > limit {
		return all, err
	}
	return s.byRow(db, channel, types, now, all, limit)
}

// along orders the records of a channel as the index with these next columns does. The channel in front shows the planner which index to use. On
// MySQL the query names the index instead, and the channel would cause a sort: MySQL does not see that a text in the connection's character set is
// one channel.
func (s store) along(columns string) string {
	if s.dialect == "mysql" {
		return " ORDER BY " + columns
	}
	return " ORDER BY channel, " + columns
}

// unblocked removes records whose row has an earlier pending record that is not among them.
func (s store) unblocked(db *gorm.DB, channel string, types []string, now int64, found []record) ([]record, error) {
	if types == nil { // nobody claims published events, and mostly none has failed
		var some []int
		err := db.Raw(read+"1 FROM "+s.table+" WHERE "+failed+" AND due_at > ? LIMIT 1", now).Scan(&some).Error
		if err != nil || len(some) == 0 {
			return found, err
		}
	}
	mine, asked := make(map[uint64]bool, len(found)), make(map[string]bool, len(found))
	subjects := make([]string, 0, len(found))
	for i := range found {
		subject := found[i].Subject
		mine[found[i].Sequence] = true
		if !asked[subject] {
			asked[subject] = true
			subjects = append(subjects, subject)
		}
	}
	first := map[string]uint64{} // by row, the first pending record that was not found
	for some := range slices.Chunk(subjects, batch) {
		var waiting []record
		err := db.Raw(read+"subject, sequence FROM "+s.table+s.by("pending_row")+" WHERE state = 0 AND channel = ? AND subject IN ? AND sequence < ?",
			channel, padded(some), found[len(found)-1].Sequence).Scan(&waiting).Error
		if err != nil {
			return nil, err
		}
		for _, r := range waiting {
			if earlier, known := first[r.Subject]; !mine[r.Sequence] && (!known || r.Sequence < earlier) {
				first[r.Subject] = r.Sequence
			}
		}
	}
	return slices.DeleteFunc(found, func(r record) bool {
		earlier, ok := first[r.Subject]
		return ok && earlier < r.Sequence
	}), nil
}

// atOnce is how many records byRow reads before it skips to the next row.
const atOnce = 100

// byRow adds records up to a limit: of each row the first ones that may be tried now. It reads at most atOnce records of a row, however many wait.
func (s store) byRow(db *gorm.DB, channel string, types []string, now int64, all []record, limit int) ([]record, error) {
	known := make(map[uint64]bool, len(all))
	for i := range all {
		known[all[i].Sequence] = true
	}
	for last, more := "", true; more && len(all) < limit; {
		var page []record
		err := db.Raw(read+"sequence, subject, type, due_at FROM "+s.table+s.by("pending_row")+
			" WHERE state = 0 AND channel = ? AND subject > ?"+s.along("subject, sequence")+" LIMIT ?", channel, last, atOnce).Scan(&page).Error
		if err != nil || len(page) == 0 {
			return inOrder(all), err
		}
		more, last = len(page) == atOnce, page[len(page)-1].Subject
		sequences := beginnings(page, types, now, known)
		if len(sequences) == 0 {
			continue
		}
		sequences = sequences[:min(len(sequences), limit-len(all))]
		var found []record
		if err = db.Raw(read+"* FROM "+s.table+" WHERE "+waits+" AND sequence IN ?", padded(sequences)).Scan(&found).Error; err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return inOrder(all), nil
}

// beginnings returns the sequences of records that may be tried now, from records that are ordered by row and sequence. It leaves out known ones.
func beginnings(page []record, types []string, now int64, known map[uint64]bool) (sequences []uint64) {
	held := "" // the row whose next record may not be tried yet
	for i := range page {
		switch r := &page[i]; {
		case r.Subject == held:
		case r.DueAt > now || (types != nil && !slices.Contains(types, r.Type)):
			held = r.Subject
		case !known[r.Sequence]:
			sequences = append(sequences, r.Sequence)
		}
	}
	return sequences
}

func inOrder(records []record) []record {
	slices.SortFunc(records, func(a, b record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return records
}
