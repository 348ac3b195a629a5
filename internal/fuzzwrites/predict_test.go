package fuzzwrites_test

import "errors"

// run predicts a call with its transaction.
func (w *fuzzWorld) run(op *fuzzOp) error {
	restore := w.snapshot()
	if op.Kind == fuzzTx {
		return w.block(op, restore)
	}
	w.quiet = op.Mode == fuzzSilent || op.Mode == fuzzMuted || (op.Kind == fuzzUpdate && op.updateForm() == 5)
	if op.returns() {
		w.one = op.Table
	}
	err := w.predict(op)
	if err != nil && !w.script.Plain && !w.halfway {
		restore()
	}
	w.quiet, w.halfway, w.one = false, false, -1
	return err
}

func (w *fuzzWorld) block(op *fuzzOp, restore func()) (err error) {
	for i := range op.Ops {
		if err = w.run(&op.Ops[i]); err != nil {
			break
		}
	}
	if err == nil && op.rollsBack() {
		err = errFuzzRollback
	}
	if err != nil {
		restore()
	}
	if op.forgives() && !errors.Is(err, errFuzzAside) {
		return nil
	}
	return err
}

func (w *fuzzWorld) predict(op *fuzzOp) error {
	t := w.tables[op.Table]
	switch op.Kind {
	case fuzzUpsert:
		return w.insertAll(op, op.upsert(t), nil)
	case fuzzSave:
		return w.predictSave(op)
	case fuzzUpdate:
		return w.predictUpdate(op)
	case fuzzDelete:
		return w.predictDelete(op)
	case fuzzRestore:
		return w.changeRows(op, []fuzzSet{{Column: t.soft}})
	case fuzzFirst:
		return w.predictFirst(op)
	case fuzzAssociate:
		return w.predictAssociate(op)
	case fuzzCreateMap:
		return w.predictMap(op)
	case fuzzRekey:
		return w.changeRows(op, []fuzzSet{{Value: op.newKey()}})
	default:
		return w.predictCreate(op)
	}
}

func (w *fuzzWorld) insertAll(op *fuzzOp, up *fuzzConflict, written []bool) error {
	if len(op.Rows) == 0 {
		return errFuzzSQL
	}
	return w.insert(op.Table, pointersTo(op.Rows), up, written, nil, nil)
}

func pointersTo(rows []fuzzRow) []*fuzzRow {
	var pointers []*fuzzRow
	for _, r := range rows {
		pointers = append(pointers, &r)
	}
	return pointers
}

func (w *fuzzWorld) predictMap(op *fuzzOp) error {
	if len(op.Rows) == 0 || (len(op.Rows) == 1 && op.Form%2 == 0) || op.Form >= 4 || !w.tables[op.Table].auto {
		return w.insertAll(op, nil, nil)
	}
	// GORM inserts the rows, and fails when it reads back their keys.
	return w.insert(op.Table, pointersTo(op.Rows), nil, nil, nil, func() error { return errFuzzUnread })
}

func (w *fuzzWorld) predictCreate(op *fuzzOp) error {
	t := w.tables[op.Table]
	var written []bool
	if names := op.picked(t); len(names) > 0 && (op.Pick == 1 || op.Pick == 2) {
		written = make([]bool, len(t.columns))
		for c := range written {
			written[c] = op.Pick == 2 || c < t.keys
		}
		for _, set := range op.Sets {
			written[set.Column] = op.Pick == 1
		}
	}
	if op.Form >= 4 && len(op.Rows) > 2 {
		rows := pointersTo(op.Rows)
		if err := w.insert(op.Table, rows[:2], nil, written, nil, nil); err != nil {
			return err
		}
		return w.insert(op.Table, rows[2:], nil, written, nil, nil)
	}
	return w.insertAll(op, nil, written)
}

// upsert returns the ON CONFLICT clause of the call.
func (op *fuzzOp) upsert(t *fuzzTable) *fuzzConflict {
	key := []int{0, 1}[:t.keys]
	switch {
	case op.Form == 0:
		return &fuzzConflict{nothing: true}
	case op.Form == 1 && t.unique >= 0:
		return &fuzzConflict{nothing: true, target: []int{t.unique}}
	case op.Form == 1:
		return &fuzzConflict{nothing: true, target: key}
	case op.Form == 7 && len(op.Rows) == 1:
		return &fuzzConflict{nothing: true, ignore: true}
	case len(op.Sets) == 0 || op.Form == 2:
		return &fuzzConflict{all: true, target: key}
	case op.Form == 6 && len(op.Rows) == 1:
		return &fuzzConflict{sets: op.Sets, target: key, where: &op.Cond.A}
	case op.Form >= 5 && t.unique >= 0:
		return &fuzzConflict{sets: op.Sets, target: []int{t.unique}}
	}
	return &fuzzConflict{sets: op.Sets, target: key}
}

