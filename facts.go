package signals

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// facts is what the events of one signal of a write answer from. The write makes facts before it sends the signal, and never changes them
// after that: an event that a receiver keeps gives the same answers later.
type facts struct {
	model    *rows.Model
	db       *gorm.DB // of the plugin: knows the dialect
	table    string   // that the write names
	strategy strategy // says whether a column changes; nil where no event asks

	assigns  *assigns               // of an update: what the statement assigns
	fields   []string               // of other writes: names of the fields that the write names; nil means all
	inserts  []string               // names of the fields that an INSERT names; nil means all
	written  map[*schema.Field]bool // what an upsert changes of a stored row
	computed map[*schema.Field]bool // what the database computes, as long as no instance holds the result

	soft    bool // a delete that keeps the row
	cascade bool // a delete that the database makes because the parent goes
	loaded  bool // the rows have an original
	stored  bool // instances hold what the database has made of the row
}

// assigns is what an UPDATE assigns.
type assigns struct {
	set    clause.Set
	byHand map[string]any // the map that the caller gave, if it was one
}

// names reports whether the write names a field.
func (s *facts) names(f *schema.Field) bool {
	if s.assigns != nil {
		return s.assigns.names(f)
	}
	return s.fields == nil || slices.Contains(s.fields, s.model.Name(f))
}

// named returns the names of the fields that the write names; nil means all.
func (s *facts) named() []string {
	if s.assigns == nil {
		return s.fields
	}
	fields := make([]string, 0, len(s.assigns.set))
	for _, column := range s.model.Schema.DBNames {
		if f := s.model.Schema.FieldsByDBName[column]; s.assigns.names(f) {
			fields = append(fields, s.model.Name(f))
		}
	}
	return fields
}

// names reports whether the caller assigns a field. Times that GORM sets by itself do not count.
func (a *assigns) names(f *schema.Field) bool {
	if !slices.ContainsFunc(a.set, func(a clause.Assignment) bool { return a.Column.Name == f.DBName }) {
		return false
	}
	if f.AutoUpdateTime == 0 {
		return true
	}
	_, byName := a.byHand[f.Name]
	_, byColumn := a.byHand[f.DBName]
	return byName || byColumn
}

// lasting returns facts that need nothing of the statement and of the caller.
func (s *facts) lasting() facts {
	lasting := *s
	lasting.fields, lasting.assigns = s.named(), nil
	return lasting
}

// inserted reports whether an INSERT gives a column the value that its field holds, or has returned it.
func (s *facts) inserted(f *schema.Field) bool {
	if !f.Creatable {
		return s.stored && f.HasDefaultValue
	}
	return s.inserts == nil || f.PrimaryKey || slices.Contains(s.inserts, s.model.Name(f))
}

// made reports whether somebody has filled in the facts.
func (s *facts) made() bool { return s.model != nil }
