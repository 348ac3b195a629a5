package relations

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// reach returns the given schemas and all schemas that their relations lead to, join tables included. It leaves out known ones, and adds the others
// to known.
func reach(db *gorm.DB, from []*schema.Schema, known map[*schema.Schema]bool) []*schema.Schema {
	return spread(from, known, func(s *schema.Schema, add func(*schema.Schema)) {
		await(db, s)
		for _, r := range all(s) {
			add(r.FieldSchema)
			add(r.JoinTable)
		}
	})
}

// all lists the relations that a model declares. GORM's map of relations also holds some of other models.
func all(s *schema.Schema) []*schema.Relationship {
	r := &s.Relationships
	list := make([]*schema.Relationship, 0, len(r.HasOne)+len(r.HasMany)+len(r.BelongsTo)+len(r.Many2Many))
	list = append(append(list, r.HasOne...), r.HasMany...)
	return append(append(list, r.BelongsTo...), r.Many2Many...)
}

// await waits until GORM has parsed the schema: another goroutine may still be parsing it.
func await(db *gorm.DB, s *schema.Schema) {
	stmt := &gorm.Statement{DB: db}
	_ = stmt.Parse(reflect.New(s.ModelType).Interface())
}
