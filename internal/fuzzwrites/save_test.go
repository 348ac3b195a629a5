package fuzzwrites_test

import "errors"

func (w *fuzzWorld) predictSave(op *fuzzOp) error {
	t := w.tables[op.Table]
	if len(op.Rows) != 1 || op.Form%4 != 0 {
		return w.insertAll(op, &fuzzConflict{all: true, target: []int{0, 1}[:t.keys]}, nil)
	}
	row, form := op.Rows[0], op.saveForm(t)
	if form == fuzzSaveOmit || form == fuzzSaveSelect {
		return w.saveSome(op, row, form == fuzzSaveOmit)
	}
	if !t.keyed(row) {
		return w.insertAll(op, nil, nil)
	}
	return w.saveOne(op.Table, row, func(old fuzzRow) bool {
		return (op.Pick%2 == 1 || t.live(old)) && (form != fuzzSaveWhere || op.Cond.A.holds(old))
	}, nil)
}

// saveSome predicts Save of a struct without one column, or of one column only.
func (w *fuzzWorld) saveSome(op *fuzzOp, row fuzzRow, omit bool) (err error) {
	t := w.tables[op.Table]
	written := make([]bool, len(t.columns))
	var sets []fuzzSet
	for c := range t.columns {
		if written[c] = c < t.keys || (c == op.Sets[0].Column) != omit; written[c] && c >= t.keys {
			sets = append(sets, fuzzSet{Column: c, Value: row[c]})
		}
	}
	if !t.keyed(row) {
		return w.insertAll(op, nil, written)
	}
	restore := w.snapshot()
	defer func() {
		if err != nil {
			restore()
		}
	}()
	old, found := w.rows[op.Table][t.key(row)]
	switch {
	case found && (op.Pick%2 == 1 || t.live(old)):
		return w.update(op.Table, func(r fuzzRow) bool { return t.key(r) == t.key(row) }, sets)
	case omit:
		second := func() error { restore, w.halfway = w.snapshot(), true; return nil }
		return w.insert(op.Table, pointersTo(op.Rows), &fuzzConflict{sets: sets, target: []int{0}}, written, second, nil)
	}
	return nil
}

// saveOne predicts Save of a struct with its key set. GORM first tries to update the row and writes the pets. If the update finds no row, GORM then
// upserts it in a second transaction: an error there undoes the upsert alone. finds says whether the update finds a stored row.
func (w *fuzzWorld) saveOne(table int, row fuzzRow, finds func(old fuzzRow) bool, pets func() error) (err error) {
	var late error // a database error for the pets, which undoes no stored row; a refusal of a receiver does
	restore := w.snapshot()
	defer func() {
		if err != nil && late == nil {
			restore()
		}
	}()
	t := w.tables[table]
	s := fuzzSaved{row: row, created: true}
	old, stored := w.rows[table][t.key(row)]
	if stored {
		s.created, s.old = false, &old
	}
	found := stored && finds(old)
	if err := w.save("pre_save", table, s); err != nil {
		return err
	}
	s.row = w.ruled(table, row)
	key := t.key(row)
	put := func() error { return t.put(w.rows[table], &key, s.row) }
	if found {
		if err := put(); err != nil {
			return err
		}
	}
	if pets != nil {
		if err := pets(); err != nil {
			if w.script.Plain && !errors.Is(err, errFuzzAside) && !errors.Is(err, errFuzzVeto) {
				late = err
			}
			if late == nil || !found {
				return err
			}
		}
	}
	if !found {
		restore, w.halfway = w.snapshot(), true
		if err := put(); err != nil {
			return err
		}
	}
	if err := w.save("post_save", table, s); err != nil {
		return err
	}
	w.together("post_save", table, 1)
	w.caller = append(w.caller, s.row)
	return late
}
