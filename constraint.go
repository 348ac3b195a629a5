package signals

import (
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// constraint is a set of columns that a row can conflict on.
type constraint struct {
	fields []*schema.Field
	where  []clause.Expression // of a partial index: the rows that it holds
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
