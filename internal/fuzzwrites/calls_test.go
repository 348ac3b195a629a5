package fuzzwrites_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

var (
	errFuzzVeto     = errors.New("the receiver refuses")
	errFuzzRollback = errors.New("the script rolls back")
)

// fuzzRun makes the calls of a script on a database, and notes the result of each.
type fuzzRun struct {
	tables  []*fuzzTable
	answers []string
	rows    []fuzzRow // the structs of a Create or Save after the call
}

// call makes one call, or those of a transaction.
func (run *fuzzRun) call(db *gorm.DB, op *fuzzOp) error {
	if op.Kind == fuzzTx {
		return run.block(db, op)
	}
	t := run.tables[op.Table]
	switch op.Mode {
	case fuzzSilent:
		db = db.Session(&gorm.Session{SkipHooks: true})
	case fuzzMuted:
		db = db.WithContext(signals.Mute(context.Background()))
	default:
		db = db.Session(&gorm.Session{})
	}
	if op.generic() {
		affected, err := t.kit.generic(db, op, t)
		return run.answer(affected, nil, err)
	}
	var dest any
	var tx *gorm.DB
	switch op.Kind {
	case fuzzCreateMap:
		tx, dest = op.createMap(db, t)
	case fuzzUpsert:
		dest = op.values(t, op.Pick%2)
		tx = db.Clauses(op.conflict(t)...).Create(dest)
	case fuzzSave:
		tx, dest = op.save(db, t)
	case fuzzUpdate:
		tx, dest = op.update(db, t)
	case fuzzDelete:
		tx, dest = op.remove(db, t)
	case fuzzRestore:
		tx, dest = op.restore(db, t)
	case fuzzFirst:
		tx, dest = op.first(db, t)
	case fuzzAssociate:
		return run.answer(op.associate(db))
	case fuzzRekey:
		tx, dest = op.rekey(db, t)
	default:
		tx, dest = op.create(db, t)
	}
	if op.returns() {
		rows := t.kit.rows(dest) // the order of the rows is not defined
		slices.SortFunc(rows, func(a, b fuzzRow) int { return slices.Compare(a[:], b[:]) })
		dest = rows
	}
	if run.rows = nil; op.Kind == fuzzCreate || op.Kind == fuzzUpsert || op.Kind == fuzzSave {
		run.rows = t.kit.rows(dest)
	}
	return run.answer(tx.RowsAffected, dest, tx.Error)
}

func (run *fuzzRun) answer(affected int64, dest any, err error) error {
	text, encoding := json.Marshal(dest)
	run.answers = append(run.answers, fmt.Sprintln(err, affected, string(text), encoding))
	return err
}

// block runs calls in a transaction, or in a savepoint inside one, up to the first one that fails.
func (run *fuzzRun) block(db *gorm.DB, op *fuzzOp) error {
	err := db.Transaction(func(tx *gorm.DB) error {
		for i := range op.Ops {
			if err := run.call(tx, &op.Ops[i]); err != nil {
				return err
			}
		}
		if op.rollsBack() {
			return errFuzzRollback
		}
		return nil
	})
	if op.forgives() {
		return nil
	}
	return err
}

func (op *fuzzOp) rollsBack() bool { return op.Form%2 == 1 }
func (op *fuzzOp) forgives() bool  { return op.Form/2%2 == 1 }

// values returns the rows to write: a struct for one row, or a slice.
func (op *fuzzOp) values(t *fuzzTable, form int) any {
	if form == 0 && len(op.Rows) == 1 {
		return t.kit.one(op.Rows[0])
	}
	return t.kit.slice(op.Rows, max(form-1, 0))
}

// picked returns the columns after the key that a Select or Omit names, as fields.
func (op *fuzzOp) picked(t *fuzzTable) []string {
	var names []string
	for _, set := range op.Sets {
		names = append(names, t.fields[set.Column])
	}
	return names
}

func (op *fuzzOp) create(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	dest := op.values(t, op.Form%4)
	if names := op.picked(t); len(names) > 0 {
		switch op.Pick {
		case 1:
			db = db.Select(append(names, t.fields[:t.keys]...))
		case 2:
			db = db.Omit(names...)
		}
	}
	if op.Form >= 4 && len(op.Rows) > 1 {
		return db.CreateInBatches(dest, 2), dest
	}
	return db.Create(dest), dest
}

func (op *fuzzOp) createMap(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	maps := make([]map[string]any, len(op.Rows))
	for i, r := range op.Rows {
		maps[i] = map[string]any{}
		for c := range t.columns {
			switch {
			case t.auto && c == 0 && r[c] == 0:
			case op.Pick%2 == 0:
				maps[i][t.fields[c]] = t.value(c, r[c])
			default:
				maps[i][t.columns[c]] = t.value(c, r[c])
			}
		}
	}
	db = db.Model(t.kit.one(fuzzRow{}))
	switch {
	case len(maps) == 1 && op.Form%2 == 0:
		return db.Create(maps[0]), maps
	case op.Form < 4:
		return db.Create(maps), maps
	}
	return db.Create(&maps), maps
}

