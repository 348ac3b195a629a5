package change

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Facts is what the events of one signal of a write answer from. The write makes them before it sends the signal and never changes them afterwards,
// so that an event that a receiver keeps gives the same answers later.
type Facts struct {
	Model    *rows.Model
	DB       *gorm.DB // a session of the plugin, which knows the dialect
	Table    string   // table that the write names
	Strategy Strategy // says whether a column changes; nil if no event asks

	Assigns  *Assigns               // what an update assigns
	Fields   []string               // for other writes: names of the fields that the write names; nil means all
	Inserts  []string               // names of the fields that an INSERT names; nil means all
	Written  map[*schema.Field]bool // columns that an upsert changes in a stored row
	Computed map[*schema.Field]bool // columns that the database computes, until an instance holds the result

	Result  Result // what the statement does to its rows, if that is the same for all
	Soft    bool   // the delete keeps the row and marks it
	Cascade bool   // the database deletes the row because its parent is deleted
	Seen
}

// Seen is what a write has seen of its rows in the database.
type Seen struct {
	Loaded bool // originals were read
	Live   bool // no row was soft-deleted before: the condition of the statement leaves such rows out, and NULL marks a live row
	Stored bool // instances hold the row as the database has stored it
}

// Assigns is what an UPDATE assigns.
type Assigns struct {
	Set    clause.Set
	ByHand map[string]any // the map that the caller gave, if it gave one
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

// Lasting returns a copy of the facts that needs neither the statement nor data of the caller.
func (s *Facts) Lasting() Facts {
	lasting := *s
	lasting.Fields, lasting.Assigns = s.Named(), nil
	return lasting
}

// inserted reports whether an INSERT stores the value that the field holds, or has returned it.
func (s *Facts) inserted(f *schema.Field) bool {
	if !f.Creatable {
		return s.Stored && f.HasDefaultValue
	}
	return s.Inserts == nil || f.PrimaryKey || slices.Contains(s.Inserts, s.Model.Name(f))
}

// Made reports whether the facts were filled in.
func (s *Facts) Made() bool { return s.Model != nil }
