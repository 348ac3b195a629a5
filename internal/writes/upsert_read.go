package writes

import (
	"reflect"
	"strings"

	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// conflictIDs joins what all rows can conflict on.
func (w *insert) conflictIDs(targets []relations.Constraint) string {
	var ids strings.Builder
	for i := range w.rows {
		for _, id := range w.rowIDs(&w.rows[i], targets) {
			ids.WriteString(id)
		}
		ids.WriteByte('\n')
	}
	return ids.String()
}

// readConflicts reads the stored rows that rows of the write conflict with, by their ids.
func (w *insert) readConflicts(targets []relations.Constraint, skips bool) (map[string]reflect.Value, error) {
	stored := map[string]reflect.Value{}
	for t := range targets {
		asked := map[string][]any{}
		var all [][]any
		for i := range w.rows {
			if id, can := w.conflictID(t, targets[t], w.rows[i].Value()); can && asked[id] == nil {
				asked[id], _ = rows.ValuesOf(w.stmt.Context, targets[t].Fields, w.rows[i].Value())
				all = append(all, asked[id])
			}
		}
		found, err := w.findConflicts(targets[t], all, skips)
		if err != nil {
			return nil, err
		}
		if err = w.pairConflicts(t, targets[t], asked, found, stored); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// pairConflicts notes the stored rows by the ids of the rows that they are in the way of. The database takes values as equal that Go does
// not: texts without regard to case, numbers as texts. If a row was found under another id, the database is asked who is whose.
func (w *insert) pairConflicts(t int, on relations.Constraint, asked map[string][]any, found []reflect.Value, stored map[string]reflect.Value) error {
	unknown := false
	for _, row := range found {
		id, _ := w.conflictID(t, on, row)
		_, known := asked[id]
		unknown = unknown || !known
		stored[id] = row
	}
	if !unknown {
		return nil
	}
	var ids []string
	var values [][]any
	for id, value := range asked {
		if !stored[id].IsValid() {
			ids, values = append(ids, id), append(values, value)
		}
	}
	return w.model.Pairs(w.db, on.Fields, values, on.Where, func(i int, row reflect.Value) {
		id, _ := w.conflictID(t, on, row)
		if there := stored[id]; there.IsValid() && !stored[ids[i]].IsValid() {
			stored[ids[i]] = there
		}
	})
}

// findConflicts reads the stored rows with one of the values, and keeps them from going. Where the database locks gaps, rows that are
// not there must not be locked, unless it is known that they are: then the latest is what counts.
func (w *insert) findConflicts(t relations.Constraint, values [][]any, skips bool) ([]reflect.Value, error) {
	var found []reflect.Value
	read := func(values [][]any, lock bool) error {
		found = nil
		q := rows.Query{Where: t.Where, Lock: lock && w.lockable(), Share: skips}
		return w.findIn(t.Fields, values, q, func(stored reflect.Value) { found = append(found, stored) })
	}
	lost := w.race != nil
	// PostgreSQL tells of slices afterwards; locks in another order than that of the slice could wait for each other.
	lockAll := lost || (!w.dialect().LocksGaps() && (skips || len(w.rows) == 1))
	if err := read(values, lockAll); err != nil || len(found) == 0 || lost || !w.dialect().LocksGaps() {
		return found, err
	}
	there := make([][]any, len(found))
	for i, v := range found {
		there[i], _ = rows.ValuesOf(w.stmt.Context, t.Fields, v)
	}
	err := read(there, true)
	return found, err
}
