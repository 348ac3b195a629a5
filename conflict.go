package signals

import (
	"reflect"
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
	stored, err := w.readConflicts(targets)
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

// rowIDs identifies a row by every target that it can conflict on.
func (w *write) rowIDs(r *row, targets [][]*schema.Field) []string {
	var ids []string
	for t, target := range targets {
		if id, can := w.conflictID(t, target, r.value()); can {
			ids = append(ids, id)
		}
	}
	return ids
}

// conflict returns what the INSERT does about rows that are stored already. INSERT OR IGNORE and INSERT OR REPLACE say it
// in their own way.
func (w *write) conflict() (clause.OnConflict, bool) {
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
	w.fields = names(fields)
}

// conflictTargets returns the sets of columns that a row can conflict on.
func (w *write) conflictTargets(conflict clause.OnConflict) [][]*schema.Field {
	var targets [][]*schema.Field
	if len(w.schema.PrimaryFields) > 0 {
		targets = append(targets, w.schema.PrimaryFields)
	}
	anyUnique := w.db.Name() == "mysql" || conflict.OnConstraint != ""
	switch {
	case len(conflict.Columns) > 0 && !anyUnique:
		var target []*schema.Field
		for _, c := range conflict.Columns {
			if f := w.schema.LookUpField(c.Name); f != nil {
				target = append(target, f)
			}
		}
		return [][]*schema.Field{target}
	case conflict.UpdateAll && !anyUnique:
		return targets // GORM names the primary key
	}
	for _, f := range w.schema.Fields {
		if f.Unique && f.DBName != "" {
			targets = append(targets, []*schema.Field{f})
		}
	}
	for _, index := range w.schema.ParseIndexes() {
		if !strings.EqualFold(index.Class, "UNIQUE") {
			continue
		}
		var target []*schema.Field
		for _, option := range index.Fields {
			target = append(target, option.Field)
		}
		targets = append(targets, target)
	}
	return targets
}

// conflictID identifies a row by a target's values. A row without a value, or with a key that the database is to
// generate, conflicts with none.
func (w *write) conflictID(t int, target []*schema.Field, v reflect.Value) (id string, can bool) {
	values, _ := rows.ValuesOf(w.stmt.Context, target, v)
	for i, f := range target {
		if rows.Null(values[i]) || (f.AutoIncrement && !rows.Valued(w.stmt.Context, f, v)) {
			return "", false
		}
		if f.HasDefaultValue && f.DefaultValueInterface == nil && !rows.Valued(w.stmt.Context, f, v) {
			return "", false
		}
	}
	return string(rune('a'+t)) + rows.Identity(values), len(target) > 0
}

// conflictIDs joins what all rows can conflict on.
func (w *write) conflictIDs(targets [][]*schema.Field) string {
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
func (w *write) readConflicts(targets [][]*schema.Field) (map[string]reflect.Value, error) {
	stored := map[string]reflect.Value{}
	for t, target := range targets {
		var values [][]any
		asked := map[string]bool{}
		for i := range w.rows {
			if id, can := w.conflictID(t, target, w.rows[i].value()); can {
				v, _ := rows.ValuesOf(w.stmt.Context, target, w.rows[i].value())
				values, asked[id] = append(values, v), true
			}
		}
		err := w.findIn(target, values, false, func(row reflect.Value) {
			if id, ok := w.conflictID(t, target, row); ok {
				stored[w.askedFor(asked, id)] = row
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// askedFor returns the id under which a found row was asked for: databases may take texts as equal that Go does not.
func (w *write) askedFor(asked map[string]bool, id string) string {
	if asked[id] {
		return id
	}
	for other := range asked {
		if strings.EqualFold(other, id) || (len(asked) == 1 && other[0] == id[0]) {
			return other
		}
	}
	return id
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