// keyHolds reports whether the keys of the call name a row, and whether there are such keys.
func (op *fuzzOp) keyHolds(t *fuzzTable, update bool) (holds func(fuzzRow) bool, named bool) {
	parts := func(key, r fuzzRow) bool { // an update ignores zero parts of a key
		for c := range t.keys {
			if r[c] != key[c] && (!update || key[c] != 0) {
				return false
			}
		}
		return true
	}
	var keys []fuzzRow
	for _, r := range op.Rows {
		if t.key(r) != (fuzzKey{}) {
			keys = append(keys, r)
		}
	}
	if update && len(op.Rows) > 1 {
		if t.key(op.Rows[len(op.Rows)-1]) == (fuzzKey{}) {
			keys = nil // GORM only looks at the last row to decide whether there are keys
		}
		update = false
	}
	return func(r fuzzRow) bool {
		for _, key := range keys {
			if parts(key, r) {
				return true
			}
		}
		return len(keys) == 0
	}, len(keys) > 0
}

// known returns the condition of the call, with the result of the subquery in its place.
func (w *fuzzWorld) known(op *fuzzOp) fuzzCond {
	cond := op.Cond
	if cond.Form == 5 {
		cond.A.Value = 0
		for _, r := range w.rows[op.Table] {
			cond.A.Value = max(cond.A.Value, r[cond.A.Column])
		}
	}
	return cond
}

// changeRows predicts an update of the rows that the call names by key and condition.
func (w *fuzzWorld) changeRows(op *fuzzOp, sets []fuzzSet) error {
	t := w.tables[op.Table]
	if len(sets) == 0 && (!t.times || op.Mode == fuzzSilent) {
		return nil
	}
	keyed, named := op.keyHolds(t, true)
	if !named && op.Cond.Form == 0 && op.Pick < 6 {
		return errFuzzSQL
	}
	all := op.Pick%2 == 1 || op.Kind == fuzzRestore
	cond := w.known(op)
	return w.update(op.Table, func(r fuzzRow) bool {
		return cond.holds(r, keyed(r), t.soft >= 0 && !all) && (all || t.live(r))
	}, sets)
}

func (w *fuzzWorld) predictUpdate(op *fuzzOp) error {
	var sets []fuzzSet
	for i, set := range op.Sets {
		switch op.updateForm() {
		case 1, 7: // of a struct, GORM assigns only values that are not zero
			if set.Value != 0 {
				sets = append(sets, fuzzSet{Column: set.Column, Value: set.Value})
			}
		case 3:
			sets = append(sets, fuzzSet{Column: set.Column, Value: set.Value})
		case 4:
			if i > 0 {
				sets = append(sets, set)
			}
		case 6:
			if i == 0 {
				sets = append(sets, set)
			}
		default:
			sets = append(sets, set)
		}
	}
	return w.changeRows(op, sets)
}

func (w *fuzzWorld) predictDelete(op *fuzzOp) error {
	t := w.tables[op.Table]
	keyed, named := op.keyHolds(t, false)
	byKey := op.removeForm(t) == 1
	if byKey { // Delete(&T{}, keys) is a condition, also with zero keys
		named = true
		keyed = func(r fuzzRow) bool {
			for _, key := range op.Rows {
				if key[0] == r[0] {
					return true
				}
			}
			return false
		}
	}
	if !named && op.Cond.Form == 0 && op.Pick < 6 {
		return errFuzzSQL
	}
	all := op.Pick%2 == 1
	cond := w.known(op)
	return w.erase(op.Table, func(r fuzzRow) bool {
		return cond.holds(r, keyed(r), false) && (all || t.live(r))
	}, t.soft >= 0 && !all, nil)
}

func (w *fuzzWorld) predictFirst(op *fuzzOp) error {
	t := w.tables[op.Table]
	where, attrs, assigns := op.firstParts()
	found := w.matching(op.Table, func(r fuzzRow) bool { return r[where.Column] == where.Value && t.live(r) })
	if len(found) == 0 {
		var row fuzzRow
		row[where.Column] = where.Value
		for _, set := range []*fuzzSet{attrs, assigns} {
			if set != nil {
				row[set.Column] = set.Value
			}
		}
		return w.insert(op.Table, []*fuzzRow{&row}, nil, nil, nil, nil)
	}
	if assigns == nil {
		return nil
	}
	first := func(r fuzzRow) bool { return t.key(r) == found[0] }
	return w.update(op.Table, first, fuzzAssign(assigns.Column, assigns.Value))
}
