package relations

import (
	"slices"
	"strings"

	"gorm.io/gorm/schema"
)

// Cascade is a relation with constraint:OnDelete:CASCADE: the database deletes the rows of a child with the row of the parent that they refer to.
type Cascade struct {
	Parent, Child *schema.Schema
	References    []*schema.Field // of the parent
	ForeignKeys   []*schema.Field // of the child
}

// cascades returns what the relations of a model declare, with the model as parent or as child.
func cascades(s *schema.Schema) []*Cascade {
	var found []*Cascade
	add := func(c *Cascade) {
		if len(c.ForeignKeys) > 0 {
			found = append(found, c)
		}
	}
	for _, r := range all(s) {
		constraint := r.ParseConstraint()
		if constraint == nil || !strings.EqualFold(constraint.OnDelete, "CASCADE") {
			continue
		}
		switch r.Type {
		case schema.BelongsTo:
			add(cascade(r, r.FieldSchema, s, false))
		case schema.Many2Many:
			add(cascade(r, s, r.JoinTable, true))
			add(cascade(r, r.FieldSchema, r.JoinTable, false))
		default:
			add(cascade(r, s, r.FieldSchema, true))
		}
	}
	return found
}

// same reports whether two relations declare one foreign key.
func (c *Cascade) same(o *Cascade) bool {
	return o.Parent == c.Parent && o.Child.Table == c.Child.Table && slices.Equal(o.columns(), c.columns())
}

// cascade reads the references of one side of a relation.
func cascade(r *schema.Relationship, parent, child *schema.Schema, own bool) *Cascade {
	c := &Cascade{Parent: parent, Child: child}
	for _, ref := range r.References {
		if ref.PrimaryKey != nil && ref.OwnPrimaryKey == own {
			c.References, c.ForeignKeys = append(c.References, ref.PrimaryKey), append(c.ForeignKeys, ref.ForeignKey)
		}
	}
	return c
}

func (c *Cascade) columns() []string {
	names := make([]string, len(c.ForeignKeys))
	for i, f := range c.ForeignKeys {
		names[i] = f.DBName
	}
	return names
}
