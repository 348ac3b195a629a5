package conformance

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// step runs one step. It skips a step that is impossible now.
func (s *linkScript) step() {
	s.tb.Helper()
	switch s.byte() % 21 {
	case 0, 1, 2:
		s.perform(s.association("Append"))
	case 3, 4:
		s.perform(s.association("Replace"))
	case 5, 6:
		s.perform(s.association("Delete"))
	case 7:
		s.perform(s.association("Clear"))
	case 8:
		s.perform(s.associations([]string{"Append", "Replace", "Delete", "Clear"}[s.byte()%4]))
	case 9:
		s.perform(s.create())
	case 10:
		s.perform(s.save())
	case 11:
		s.perform(s.updates())
	case 12:
		s.perform(s.destroy())
	case 13, 14:
		s.perform(s.writeJoinRows())
	case 15:
		s.begin()
	case 16:
		s.end(true)
	case 17:
		s.end(false)
	case 18:
		s.savepoint()
	case 19:
		s.rollbackTo()
	case 20:
		s.perform(s.generic())
	}
}

// gone returns the actions with which a method removes links on its own side.
func gone(method string, none bool) []string {
	switch {
	case method == "Clear" || method == "Replace" && none:
		return []string{"clear", "remove"}
	case method == "Append":
		return nil
	}
	return []string{"remove"}
}

// association calls a method of one owner's association.
func (s *linkScript) association(method string) work {
	s.tb.Helper()
	of := s.side()
	w := work{operated: []*side{of}, adds: method == "Append" || method == "Replace", parts: method == "Replace"}
	owner := s.pick(of.owner, of.relation, &w)
	var args []any
	var rows []record
	form := "nothing"
	if method != "Clear" {
		rows = s.others(of)
		if len(rows) == 0 && method == "Delete" && len(of.other.keys) > 1 {
			rows = append(rows, s.fresh(of.other, true)) // GORM builds wrong SQL for an empty list of composite keys
		}
		if method != "Append" {
			s.made = nil // GORM refuses maps there, or panics
		}
		args, form = s.arguments(of.other, rows)
	}
	w.gone = gone(method, len(rows) == 0)
	if method == "Clear" {
		w.gone = []string{"clear"}
	}
	unscoped := s.byte() % 4
	w.text = fmt.Sprintf("Model(%s).Association(%q).%s(%s) with %s%s", show(owner), of.relation, method, show(rows...), form, []string{"", "", ", Unscoped db", ", Unscoped association"}[unscoped])
	w.run = func(db *gorm.DB) error {
		if unscoped == 2 {
			db = db.Unscoped()
		}
		a := db.Model(owner).Association(of.relation)
		if unscoped == 3 {
			a = a.Unscoped()
		}
		return call(a, method, args)
	}
	return w
}

func call(a *gorm.Association, method string, args []any) error {
	switch method {
	case "Append":
		return a.Append(args...)
	case "Replace":
		return a.Replace(args...)
	case "Delete":
		return a.Delete(args...)
	}
	return a.Clear()
}

// associations calls a method of several owners' association: with one argument for each owner, but any arguments for Delete.
func (s *linkScript) associations(method string) work {
	s.tb.Helper()
	of := s.side()
	w := work{operated: []*side{of}, adds: method == "Append" || method == "Replace", parts: true}
	var owners []record
	var args []any
	var all []record
	for range 1 + s.byte()%3 {
		owners = append(owners, s.pick(of.owner, "", &w))
		if method == "Clear" {
			continue
		}
		rows := s.others(of)
		if len(rows) == 0 && method == "Delete" && len(of.other.keys) > 1 {
			rows = append(rows, s.fresh(of.other, true))
		}
		all = append(all, rows...)
		args = append(args, of.other.list(rows, false))
	}
	w.gone = gone(method, len(all) == 0)
	w.text = fmt.Sprintf("Model(%s).Association(%q).%s(%s)", show(owners...), of.relation, method, show(all...))
	w.run = func(db *gorm.DB) error {
		return call(db.Model(of.owner.list(owners, false)).Association(of.relation), method, args)
	}
	return w
}

// generic uses the generic API on the owners with a name.
func (s *linkScript) generic() work {
	s.tb.Helper()
	of := s.side()
	w := work{operated: []*side{of}, parts: true}
	owner := *s.pick(of.owner, "", &w).name()
	op := clause.Association{Association: of.relation}
	switch s.byte() % 3 {
	case 0:
		rows := s.others(of)
		for _, row := range rows {
			op.Values = append(op.Values, row)
		}
		op.Type, w.adds = clause.OpCreate, true
		w.text = show(rows...)
	case 1:
		op.Type, w.mixed = clause.OpUnlink, true // the SQL does not show the side
	case 2:
		other := *s.pick(of.other, "", &w).name()
		op.Type, w.mixed = clause.OpDelete, true
		op.Conditions = []clause.Expression{clause.Eq{Column: clause.Column{Table: of.other.table, Name: "name"}, Value: other}}
		w.text = other
	}
	w.text = fmt.Sprintf("G[%s](%q).Set(%s, %d, %s)", of.owner.name, owner, of.relation, op.Type, w.text)
	w.run = func(db *gorm.DB) error { return of.owner.set(db, owner, op) }
	return w
}

