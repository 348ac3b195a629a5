package writes

import (
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/rows"
)

// watchSet makes GORM show the write what the UPDATE of a Save assigns. Another callback that sets the clause later replaces that.
func (w *save) watchSet() {
	if _, given := w.stmt.Clauses["UPDATE"]; !given {
		w.stmt.Clauses["UPDATE"] = clause.Clause{Name: "UPDATE", Expression: w}
	}
}

func (w *save) unwatchSet() {
	if by, ok := w.stmt.Clauses["UPDATE"].Expression.(*save); ok && by == w {
		delete(w.stmt.Clauses, "UPDATE")
	}
}

// Build writes the clause UPDATE of a Save, and notes the assignments that GORM has added by then.
func (w *save) Build(b clause.Builder) {
	if b == clause.Builder(w.stmt) { // sessions that are derived from the statement inherit its clauses
		w.set, _ = w.stmt.Clauses["SET"].Expression.(clause.Set)
	}
	clause.Update{}.Build(b)
}

// showSaved makes the row of a Save a copy if the stored row differs from the caller's struct. Other callbacks and field types may assign expressions
// and values of their own, and leave columns out.
func (w *save) showSaved() error {
	if w.set == nil || !w.loaded || w.rows[0].Original == nil {
		return nil
	}
	values, plain := 0, true
	for _, a := range w.set {
		plain = plain && !computes(a.Value)
		values++
	}
	for _, f := range w.model.Columns {
		if f.Updatable && !f.PrimaryKey {
			values--
		}
	}
	generated := w.model.Computed && w.model.HasAllColumns(w.stmt)
	if plain && values == 0 && !generated {
		return nil
	}
	return w.copySaved(generated)
}

func (w *save) copySaved(generated bool) error {
	ctx, r := w.stmt.Context, &w.rows[0]
	v := w.model.Clone(ctx, r.Value()).Elem()
	var computed []*schema.Field
	for _, f := range w.model.Columns {
		at := slices.IndexFunc(w.set, func(a clause.Assignment) bool { return w.schema.LookUpField(a.Column.Name) == f })
		switch {
		case f.PrimaryKey || !f.Readable:
		case at >= 0 && computes(w.set[at].Value), generated && !f.Updatable && !f.Creatable:
			computed = append(computed, f)
		case at >= 0:
			rows.Assign(ctx, f, v, w.set[at].Value)
		case f.Updatable: // left out
			rows.Copy(ctx, f, v, w.rows[0].Stored())
		}
	}
	if len(computed) > 0 {
		stored, err := w.readKeys((*change.Row).Value, false)
		if err != nil {
			return err
		}
		if found, ok := stored[w.model.Identity(ctx, r.Value())]; ok {
			for _, f := range computed {
				rows.Copy(ctx, f, v, found)
			}
		}
	}
	r.Instance = v.Addr().Interface()
	return nil
}
