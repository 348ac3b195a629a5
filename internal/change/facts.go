package change

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Facts is what the events of one signal of a write answer from. The write makes facts before it sends the signal, and never changes them
// after that: an event that a receiver keeps gives the same answers later.
type Facts struct {
	Model    *rows.Model
	DB       *gorm.DB // of the plugin: knows the dialect
	Table    string   // that the write names
	Strategy Strategy // says whether a column changes; nil where no event asks

	Assigns  *Assigns               // of an update: what the statement assigns
	Fields   []string               // of other writes: names of the fields that the write names; nil means all
	Inserts  []string               // names of the fields that an INSERT names; nil means all
	Written  map[*schema.Field]bool // what an upsert changes of a stored row
	Computed map[*schema.Field]bool // what the database computes, as long as no instance holds the result

	Result  Result // what the statement makes of its rows, where that does not depend on the row
	Soft    bool   // a delete that keeps the row
	Cascade bool   // a delete that the database makes because the parent goes
	Loaded  bool   // the rows have an original
	Stored  bool   // instances hold what the database has made of the row
}

// Assigns is what an UPDATE assigns.
type Assigns struct {
	Set    clause.Set
	ByHand map[string]any // the map that the caller gave, if it was one
}

// names reports whether the write names a field.
func (s *Facts) names(f *schema.Field) bool {
	if s.Assigns != nil {
		return s.Assigns.names(f)
	}
	return s.Fields == nil || slices.Contains(s.Fields, s.Model.Name(f))
}

// Named returns the names of the fields that the write names; nil means all.
func (s *Facts) Named() []string {
	if s.Assigns == nil {
		return s.Fields
	}
	fields := make([]string, 0, len(s.Assigns.Set))
	for _, f := range s.Model.Columns {
		if s.Assigns.names(f) {
			fields = append(fields, s.Model.Name(f))
		}
	}
	return fields
}

// names reports whether the caller assigns a field. Times that GORM sets by itself do not count.
func (a *Assigns) names(f *schema.Field) bool {
	if !slices.ContainsFunc(a.Set, func(a clause.Assignment) bool { return a.Column.Name == f.DBName }) {
		return false
	}
	if f.AutoUpdateTime == 0 {
		return true
	}
	_, byName := a.ByHand[f.Name]
	_, byColumn := a.ByHand[f.DBName]
	return byName || byColumn
}

// Lasting returns facts that need nothing of the statement and of the caller.
func (s *Facts) Lasting() Facts {
	lasting := *s
	lasting.Fields, lasting.Assigns = s.Named(), nil
	return lasting
}

// inserted reports whether an INSERT gives a column the value that its field holds, or has returned it.
func (s *Facts) inserted(f *schema.Field) bool {
	if !f.Creatable {
		return s.Stored && f.HasDefaultValue
	}
	return s.Inserts == nil || f.PrimaryKey || slices.Contains(s.Inserts, s.Model.Name(f))
}

// Made reports whether somebody has filled in the facts.
func (s *Facts) Made() bool { return s.Model != nil }
