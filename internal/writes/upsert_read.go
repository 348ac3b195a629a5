package writes

import (
	"reflect"
	"slices"
	"strings"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// conflictIDs joins the ids of all rows, to show whether receivers change them.
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

// ask is a read, and the function that takes the rows that it finds.
type ask struct {
	rows.Read

	take func(found []reflect.Value)
}

// readConflicts reads the stored rows that rows of the write conflict with, by their ids. It reads the owners of links too if that takes no further
// statement.
func (w *insert) readConflicts(targets []relations.Constraint, skips bool) (map[string]reflect.Value, error) {
	asked, found := make([]map[string][]any, len(targets)), make([][]reflect.Value, len(targets))
	var asks []ask
	for t, on := range targets {
		asked[t] = map[string][]any{}
		a := ask{rows.Read{Query: w.conflictQuery(on, skips), Model: w.model, DB: w.db, By: on.Fields}, func(rows []reflect.Value) { found[t] = rows }}
		for i := range w.rows {
			if id, can := w.conflictID(t, on, w.rows[i].Value()); can && asked[t][id] == nil {
				asked[t][id], _ = rows.ValuesOf(w.stmt.Context, on.Fields, w.rows[i].Value())
				a.Values = append(a.Values, asked[t][id])
			}
		}
		if len(a.Values) > 0 {
			asks = append(asks, a)
		}
	}
	if err := w.askAll(asks); err != nil {
		return nil, err
	}
	stored := map[string]reflect.Value{}
	for t, on := range targets {
		if err := w.pairConflicts(t, on, asked[t], found[t], stored); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// askAll makes the reads of conflicts, and those of the owners of links if one statement can make them all.
func (w *insert) askAll(asks []ask) error {
	if !slices.ContainsFunc(asks, func(a ask) bool { return a.Lock && a.Found && !w.locksFound() }) {
		if together, err := w.askTogether(slices.Concat(asks, w.askOwners())); together || err != nil {
			return err
		}
	}
	for _, a := range asks {
		found, err := w.findConflicts(a.Read)
		if err != nil {
			return err
		}
		a.take(found)
	}
	return nil
}

// askTogether makes several reads in one statement. It reports false if that is impossible: another plugin's pool may expect a single table in a
// statement.
func (w *insert) askTogether(asks []ask) (bool, error) {
	if _, own := pool.Find(w.stmt.ConnPool); !own {
		return false, nil
	}
	reads := make([]rows.Read, len(asks))
	for i, a := range asks {
		if reads[i] = a.Read; len(a.Values) > w.reg.perStatement(len(a.By)) {
			return false, nil
		}
	}
	sets, ok, err := rows.Together(reads)
	for i, set := range sets {
		asks[i].take(set.Rows())
	}
	return ok, err
}

// pairConflicts notes the stored rows by the ids of the rows that conflict with them. The database may take values as equal that Go does not: texts
// in another case, numbers as texts. If it found a row under an unknown id, pairConflicts asks it which rows belong together.
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

// conflictQuery returns a query that locks the conflicting rows, so that nobody deletes them. If the database locks gaps, the query locks only rows
// that exist. After a lost race they are known to exist, and it reads their latest version.
func (w *insert) conflictQuery(on relations.Constraint, skips bool) rows.Query {
	gaps, lost := w.dialect().LocksGaps(), w.race != nil
	// PostgreSQL is asked about slices afterwards. Locks in another order than the slice's could wait for each other.
	lock := gaps || lost || skips || len(w.rows) == 1
	return rows.Query{Where: on.Where, Lock: lock && w.lockable(), Share: skips, Found: gaps && !lost}
}

// locksFound reports whether one statement can lock only rows that exist.
func (w *insert) locksFound() bool {
	return w.model.LocksFound(w.db) && w.reg.Catalog.Primary(w.db, w.tableName(), w.model.Keys)
}

// findConflicts makes a read of conflicts by itself. It takes two statements if one cannot lock only rows that exist.
func (w *insert) findConflicts(r rows.Read) (found []reflect.Value, err error) {
	read := func(values [][]any, q rows.Query) error {
		found = nil
		return w.findIn(r.By, values, q, func(stored reflect.Value) { found = append(found, stored) })
	}
	if !r.Lock || !r.Found || w.locksFound() {
		err = read(r.Values, r.Query)
		return found, err
	}
	q := r.Query
	q.Lock, q.Found = false, false
	if err = read(r.Values, q); err != nil || len(found) == 0 {
		return found, err
	}
	there := make([][]any, len(found))
	for i, v := range found {
		there[i], _ = rows.ValuesOf(w.stmt.Context, r.By, v)
	}
	q.Lock = true
	err = read(there, q)
	return found, err
}
