package signals

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// resolveConflicts finds out, for an INSERT with ON CONFLICT, which rows are stored already: they are updated or skipped,
// not created.
func (w *write) resolveConflicts() error {
	if !w.conflicting {
		return nil
	}
	conflict, _ := w.conflict()
	if conflict.UpdateAll || len(conflict.DoUpdates) > 0 {
		w.upserts(conflict)
	}
	skips := conflict.DoNothing || len(w.written) == 0
	targets := w.conflictTargets(conflict)
	ids := w.conflictIDs(targets)
	if w.loaded && ids == w.conflicts {
		return nil
	}
	w.conflicts = ids
	stored, err := w.readConflicts(targets, skips)
	if err != nil {
		return err
	}
	w.loaded = true
	seen := map[string]*row{} // earlier rows of the same statement
	association := isAssociation(w.stmt)
	for i := range w.rows {
		r := &w.rows[i]
		ids := w.rowIDs(r, targets)
		r.created, r.silent, r.original = true, false, nil
		for _, id := range ids {
			if found, ok := stored[id]; ok {
				r.created, r.original = false, found.Addr().Interface()
				break
			}
			if earlier := seen[id]; earlier != nil {
				r.created, r.original = false, earlier.instance
				break
			}
		}
		if !r.created {
			r.silent = skips || (association && !w.touches(r))
		}
		if !r.silent {
			for _, id := range ids {
				seen[id] = r
			}
		}
	}
	return nil
}

// resolveAgain forgets what was found out, and looks at what is stored now.
func (w *write) resolveAgain() error {
	w.conflicts, w.loaded = "", false
	return w.resolveConflicts()
}

// rowIDs identifies a row by every target that it can conflict on.
func (w *write) rowIDs(r *row, targets []constraint) []string {
	var ids []string
	for t, on := range targets {
		if id, can := w.conflictID(t, on, r.value()); can {
			ids = append(ids, id)
		}
	}
	return ids
}

// conflict returns what the INSERT does about rows that are stored already. INSERT OR IGNORE and INSERT OR REPLACE say it
// in their own way.
func (w *write) conflict() (clause.OnConflict, bool) {
	if w.race != nil {
		return w.race.conflict, true
	}
	if conflict, ok := w.stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok {
		return conflict, true
	}
	insert, _ := w.stmt.Clauses["INSERT"].Expression.(clause.Insert)
	modifier := strings.ToUpper(insert.Modifier)
	switch {
	case strings.Contains(modifier, "IGNORE"):
		return clause.OnConflict{DoNothing: true}, true
	case strings.Contains(modifier, "REPLACE"):
		return clause.OnConflict{DoUpdates: clause.AssignmentColumns(w.schema.DBNames)}, true
	}
	return clause.OnConflict{}, false
}

// upserts notes which columns of a stored row an upsert changes, the way GORM works it out for UpdateAll.
func (w *write) upserts(conflict clause.OnConflict) {
	w.written, w.computed = map[*schema.Field]bool{}, map[*schema.Field]bool{}
	if conflict.UpdateAll {
		selected, restricted := w.stmt.SelectAndOmitColumns(true, true)
		for _, column := range w.schema.DBNames {
			f := w.schema.FieldsByDBName[column]
			v, ok := selected[column]
			inserted := !f.HasDefaultValue || f.DefaultValueInterface != nil || strings.EqualFold(f.DefaultValue, "NULL")
			if ((ok && v) || (!ok && !restricted)) && !f.PrimaryKey && f.AutoCreateTime == 0 && inserted {
				w.written[f] = true
			}
		}
	}
	for _, a := range conflict.DoUpdates {
		if f := w.schema.LookUpField(a.Column.Name); f != nil {
			w.written[f] = true
			if from, ok := a.Value.(clause.Column); ok && from.Table == "excluded" {
				continue
			}
			w.computed[f] = true
		}
	}
	var fields []*schema.Field
	for _, column := range w.schema.DBNames {
		if f := w.schema.FieldsByDBName[column]; w.written[f] && f.AutoUpdateTime == 0 {
			fields = append(fields, f)
		}
	}
	w.fields = w.model.Names(fields)
}

// constraint is a set of columns that a row can conflict on.
type constraint struct {
	fields []*schema.Field
	where  []clause.Expression // of a partial index: the rows that it holds
}

// conflictTargets returns what a row can conflict on.
func (w *write) conflictTargets(conflict clause.OnConflict) []constraint {
	var targets []constraint
	if len(w.schema.PrimaryFields) > 0 {
		targets = append(targets, constraint{fields: w.schema.PrimaryFields})
	}
	anyUnique := w.db.Name() == "mysql" || conflict.OnConstraint != ""
	switch {
	case len(conflict.Columns) > 0 && !anyUnique:
		named := constraint{where: conflict.TargetWhere.Exprs}
		for _, c := range conflict.Columns {
			if f := w.schema.LookUpField(c.Name); f != nil {
				named.fields = append(named.fields, f)
			}
		}
		return unforeseen([]constraint{named}, conflict)
	case conflict.UpdateAll && !anyUnique:
		return targets // GORM names the primary key
	}
	return unforeseen(append(targets, w.plan.unique...), conflict)
}

