package writes

import (
	"context"
	"reflect"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Constraints and triggers that the model does not declare can make the database skip rows. The number of written rows shows that some are missing.
// The functions here find out which, by the stored keys. Other values prove nothing, because a database may store them in another form.

// dropSkipped silences the rows that the INSERT did not write.
func (w *insert) dropSkipped() error {
	if len(w.rows) == 1 && w.db.RowsAffected != 0 {
		w.takeElements()
		return nil
	}
	count, exact := w.countWritten()
	if exact && count == len(w.rows) {
		w.takeElements()
		return nil
	}
	expected := w.expected()
	switch {
	case !w.dialect().CountsUnchanged() && w.conflicting && w.written != nil:
		return nil // the number depends on the settings of the connection
	case w.db.RowsAffected == 0:
		w.silenceAll()
		return nil
	case exact && count >= len(expected):
		if count < len(w.rows) {
			w.place(expected)
		}
		return nil
	case len(w.model.Keys) > 0 && w.returned != nil:
		done, err := w.findWritten(expected, count, exact)
		if done || err != nil {
			return err
		}
	case len(w.model.Keys) > 0:
		written, _, err := w.writtenByKey(expected, count, exact)
		if err == nil {
			w.silenceBut(written)
		}
		return err
	}
	if w.returned != nil && w.returned.savepoint != "" {
		return w.oneByOne()
	}
	return nil
}

// expected returns the indexes of the rows that the INSERT should have written. An upsert also writes rows of associations that it does not change,
// for which no signal is sent.
func (w *insert) expected() []int {
	expected := make([]int, 0, len(w.rows))
	all := w.written != nil && !w.maySkip()
	for i := range w.rows {
		if all || !w.rows[i].Silent {
			expected = append(expected, i)
		}
	}
	return expected
}

// silenceBut silences all rows but the written ones.
func (w *insert) silenceBut(written []int) {
	for i := range w.rows {
		w.rows[i].Silent = w.rows[i].Silent || !slices.Contains(written, i)
	}
}

// findWritten finds the written rows among the expected ones. It reports false if it cannot tell.
func (w *insert) findWritten(expected []int, count int, exact bool) (bool, error) {
	keyed := 0
	for _, i := range expected {
		if _, has := w.keyOf(w.returned.before.Index(i)); has {
			keyed++
		}
	}
	if keyed == len(expected) {
		if written := w.writtenByReturned(expected, count); written != nil {
			w.place(written)
			w.silenceBut(written)
			return true, nil
		}
		w.place(nil)
		written, sure, err := w.writtenByKey(expected, count, exact)
		if err != nil || (!sure && w.returned.savepoint != "") {
			return false, err
		}
		if !w.conflicting && (!exact || len(written) > count) {
			if written, err = w.asTheyWereGiven(written); err != nil {
				return false, err
			}
		}
		w.place(written)
		w.silenceBut(written)
		return true, nil
	}
	if !exact || w.returned.fields == nil || (keyed > 0 && w.returned.savepoint != "") {
		return false, nil
	}
	written, err := w.writtenByValue(expected, count)
	if err != nil || len(written) != count {
		return false, err
	}
	w.place(written)
	w.silenceBut(written)
	return true, nil
}

// writtenByReturned returns the rows whose keys the INSERT returned, or nil if it returned none or rows share a key.
func (w *insert) writtenByReturned(expected []int, count int) []int {
	kept := w.returned
	if kept.fields == nil || kept.doNothing || count > len(kept.places) || len(w.follows) > 0 {
		return nil
	}
	for _, f := range w.model.Keys {
		if !slices.Contains(kept.fields, f) {
			return nil
		}
	}
	ctx := w.stmt.Context
	at := make(map[string]int, len(expected))
	for _, i := range expected {
		at[w.model.Identity(ctx, kept.before.Index(i))] = i
	}
	if len(at) < len(expected) {
		return nil
	}
	got := w.gotten()
	written := make([]int, 0, count)
	for k := range count {
		i, known := at[w.model.Identity(ctx, got.Index(k))]
		if !known || (k > 0 && i < written[k-1]) {
			return nil
		}
		written = append(written, i)
	}
	return written
}

// writtenByKey returns the expected rows whose keys are stored now, without those that other connections wrote. It is sure if they are as many as the
// INSERT wrote.
func (w *insert) writtenByKey(expected []int, count int, exact bool) (written []int, sure bool, err error) {
	there, err := w.storedNow(expected)
	if err != nil {
		return nil, false, err
	}
	taken := map[string]bool{}
	for _, i := range expected {
		found, ok := there[i]
		if !ok {
			continue
		}
		if id := w.model.Identity(w.stmt.Context, found); w.rows[i].Original == nil { // the first of several rows with the key
			ok = !taken[id]
			taken[id] = true
		} else {
			ok = w.differ(w.stmt.Context, found, w.rows[i].Stored(), w.written) && !w.untouched(i, found)
		}
		if ok {
			written = append(written, i)
		}
	}
	if exact {
		written = w.withoutOverwritten(written, len(written)-count)
	}
	sure = exact && len(written) == count
	if sure || !w.dialect().MarksWritten() || !w.reg.Catalog.Relation(w.db, w.tableName()).Table {
		return written, sure || !exact, nil
	}
	if written, err = w.ours(written, there); err != nil {
		return nil, false, err
	}
	return written, !exact || len(written) == count, nil
}

// asTheyWereGiven drops rows whose stored values are not the given ones. If a callback adds the conflict clause when the stored rows can no longer be
// read, such rows were skipped.
func (w *insert) asTheyWereGiven(written []int) ([]int, error) {
	there, err := w.storedNow(written)
	if err != nil {
		return nil, err
	}
	given := w.given()
	return slices.DeleteFunc(written, func(i int) bool { return !w.became(i, there[i], given) }), nil
}

// oursSQL holds for rows that the transaction itself wrote, in any of its savepoints: it sees them although their transaction is in progress. xmin
// holds the lower half of the number that txid_status takes.
const oursSQL = `CASE WHEN (xmin::text::bigint - txid_current() % 4294967296 + 6442450944) % 4294967296 - 2147483648 BETWEEN -1000000000 AND 1000000
	THEN txid_status(txid_current() + (xmin::text::bigint - txid_current() % 4294967296 + 6442450944) % 4294967296 - 2147483648) = 'in progress' ELSE FALSE END`

// ours returns the rows that no other connection wrote.
func (w *insert) ours(written []int, there map[int]reflect.Value) ([]int, error) {
	keys := make([][]any, len(written))
	for k, i := range written {
		keys[k], _ = w.model.KeyOf(w.stmt.Context, there[i])
	}
	own, err := w.keysThat(keys, clause.Expr{SQL: oursSQL}, false)
	if err != nil {
		return nil, err
	}
	var left []int
	for k, i := range written {
		if own[rows.Identity(keys[k])] {
			left = append(left, i)
		}
	}
	return left, nil
}

// writtenByValue returns the n rows that the INSERT wrote, by comparing rows with those of the returned keys. If values do not tell, it returns
// fewer.
func (w *insert) writtenByValue(expected []int, n int) ([]int, error) {
	got := w.gotten()
	keys, ids := make([][]any, n), make([]string, n)
	for k := range n {
		v := got.Index(k)
		keys[k], _ = w.model.KeyOf(w.stmt.Context, v)
		ids[k] = w.model.Identity(w.stmt.Context, v)
	}
	stored, err := w.readKeysOf(keys, rows.Query{})
	if err != nil {
		return nil, err
	}
	given := w.given()
	var written []int
	for _, i := range expected {
		if len(written) < n && w.became(i, stored[ids[len(written)]], given) {
			written = append(written, i)
		}
	}
	if len(written) < n && w.returned.savepoint == "" {
		written = w.likeliest(expected, n, func(i, k int) int { return w.alike(i, stored[ids[k]], given) })
	}
	return written, nil
}

// likeliest picks n of the expected rows, in order, which are most similar to the n stored ones. It is the last resort for an INSERT that cannot be
// undone, whose keys the database made and whose values it changed.
func (w *insert) likeliest(expected []int, n int, alike func(i, k int) int) []int {
	spare := len(expected) - n
	best := make([][]int, n+1) // best[k][s]: k rows are picked and s are skipped
	for k := range best {
		best[k] = make([]int, spare+1)
		for s := range best[k] {
			if k > 0 {
				best[k][s] = best[k-1][s] + alike(expected[k-1+s], k-1)
			}
			if s > 0 {
				best[k][s] = max(best[k][s], best[k][s-1])
			}
		}
	}
	picked := make([]int, n)
	for k, s := n, spare; k > 0; {
		if s > 0 && best[k][s] == best[k][s-1] {
			s--
			continue
		}
		picked[k-1] = expected[k-1+s]
		k--
	}
	return picked
}

// alike counts the columns in which a stored row has the given value.
func (w *insert) alike(i int, stored reflect.Value, given map[*schema.Field]bool) int {
	n := 0
	for _, f := range w.model.Columns {
		if stored.IsValid() && given[f] && f.Readable && !rows.Changed(w.stmt.Context, w.db.Name(), f, stored, w.asGiven(i)) {
			n++
		}
	}
	return n
}

// became reports whether inserting a row with these given fields can have made a stored row.
func (w *insert) became(i int, stored reflect.Value, given map[*schema.Field]bool) bool {
	ctx, r := w.stmt.Context, &w.rows[i]
	switch {
	case !stored.IsValid():
		return false
	case r.Original != nil:
		return w.model.Identity(ctx, r.Stored()) == w.model.Identity(ctx, stored)
	}
	return !w.differ(ctx, stored, w.asGiven(i), given)
}

// given returns the fields whose inserted values are known: GORM has not overwritten them, or the write has a copy.
func (w *insert) given() map[*schema.Field]bool {
	given := make(map[*schema.Field]bool, len(w.schema.DBNames))
	for _, f := range w.model.Columns {
		given[f] = true
	}
	made := w.returned.fields
	if w.returned.all {
		made = w.schema.FieldsWithDefaultDBValue
	}
	for _, f := range made {
		given[f] = false
	}
	return given
}

// asGiven returns a row as the INSERT got it. If the INSERT returns all columns, GORM overwrites its structs.
func (w *insert) asGiven(i int) reflect.Value {
	if w.returned.all {
		return w.returned.before.Index(i)
	}
	return w.rows[i].Value()
}

// differ reports whether two structs of one row differ in a column among these, or in any column if among is nil.
func (w *insert) differ(ctx context.Context, a, b reflect.Value, among map[*schema.Field]bool) bool {
	for _, f := range w.model.Columns {
		if f.Readable && f.Creatable && !f.PrimaryKey && (among == nil || among[f]) && rows.Changed(ctx, w.db.Name(), f, a, b) {
			return true
		}
	}
	return false
}