// conflict returns the ON CONFLICT clause of an upsert.
func (op *fuzzOp) conflict(t *fuzzTable) []clause.Expression {
	var c clause.OnConflict
	up := op.upsert(t)
	switch {
	case up.all:
		return []clause.Expression{clause.OnConflict{UpdateAll: true}}
	case up.ignore:
		return []clause.Expression{clause.Insert{Modifier: "OR IGNORE"}}
	}
	for _, column := range up.target {
		c.Columns = append(c.Columns, clause.Column{Name: t.columns[column]})
	}
	if c.DoNothing = up.nothing; up.nothing {
		return []clause.Expression{c}
	}
	if up.where != nil {
		text, value := up.where.sql(t)
		c.Where = clause.Where{Exprs: []clause.Expression{gorm.Expr(t.name+"."+text, value)}}
	}
	for _, set := range up.sets {
		name := t.columns[set.Column]
		a := clause.Assignment{Column: clause.Column{Name: name}, Value: clause.Column{Table: "excluded", Name: name}}
		if set.Add {
			a.Value = gorm.Expr(t.name+"."+name+" + ?", set.Value)
		}
		c.DoUpdates = append(c.DoUpdates, a)
	}
	return []clause.Expression{c}
}

// target begins an update or delete of rows by key, by condition, or by both.
func (op *fuzzOp) target(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	if op.Pick%2 == 1 {
		db = db.Unscoped()
	}
	if op.Pick >= 6 {
		db = db.Session(&gorm.Session{AllowGlobalUpdate: true})
	}
	db = op.Cond.on(db, t)
	keys := make([]fuzzRow, len(op.Rows))
	for i, r := range op.Rows {
		copy(keys[i][:t.keys], r[:t.keys])
	}
	if op.returns() {
		db = db.Clauses(clause.Returning{})
	}
	switch len(keys) {
	case 0:
		if op.returns() {
			return db, t.kit.slice(nil, 0)
		}
		return db, t.kit.one(fuzzRow{})
	case 1:
		return db, t.kit.one(keys[0])
	}
	return db, t.kit.slice(keys, op.Pick/2%2)
}

// assigned returns the assignments as a map.
func (op *fuzzOp) assigned(t *fuzzTable) map[string]any {
	values := map[string]any{}
	for i, set := range op.Sets {
		name := t.columns[set.Column]
		switch {
		case set.Add:
			values[name] = gorm.Expr(name+" + ?", set.Value)
		case i == 1:
			values[t.fields[set.Column]] = t.value(set.Column, set.Value)
		default:
			values[name] = t.value(set.Column, set.Value)
		}
	}
	return values
}

func (op *fuzzOp) update(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	db, model := op.target(db, t)
	db = db.Model(model)
	var r fuzzRow
	for _, set := range op.Sets {
		r[set.Column] = set.Value
	}
	switch op.updateForm() {
	case 1:
		return db.Updates(t.kit.one(r)), model
	case 7: // the struct is the model
		copy(r[:t.keys], op.Rows[0][:t.keys])
		model = t.kit.one(r)
		return db.Model(nil).Updates(model), model
	case 2:
		for name, value := range op.assigned(t) {
			return db.Update(name, value), model
		}
	case 3:
		return db.Select(op.picked(t)).Updates(t.kit.one(r)), model
	case 4:
		return db.Omit(t.fields[op.Sets[0].Column]).Updates(op.assigned(t)), model
	case 5:
		return db.UpdateColumns(op.assigned(t)), model
	case 6:
		return db.Select(t.columns[op.Sets[0].Column]).Updates(op.assigned(t)), model
	}
	return db.Updates(op.assigned(t)), model
}

// updateForm returns the variant of an update that is possible with its assignments.
func (op *fuzzOp) updateForm() int {
	switch {
	case op.Form == 2 && len(op.Sets) != 1, op.Form >= 3 && len(op.Sets) == 0, op.Form == 7 && len(op.Rows) != 1:
		return 0
	}
	return op.Form
}

func (op *fuzzOp) remove(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	db, value := op.target(db, t)
	switch op.removeForm(t) {
	case 1:
		keys := make([]int, len(op.Rows))
		for i, r := range op.Rows {
			keys[i] = r[0]
		}
		if len(keys) == 1 {
			return db.Delete(t.kit.one(fuzzRow{}), keys[0]), nil
		}
		return db.Delete(t.kit.one(fuzzRow{}), keys), nil
	case 2:
		return db.Model(value).Delete(t.kit.one(fuzzRow{})), value
	}
	return db.Delete(value), value
}

// removeForm returns how a delete names its rows: by value, by key, or by Model.
func (op *fuzzOp) removeForm(t *fuzzTable) int {
	switch {
	case op.Form%3 == 1 && len(op.Rows) > 0 && t.keys == 1:
		return 1
	case op.Form%3 == 2 && len(op.Rows) == 1:
		return 2
	}
	return 0
}

func (op *fuzzOp) restore(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	db, model := op.target(db.Unscoped(), t)
	if op.Form%2 == 0 {
		return db.Model(model).Update("deleted_at", nil), model
	}
	return db.Model(model).Updates(map[string]any{"DeletedAt": gorm.DeletedAt{}}), model
}

// rekey gives rows other keys.
func (op *fuzzOp) rekey(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	db, model := op.target(db, t)
	return db.Model(model).Update("id", op.newKey()), model
}

func (op *fuzzOp) newKey() int { return op.Form + 1 }
