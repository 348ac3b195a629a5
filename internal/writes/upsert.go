package writes

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// resolveConflicts finds out which rows of an INSERT with ON CONFLICT are stored already. These are updated or skipped, not created.
func (w *insert) resolveConflicts() error {
	if !w.conflicting {
		return nil
	}
	conflict, _ := w.conflict()
	if conflict.UpdateAll || len(conflict.DoUpdates) > 0 {
		w.upsert = w.upsertOf(conflict, w.inserts)
		if w.goesOn != nil && w.inserts == nil { // a Save without Omit names all
			w.fields = nil
		}
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
	w.loaded, w.looked = true, w.statements()
	*w.facts = w.insertFacts(&w.upsert)
	w.matchConflicts(stored, targets, skips)
	return nil
}

// matchConflicts sets what each row is: new, the next state of a stored row or of an earlier row of the same statement, or skipped.
func (w *insert) matchConflicts(stored map[string]reflect.Value, targets []relations.Constraint, skips bool) {
	seen := map[string]int{} // earlier rows of the same statement
	w.follows = nil
	association := isAssociation(w.stmt)
	for i := range w.rows {
		r := &w.rows[i]
		ids := w.rowIDs(r, targets)
		r.Created, r.Silent, r.Original = true, false, nil
		for _, id := range ids {
			if earlier, ok := seen[id]; ok {
				r.Created = false
				w.follow(i, earlier)
				break
			}
			if found, ok := stored[id]; ok {
				r.Created, r.Original = false, found.Addr().Interface()
				break
			}
		}
		if !r.Created {
			r.Silent = skips || (association && !w.touches(r))
		}
		if !r.Silent {
			for _, id := range ids {
				seen[id] = i
			}
		}
	}
}

// follow sets the original of a later row to the row that an earlier row of the statement leaves in the table.
func (w *insert) follow(later, earlier int) {
	if w.follows == nil {
		w.follows = map[int]int{}
	}
	w.follows[later] = earlier
	if e := &w.rows[earlier]; e.Silent { // it is not written
		w.rows[later].Created, w.rows[later].Original = e.Created, e.Original
		return
	}
	w.rows[later].Original = w.leaves(&w.rows[earlier])
}

// refollow repeats follow: receivers of pre_save or GORM may have changed the earlier rows, or the database has skipped them.
func (w *insert) refollow() {
	for later := range w.rows {
		if earlier, ok := w.follows[later]; ok {
			w.follow(later, earlier)
		}
	}
}

// leaves returns the row that is stored after an upsert of r. It shares no memory with r.
func (w *insert) leaves(r *change.Row) any {
	ctx := w.stmt.Context
	if r.Created || r.Original == nil {
		return w.model.Clone(ctx, r.Value()).Interface()
	}
	left := w.model.Clone(ctx, reflect.ValueOf(r.Original).Elem())
	for f := range w.written {
		if !w.computed[f] {
			rows.Copy(ctx, f, left.Elem(), r.Value())
		}
	}
	return left.Interface()
}

// resolveAgain resolves the conflicts again, with the rows that are stored now.
func (w *insert) resolveAgain() error {
	w.conflicts, w.loaded = "", false
	return w.resolveConflicts()
}

// rowIDs returns an id of a row for each target that it can conflict on.
func (w *insert) rowIDs(r *change.Row, targets []relations.Constraint) []string {
	var ids []string
	for t, on := range targets {
		if id, can := w.conflictID(t, on, r.Value()); can {
			ids = append(ids, id)
		}
	}
	return ids
}

// conflict returns the conflict clause of the INSERT. For INSERT OR IGNORE and INSERT OR REPLACE it returns one with the same meaning.
func (w *insert) conflict() (clause.OnConflict, bool) {
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

// upsertOf finds out which columns of a stored row an upsert changes. For UpdateAll it repeats what GORM does.
func (w *write) upsertOf(conflict clause.OnConflict, inserts []string) upsert {
	u := upsert{inserts: inserts, written: map[*schema.Field]bool{}, computed: map[*schema.Field]bool{}}
	if conflict.UpdateAll {
		selected, restricted := w.stmt.SelectAndOmitColumns(true, true)
		for _, f := range w.model.Columns {
			v, ok := selected[f.DBName]
			inserted := !f.HasDefaultValue || f.DefaultValueInterface != nil || strings.EqualFold(f.DefaultValue, "NULL")
			if ((ok && v) || (!ok && !restricted)) && !f.PrimaryKey && f.AutoCreateTime == 0 && inserted {
				u.written[f] = true
			}
		}
	}
	for _, a := range conflict.DoUpdates {
		if f := w.schema.LookUpField(a.Column.Name); f != nil {
			u.written[f] = true
			from, ok := a.Value.(clause.Column)
			own := ok && from.Table == "excluded" && w.schema.LookUpField(from.Name) == f && (inserts == nil || slices.Contains(inserts, w.model.Name(f)))
			if !own { // the row of the write does not have the value
				u.computed[f] = true
			}
		}
	}
	var fields []*schema.Field
	for _, f := range w.model.Columns {
		if u.written[f] && f.AutoUpdateTime == 0 {
			fields = append(fields, f)
		}
	}
	u.fields = w.model.Names(fields)
	return u
}

// conflictTargets returns the constraints that a row can conflict on.
func (w *insert) conflictTargets(conflict clause.OnConflict) []relations.Constraint {
	var targets []relations.Constraint
	if len(w.schema.PrimaryFields) > 0 {
		targets = append(targets, relations.Constraint{Fields: w.schema.PrimaryFields})
	}
	anyUnique := w.dialect().ConflictsOnAny() || conflict.OnConstraint != ""
	switch {
	case len(conflict.Columns) > 0 && !anyUnique:
		named := relations.Constraint{Where: conflict.TargetWhere.Exprs}
		for _, c := range conflict.Columns {
			if f := w.schema.LookUpField(c.Name); f != nil {
				named.Fields = append(named.Fields, f)
			}
		}
		return unforeseen([]relations.Constraint{named}, conflict)
	case conflict.UpdateAll && !anyUnique:
		return targets // GORM names the primary key
	}
	return unforeseen(append(targets, w.plan.Unique...), conflict)
}

// unforeseen leaves out partial indexes if a conflict means that nothing is written. Only the database knows whether such an index holds the new row,
// and the number of written rows will show it.
func unforeseen(targets []relations.Constraint, conflict clause.OnConflict) []relations.Constraint {
	if !conflict.DoNothing {
		return targets
	}
	return slices.DeleteFunc(targets, func(t relations.Constraint) bool { return len(t.Where) > 0 })
}

// conflictID returns an id of a row by a target's values. A row conflicts with none if a value is NULL or a key that the database is to generate.
func (w *insert) conflictID(t int, on relations.Constraint, v reflect.Value) (id string, can bool) {
	values, _ := rows.ValuesOf(w.stmt.Context, on.Fields, v)
	for i, f := range on.Fields {
		if rows.Null(values[i]) || (generated(f) && !rows.Valued(w.stmt.Context, f, v)) {
			return "", false
		}
	}
	return string(rune('a'+t)) + rows.Identity(values), len(on.Fields) > 0
}

// isAssociation reports whether GORM made a statement to save associations of another one. GORM marks it with the structs that it has saved.
func isAssociation(stmt *gorm.Statement) bool {
	_, ok := stmt.Settings.Load("gorm:saved_association_map")
	return ok
}

// touches reports whether an upsert changes a stored row.
func (w *insert) touches(r *change.Row) bool {
	for f := range w.written {
		if f.AutoUpdateTime > 0 || r.FieldChanged(w.stmt.Context, f) {
			return true
		}
	}
	return false
}

// insertFacts returns the facts of an INSERT, and of the UPDATE of a Save that finds no row.
func (w *write) insertFacts(u *upsert) change.Facts {
	s := w.statementFacts()
	s.Strategy, s.Inserts, s.Fields, s.Written, s.Computed = change.WholeRow{}, u.inserts, u.fields, u.written, u.computed
	if u.written != nil {
		s.Strategy = change.Upserted{}
	}
	return s
}
