package fuzzwrites_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

var errFuzzSQL = errors.New("the database or GORM refuses")

type (
	fuzzKey  [2]int
	fuzzRows map[fuzzKey]fuzzRow
)

// fuzzWorld is the model: it predicts the rows of the tables and the events. It knows GORM's rules and the promises of the library, but not how the
// library keeps them.
type fuzzWorld struct {
	script  *fuzzScript
	tables  []*fuzzTable
	rows    []fuzzRows
	events  fuzzRecorder
	quiet   bool
	vague   bool      // the events of the call cannot be predicted
	halfway bool      // the call has committed the first of its two transactions
	one     int       // the table whose rows the call handles in one batch; -1 means none
	caller  []fuzzRow // what the call leaves in the caller's structs
}

func newFuzzWorld(script *fuzzScript) *fuzzWorld {
	w := &fuzzWorld{script: script, tables: fuzzTables(), events: fuzzRecorder{script: script}, one: -1}
	w.events.tables = w.tables
	for i, t := range w.tables {
		w.rows = append(w.rows, fuzzRows{})
		for _, r := range script.start()[i] {
			w.rows[i][t.key(r)] = r
		}
	}
	return w
}

func (w *fuzzWorld) dump() string {
	var b strings.Builder
	for i, t := range w.tables {
		for _, key := range w.matching(i, func(fuzzRow) bool { return true }) {
			fmt.Fprintln(&b, t.name, w.rows[i][key])
		}
	}
	return b.String()
}

func (w *fuzzWorld) snapshot() (restore func()) {
	var saved []fuzzRows
	for _, rows := range w.rows {
		saved = append(saved, maps.Clone(rows))
	}
	return func() { w.rows = saved }
}

// matching returns the keys of the rows that satisfy a condition, in order.
func (w *fuzzWorld) matching(table int, holds func(fuzzRow) bool) []fuzzKey {
	var keys []fuzzKey
	for key, row := range w.rows[table] {
		if holds(row) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b fuzzKey) int { return slices.Compare(a[:], b[:]) })
	return keys
}

func (w *fuzzWorld) batches(table int, keys []fuzzKey) [][]fuzzKey {
	size := w.script.Batch
	if size == 0 || table == w.one {
		size = 500
	}
	return slices.Collect(slices.Chunk(keys, size))
}

func (t *fuzzTable) key(r fuzzRow) (key fuzzKey) {
	copy(key[:], r[:t.keys])
	return key
}

// keyed reports whether every part of the key is set.
func (t *fuzzTable) keyed(r fuzzRow) bool { return !slices.Contains(r[:t.keys], 0) }

func (t *fuzzTable) live(r fuzzRow) bool { return t.soft < 0 || r[t.soft] == 0 }

// put replaces the row with the old key by another one. It fails if the table does not allow that row.
func (t *fuzzTable) put(rows fuzzRows, old *fuzzKey, r fuzzRow) error {
	if old != nil {
		delete(rows, *old)
	}
	if len(t.clashes(rows, r)) > 0 {
		return errFuzzSQL
	}
	rows[t.key(r)] = r
	return nil
}

// clashes returns the keys of the rows that conflict with r.
func (t *fuzzTable) clashes(rows fuzzRows, r fuzzRow) []fuzzKey {
	var keys []fuzzKey
	for key, other := range rows {
		if key == t.key(r) || (t.unique >= 0 && other[t.unique] == r[t.unique]) {
			keys = append(keys, key)
		}
	}
	return keys
}

// fuzzSaved is a save event before it is formatted.
type fuzzSaved struct {
	row      fuzzRow
	old      *fuzzRow
	created  bool
	loose    bool
	fields   []fuzzSet // the assignments of an update
	unnamed  bool      // fields is not known
	written  []bool    // columns whose changes count; nil means all
	computed []bool    // columns that count as changed
}

func (w *fuzzWorld) save(signal string, table int, s fuzzSaved) error {
	if w.quiet {
		return nil
	}
	t := w.tables[table]
	var tail strings.Builder
	if !s.created && s.old != nil {
		fmt.Fprint(&tail, " old=", *s.old)
		if t.soft >= 0 && s.old[t.soft] != 0 && s.row[t.soft] == 0 && (s.written == nil || s.written[t.soft]) {
			tail.WriteString(" restored")
		}
	}
	heard := s.created
	for c, field := range t.fields {
		switch {
		case s.created:
			if s.row[c] != 0 && (s.written == nil || s.written[c]) {
				fmt.Fprintf(&tail, " %s:>%d", field, s.row[c])
			}
		case s.old == nil || (s.written != nil && !s.written[c]):
		case s.row[c] != s.old[c] || (s.computed != nil && s.computed[c]):
			fmt.Fprintf(&tail, " %s:%d>%d", field, s.old[c], s.row[c])
			heard = heard || c == t.keys
		}
	}
	if heard && w.script.hasFields() {
		tail.WriteString(" heard")
	}
	event := fuzzEvent{
		head: fmt.Sprintf("%s %s created=%t %v stored %s", signal, t.name, s.created, s.row, w.stored(table, s.row)),
		tail: tail.String(), loose: s.loose, unnamed: s.unnamed,
	}
	if s.fields != nil {
		event.fields = fmt.Sprint(" fields ", t.named(s.fields))
	}
	if err := w.events.add(event); err != nil {
		return err
	}
	return w.nested(signal, t)
}