// uniqueIndexes returns the unique columns and indexes that a model declares. GORM writes into the schema while it reads them.
func uniqueIndexes(model *schema.Schema) []constraint {
	var all []constraint
	for _, f := range model.Fields {
		if f.Unique && f.DBName != "" {
			all = append(all, constraint{fields: []*schema.Field{f}})
		}
	}
	for _, index := range model.ParseIndexes() {
		if !strings.EqualFold(index.Class, "UNIQUE") {
			continue
		}
		var t constraint
		for _, option := range index.Fields {
			t.fields = append(t.fields, option.Field)
		}
		if index.Where != "" {
			t.where = []clause.Expression{clause.Expr{SQL: index.Where}}
		}
		all = append(all, t)
	}
	return all
}

// unforeseen leaves out partial indexes where a conflict means that nothing is written: whether they hold the new row only the
// database knows, and it will say so.
func unforeseen(targets []constraint, conflict clause.OnConflict) []constraint {
	if !conflict.DoNothing {
		return targets
	}
	return slices.DeleteFunc(targets, func(t constraint) bool { return len(t.where) > 0 })
}

// conflictID identifies a row by a target's values. A row without a value, or with a key that the database is to
// generate, conflicts with none.
func (w *write) conflictID(t int, on constraint, v reflect.Value) (id string, can bool) {
	values, _ := rows.ValuesOf(w.stmt.Context, on.fields, v)
	for i, f := range on.fields {
		if rows.Null(values[i]) || (f.AutoIncrement && !rows.Valued(w.stmt.Context, f, v)) {
			return "", false
		}
		if f.HasDefaultValue && f.DefaultValueInterface == nil && !rows.Valued(w.stmt.Context, f, v) {
			return "", false
		}
	}
	return string(rune('a'+t)) + rows.Identity(values), len(on.fields) > 0
}

// conflictIDs joins what all rows can conflict on.
func (w *write) conflictIDs(targets []constraint) string {
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
func (w *write) readConflicts(targets []constraint, skips bool) (map[string]reflect.Value, error) {
	stored := map[string]reflect.Value{}
	for t := range targets {
		asked := map[string][]any{}
		var all [][]any
		for i := range w.rows {
			if id, can := w.conflictID(t, targets[t], w.rows[i].value()); can && asked[id] == nil {
				asked[id], _ = rows.ValuesOf(w.stmt.Context, targets[t].fields, w.rows[i].value())
				all = append(all, asked[id])
			}
		}
		found, err := w.findConflicts(targets[t], all, skips)
		if err != nil {
			return nil, err
		}
		unknown := false
		for _, row := range found {
			id, _ := w.conflictID(t, targets[t], row)
			_, known := asked[id]
			unknown = unknown || !known
			stored[id] = row
		}
		for id, values := range asked {
			if stored[id].IsValid() || !unknown {
				continue
			}
			// The database takes values as equal that Go does not: texts without regard to case, numbers as texts.
			found, err := w.findConflicts(targets[t], [][]any{values}, skips)
			if err != nil {
				return nil, err
			}
			if len(found) > 0 {
				stored[id] = found[0]
			}
		}
	}
	return stored, nil
}

// findConflicts reads the stored rows with one of the values, and keeps them from going. Where the database locks gaps, rows that are
// not there must not be locked, unless it is known that they are: then the latest is what counts.
func (w *write) findConflicts(t constraint, values [][]any, skips bool) ([]reflect.Value, error) {
	var found []reflect.Value
	read := func(values [][]any, lock bool) error {
		found = nil
		q := rows.Query{Where: t.where, Lock: lock && w.lockable(), Share: skips}
		return w.findIn(t.fields, values, q, func(stored reflect.Value) { found = append(found, stored) })
	}
	lost := w.race != nil
	// PostgreSQL tells of slices afterwards; locks in another order than that of the slice could wait for each other.
	lockAll := lost || (!w.locksGaps() && (skips || len(w.rows) == 1))
	if err := read(values, lockAll); err != nil || len(found) == 0 || lost || !w.locksGaps() {
		return found, err
	}
	there := make([][]any, len(found))
	for i, v := range found {
		there[i], _ = rows.ValuesOf(w.stmt.Context, t.fields, v)
	}
	err := read(there, true)
	return found, err
}

// isAssociation reports whether a statement was made by GORM to save the associations of another one, which marks it with
// the structs it has saved.
func isAssociation(stmt *gorm.Statement) bool {
	_, ok := stmt.Settings.Load("gorm:saved_association_map")
	return ok
}

// touches reports whether an upsert changes anything of a stored row.
func (w *write) touches(r *row) bool {
	for f := range w.written {
		if f.AutoUpdateTime > 0 || r.fieldChanged(w.stmt.Context, f) {
			return true
		}
	}
	return false
}
