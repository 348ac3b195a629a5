package fuzzwrites_test

import (
	"context"

	"gorm.io/gorm"
)

// Forms of a Save that writes some columns only.
const (
	fuzzSaveWhole = iota
	fuzzSaveOmit
	fuzzSaveSelect
	fuzzSaveWhere
)

// saveForm returns the form of a Save of one struct, by the column of the first assignment or by the condition.
func (op *fuzzOp) saveForm(t *fuzzTable) int {
	form := op.Pick / 2
	switch {
	case len(op.Rows) != 1 || op.Form%4 != 0:
		return fuzzSaveWhole
	case form == fuzzSaveWhere:
		return form
	case len(op.Sets) == 0 || len(t.columns)-t.keys < 2:
		return fuzzSaveWhole
	}
	return form
}

func (op *fuzzOp) save(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	if op.Pick%2 == 1 {
		db = db.Unscoped()
	}
	dest := op.values(t, op.Form%4)
	switch op.saveForm(t) {
	case fuzzSaveOmit:
		db = db.Omit(t.fields[op.Sets[0].Column])
	case fuzzSaveSelect:
		db = db.Select(t.fields[op.Sets[0].Column])
	case fuzzSaveWhere:
		db = db.Where(op.Cond.A.sql(t))
	}
	return db.Save(dest), dest
}

// generic reports whether the call is made through gorm.G.
func (op *fuzzOp) generic() bool {
	if op.Mode != fuzzGeneric {
		return false
	}
	switch op.Kind {
	case fuzzCreate:
		return op.Form == 0 && len(op.Rows) == 1 && op.Pick == 0
	case fuzzUpdate:
		return (op.updateForm() == 1 || op.updateForm() == 2) && len(op.Rows) == 0 && op.Pick == 0 && op.Cond.Form%5 > 0
	case fuzzDelete:
		return len(op.Rows) == 0 && op.Pick == 0 && op.Cond.Form%5 > 0
	default:
		return false
	}
}

func (fuzzKitOf[T, P]) generic(db *gorm.DB, op *fuzzOp, t *fuzzTable) (affected int64, err error) {
	ctx, value := context.Background(), new(T)
	if op.Kind == fuzzCreate {
		P(value).fill(op.Rows[0])
		return 0, gorm.G[T](db).Create(ctx, value)
	}
	a, x := op.Cond.A.sql(t)
	b, y := op.Cond.B.sql(t)
	chain := gorm.G[T](db).Where(a, x)
	switch op.Cond.Form {
	case 2:
		chain = chain.Or(b, y)
	case 3:
		chain = chain.Where(b, y)
	case 4:
		chain = gorm.G[T](db).Where(a+" OR "+b, x, y)
	}
	var n int
	switch {
	case op.Kind == fuzzDelete:
		n, err = chain.Delete(ctx)
	case op.updateForm() == 1:
		var r fuzzRow
		for _, set := range op.Sets {
			r[set.Column] = set.Value
		}
		P(value).fill(r)
		n, err = chain.Updates(ctx, *value)
	default:
		for name, assigned := range op.assigned(t) {
			n, err = chain.Update(ctx, name, assigned)
		}
	}
	return int64(n), err
}

// returns reports whether an update or delete by condition returns the written rows.
func (op *fuzzOp) returns() bool {
	return (op.Kind == fuzzUpdate || op.Kind == fuzzDelete) && len(op.Rows) == 0 && op.Pick == 4 && !op.generic()
}

// keeps reports whether the model knows what the call leaves in the caller's structs.
func (op *fuzzOp) keeps() bool {
	switch op.Kind {
	case fuzzCreate:
		return !op.generic()
	case fuzzSave:
		return op.Pick/2 == fuzzSaveWhole || op.Pick/2 == fuzzSaveWhere
	default:
		return op.Kind == fuzzUpsert
	}
}

// rows reads a *T, *[]T, *[]*T or []T.
func (fuzzKitOf[T, P]) rows(dest any) []fuzzRow {
	switch dest := dest.(type) {
	case *T:
		return []fuzzRow{P(dest).row()}
	case *[]T:
		return fuzzRowsOf[T, P](*dest)
	case []T:
		return fuzzRowsOf[T, P](dest)
	case *[]*T:
		rows := make([]fuzzRow, len(*dest))
		for i, v := range *dest {
			rows[i] = P(v).row()
		}
		return rows
	}
	return nil
}

func fuzzRowsOf[T any, P fuzzStruct[T]](values []T) []fuzzRow {
	rows := make([]fuzzRow, len(values))
	for i := range values {
		rows[i] = P(&values[i]).row()
	}
	return rows
}

func (op *fuzzOp) first(db *gorm.DB, t *fuzzTable) (*gorm.DB, any) {
	dest := t.kit.one(fuzzRow{})
	where, attrs, assigns := op.firstParts()
	db = db.Where(map[string]any{t.columns[where.Column]: t.value(where.Column, where.Value)})
	if attrs != nil {
		db = db.Attrs(map[string]any{t.columns[attrs.Column]: t.value(attrs.Column, attrs.Value)})
	}
	if assigns != nil {
		db = db.Assign(map[string]any{t.columns[assigns.Column]: t.value(assigns.Column, assigns.Value)})
	}
	return db.FirstOrCreate(dest), dest
}

// firstParts returns the conditions and the assignments of FirstOrCreate.
func (op *fuzzOp) firstParts() (where fuzzSet, attrs, assigns *fuzzSet) {
	where = fuzzSet{Column: max(op.Cond.A.Column, 1), Value: op.Cond.A.Value}
	if len(op.Sets) > 0 && op.Form%2 == 1 {
		attrs = &op.Sets[0]
	}
	if len(op.Sets) > 1 || (len(op.Sets) > 0 && op.Form%2 == 0) {
		assigns = &op.Sets[len(op.Sets)-1]
	}
	return where, attrs, assigns
}