// nested sets rows in the relation of an owner, and sometimes rows in the relations of these.
func (s *linkScript) nested(of *side, owner record, w *work) string {
	s.tb.Helper()
	rows := s.others(of)
	text := show(owner) + " with " + of.relation + " " + show(rows...)
	if back := s.mirror(of); back != nil && len(rows) > 0 && s.byte()%4 == 3 {
		far := s.others(back)
		back.set(rows[0], far)
		w.operated = append(w.operated, back)
		text += ", the first with " + back.relation + " " + show(far...)
	}
	of.set(owner, rows)
	return text
}

// session picks how GORM saves associations.
func (s *linkScript) session(of *side, w *work) (string, func(*gorm.DB) *gorm.DB) {
	switch s.byte() % 8 {
	case 1:
		w.may = append(w.may, gorm.ErrDuplicatedKey) // if one new row is given twice
		return "FullSaveAssociations, ", func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{FullSaveAssociations: true}) }
	case 2:
		w.may = append(w.may, gorm.ErrForeignKeyViolated)
		return "Omit rows, ", func(db *gorm.DB) *gorm.DB { return db.Omit(of.relation + ".*") }
	case 3:
		return "Omit, ", func(db *gorm.DB) *gorm.DB { return db.Omit(of.relation) }
	case 4:
		return "Select, ", func(db *gorm.DB) *gorm.DB { return db.Select("*", of.relation) }
	}
	return "", func(db *gorm.DB) *gorm.DB { return db }
}

// create creates owners with rows in their relation.
func (s *linkScript) create() work {
	s.tb.Helper()
	of := s.side()
	w := work{operated: []*side{of}, adds: true}
	n := 1 + int(s.byte()%3)
	owners, texts := make([]record, n), make([]string, n)
	for i := range owners {
		owners[i] = s.fresh(of.owner, false)
		texts[i] = s.nested(of, owners[i], &w)
	}
	text, session := s.session(of, &w)
	w.text = text + "Create(" + strings.Join(texts, "; ") + ")"
	w.run = func(db *gorm.DB) error {
		switch n {
		case 1:
			return session(db).Create(owners[0]).Error
		case 2:
			return session(db).Create(of.owner.list(owners, false)).Error
		}
		return session(db).CreateInBatches(of.owner.list(owners, true), 2).Error
	}
	return w
}

// save saves an owner, mostly a stored one.
func (s *linkScript) save() work {
	s.tb.Helper()
	of := s.side()
	w := work{operated: []*side{of}, adds: true}
	owner := s.pick(of.owner, of.relation, &w)
	text := s.nested(of, owner, &w)
	options, session := s.session(of, &w)
	w.text = options + "Save(" + text + ")"
	w.run = func(db *gorm.DB) error { return session(db).Save(owner).Error }
	return w
}

// updates updates an owner with rows in its relation.
func (s *linkScript) updates() work {
	s.tb.Helper()
	of := s.side()
	w := work{operated: []*side{of}, adds: true}
	owner := s.pick(of.owner, of.relation, &w)
	text := s.nested(of, owner, &w)
	s.serial++
	name := fmt.Sprint("updated", s.serial)
	options, session := s.session(of, &w)
	switch s.byte() % 3 {
	case 0:
		*owner.name() = name
		w.text = options + "Updates(" + text + ")"
		w.run = func(db *gorm.DB) error { return session(db).Updates(owner).Error }
	case 1:
		w.text = options + "Model(" + text + ").Update(name)"
		w.run = func(db *gorm.DB) error { return session(db).Model(owner).Update("name", name).Error }
	case 2:
		w.text = "Model(" + text + ").Select(relation).Updates(map)"
		w.run = func(db *gorm.DB) error {
			return db.Model(owner).Select("Name", of.relation).Updates(map[string]any{"name": name}).Error
		}
	}
	return w
}

// destroy deletes owners, with or without their links.
func (s *linkScript) destroy() work {
	s.tb.Helper()
	of := s.side()
	w := work{gone: []string{"clear"}, may: []error{gorm.ErrForeignKeyViolated}}
	for _, side := range s.sides {
		if side.owner == of.owner {
			w.operated = append(w.operated, side)
		}
	}
	owner := s.pick(of.owner, "", &w)
	how := int(s.byte() % 6)
	w.mixed = how == 1 // it also deletes enrolments of a student as rows
	w.text = []string{"Select(relation)", "Select(all)", "", "slice", "Unscoped", "Where"}[how] + " Delete(" + show(owner) + ") for " + of.relation
	w.run = func(db *gorm.DB) error {
		switch how {
		case 0:
			return db.Select(of.relation).Delete(owner).Error
		case 1:
			return db.Select(clause.Associations).Delete(owner).Error
		case 3:
			return db.Select(of.relation).Delete(of.owner.list(s.all(of.owner)[:min(2, len(s.all(of.owner)))], false)).Error
		case 4:
			return db.Unscoped().Select(of.relation).Delete(owner).Error
		case 5:
			return db.Where("name = ?", *owner.name()).Delete(of.owner.list(nil, false)).Error
		}
		return db.Delete(owner).Error
	}
	return w
}