// named returns the fields of assignments in the order of the model.
func (t *fuzzTable) named(sets []fuzzSet) []string {
	names := []string{}
	for c, field := range t.fields {
		if slices.ContainsFunc(sets, func(set fuzzSet) bool { return set.Column == c }) {
			names = append(names, field)
		}
	}
	return names
}

func (w *fuzzWorld) stored(table int, row fuzzRow) string {
	if r, ok := w.rows[table][w.tables[table].key(row)]; ok {
		return fmt.Sprint(r)
	}
	return "nowhere"
}

// nested predicts the writes of a receiver.
func (w *fuzzWorld) nested(signal string, t *fuzzTable) error {
	if !w.script.Rule.nests(signal, t, w.tables) {
		return nil
	}
	holds := func(r fuzzRow) bool { return r[0] < fuzzNestedKeys }
	return w.update(fuzzOwners, holds, fuzzAssign(1, w.script.Rule.To))
}

// together predicts the call of a batch receiver.
func (w *fuzzWorld) together(signal string, table, n int) {
	if w.script.hasBatches() && !w.quiet && n > 0 {
		w.events.events = append(w.events.events, fuzzBatch(signal, w.tables[table], n))
	}
}

func (w *fuzzWorld) remove(signal string, table int, row fuzzRow, soft bool) error {
	if w.quiet {
		return nil
	}
	t := w.tables[table]
	event := fuzzEvent{head: fmt.Sprintf("%s %s soft=%t %v stored %s", signal, t.name, soft, row, w.stored(table, row))}
	if err := w.events.add(event); err != nil {
		return err
	}
	return w.nested(signal, t)
}

// ruled returns a row after the pre_save receiver.
func (w *fuzzWorld) ruled(table int, row fuzzRow) fuzzRow {
	if w.quiet {
		return row
	}
	return w.script.Rule.apply(w.tables[table], w.tables, row)
}

// whole undoes a write that fails. For all writes GORM does this, unless SkipDefaultTransaction is set, and the library for writes of several
// statements.
func (w *fuzzWorld) whole(err *error) func() {
	restore := w.snapshot()
	return func() {
		if *err != nil {
			restore()
		}
	}
}

// update predicts an UPDATE of the rows that satisfy a condition.
func (w *fuzzWorld) update(table int, holds func(fuzzRow) bool, sets []fuzzSet) (err error) {
	defer w.whole(&err)()
	sets = append([]fuzzSet{}, sets...) // nil would mean all fields, an empty list none
	for _, keys := range w.batches(table, w.matching(table, holds)) {
		if err := w.updateBatch(table, keys, sets); err != nil {
			return err
		}
	}
	return nil
}

func (w *fuzzWorld) updateBatch(table int, keys []fuzzKey, sets []fuzzSet) error {
	t, rows := w.tables[table], w.rows[table]
	computed := make([]bool, len(t.columns))
	olds, wanted, changed := make([]fuzzRow, len(keys)), make([]fuzzRow, len(keys)), make([]bool, len(keys))
	for i, key := range keys {
		olds[i] = rows[key]
		row := olds[i]
		for _, set := range sets {
			if computed[set.Column] = set.Add; !set.Add {
				row[set.Column] = set.Value
			}
		}
		if err := w.save("pre_save", table, fuzzSaved{row: row, old: &olds[i], computed: computed, fields: sets}); err != nil {
			return err
		}
		wanted[i] = w.ruled(table, row)
		changed[i] = wanted[i] != row
		for _, set := range sets {
			if set.Add && wanted[i][set.Column] == row[set.Column] {
				wanted[i][set.Column] += set.Value
			}
		}
	}
	for _, turn := range []bool{false, true} { // rows that no receiver has changed are written first
		for i, key := range keys {
			if changed[i] != turn {
				continue
			}
			if err := t.put(rows, &key, wanted[i]); err != nil {
				return err
			}
		}
	}
	for i := range keys {
		if err := w.save("post_save", table, fuzzSaved{row: wanted[i], old: &olds[i], fields: sets}); err != nil {
			return err
		}
	}
	w.together("post_save", table, len(keys))
	return nil
}

// erase predicts a DELETE of the rows that satisfy a condition.
func (w *fuzzWorld) erase(table int, holds func(fuzzRow) bool, soft bool, between func() error) (err error) {
	defer w.whole(&err)()
	t := w.tables[table]
	batches := w.batches(table, w.matching(table, holds))
	if len(batches) == 0 && between != nil {
		return between()
	}
	for i, keys := range batches {
		olds := make([]fuzzRow, len(keys))
		for i, key := range keys {
			olds[i] = w.rows[table][key]
			if err := w.remove("pre_delete", table, olds[i], soft); err != nil {
				return err
			}
		}
		w.together("pre_delete", table, len(keys))
		if between != nil && i == 0 {
			if err := between(); err != nil {
				return err
			}
		}
		for i, key := range keys {
			delete(w.rows[table], key)
			if soft {
				row := olds[i]
				row[t.soft] = 2
				w.rows[table][key] = row
			}
		}
		for _, old := range olds {
			if err := w.remove("post_delete", table, old, soft); err != nil {
				return err
			}
		}
	}
	return nil
}
