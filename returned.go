package signals

import (
	"reflect"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// GORM writes what an INSERT returns into the structs of a slice from the first one on. When the database skips rows it returns fewer,
// and the keys of those that it wrote then stand in the structs of others:
// https://github.com/go-gorm/gorm/blob/v1.31.2/scan.go#L274-L297

// returned is what a write keeps of an INSERT that may return fewer rows than it has.
type returned struct {
	before reflect.Value   // a slice of the rows as they were
	fields []*schema.Field // what the INSERT returns
	asked  bool            // by the caller, and not only what the database generates
}

// keepReturned runs right before an INSERT. Rows with a key of their own need nothing of this.
func (w *write) keepReturned() {
	conflict, _ := w.conflict()
	if !conflict.DoNothing && len(conflict.Where.Exprs) == 0 {
		return
	}
	if len(w.rows) < 2 || !w.returns() {
		return
	}
	before := reflect.MakeSlice(reflect.SliceOf(w.schema.ModelType), len(w.rows), len(w.rows))
	for i := range w.rows {
		v := w.rows[i].value()
		if _, set := w.model.KeyOf(w.stmt.Context, v); set {
			return
		}
		before.Index(i).Set(v)
	}
	w.returned = &returned{before: before, fields: w.schema.FieldsWithDefaultDBValue}
	if c, asked := w.stmt.Clauses["RETURNING"]; asked {
		w.returned.asked, w.returned.fields = true, w.returnedFields(c)
	}
}

// returnedFields returns the fields that a caller asked an INSERT for.
func (w *write) returnedFields(c clause.Clause) []*schema.Field {
	returning, _ := c.Expression.(clause.Returning)
	fields := make([]*schema.Field, 0, len(w.schema.DBNames))
	for _, column := range w.schema.DBNames {
		named := func(c clause.Column) bool {
			return w.schema.LookUpField(c.Name) == w.schema.FieldsByDBName[column] || c.Name == "*"
		}
		if len(returning.Columns) == 0 || slices.ContainsFunc(returning.Columns, named) {
			fields = append(fields, w.schema.FieldsByDBName[column])
		}
	}
	return fields
}

// putBack gives what the INSERT returned to the rows that it belongs to, and silences the others. It reports false when nothing
// was misplaced, or when nobody can tell whose it is.
func (w *write) putBack() (bool, error) {
	n := 0
	for n < len(w.rows) {
		if _, set := w.model.KeyOf(w.stmt.Context, w.rows[n].value()); !set {
			break
		}
		n++
	}
	if n == len(w.rows) {
		return false, nil
	}
	written, err := w.writtenRows(n)
	if err != nil || len(written) != n {
		return false, err
	}
	got := reflect.MakeSlice(w.returned.before.Type(), n, n)
	for i := range n {
		got.Index(i).Set(w.rows[i].value())
	}
	next := 0 // both are in the order of the rows
	for i := range w.rows {
		from := w.returned.before.Index(i)
		if next < n && written[next] == i {
			from = got.Index(next)
			next++
		} else {
			w.rows[i].silent = true
		}
		for _, f := range w.returned.fields {
			rows.Copy(w.stmt.Context, f, from, w.rows[i].value())
		}
	}
	return true, nil
}

// writtenRows returns the indexes of the n rows that the INSERT wrote, whose keys are in the first n structs.
func (w *write) writtenRows(n int) ([]int, error) {
	var expected []int
	for i := range w.rows {
		if !w.rows[i].silent {
			expected = append(expected, i)
		}
	}
	if len(expected) == n || n == 0 {
		return expected[:n], nil
	}
	if w.returned.asked {
		return nil, nil // nothing is left to compare
	}
	keys, ids := make([][]any, n), make([]string, n)
	for i := range n {
		keys[i], _ = w.model.KeyOf(w.stmt.Context, w.rows[i].value())
		ids[i] = w.model.Identity(w.stmt.Context, w.rows[i].value())
	}
	stored, err := w.readKeysOf(keys, rows.Query{})
	if err != nil {
		return nil, err
	}
	given := make(map[*schema.Field]bool, len(w.schema.DBNames))
	for _, column := range w.schema.DBNames {
		f := w.schema.FieldsByDBName[column]
		given[f] = !slices.Contains(w.returned.fields, f)
	}
	var written []int
	for _, i := range expected {
		if len(written) < n && w.became(&w.rows[i], stored[ids[len(written)]], given) {
			written = append(written, i)
		}
	}
	return written, nil
}

// became reports whether a stored row is what an INSERT made of a row, of which these fields were given.
func (w *write) became(r *row, stored reflect.Value, given map[*schema.Field]bool) bool {
	ctx := w.stmt.Context
	switch {
	case !stored.IsValid():
		return false
	case r.original != nil:
		return w.model.Identity(ctx, r.stored()) == w.model.Identity(ctx, stored)
	}
	return !w.differ(ctx, stored, r.value(), given)
}
