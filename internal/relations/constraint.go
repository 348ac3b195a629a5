package relations

import (
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Constraint is a set of columns that rows can conflict on.
type Constraint struct {
	Fields []*schema.Field
	Where  []clause.Expression // of a partial index: the condition of its rows
}

// Unique returns the unique columns and indexes that a model declares. GORM writes to the schema, so calls must not overlap.
func Unique(model *schema.Schema) []Constraint {
	var all []Constraint
	for _, f := range model.Fields {
		if f.Unique && f.DBName != "" {
			all = append(all, Constraint{Fields: []*schema.Field{f}})
		}
	}
	for _, index := range model.ParseIndexes() {
		if !strings.EqualFold(index.Class, "UNIQUE") {
			continue
		}
		var t Constraint
		for _, option := range index.Fields {
			t.Fields = append(t.Fields, option.Field)
		}
		if index.Where != "" {
			t.Where = []clause.Expression{clause.Expr{SQL: index.Where}}
		}
		all = append(all, t)
	}
	return all
}
