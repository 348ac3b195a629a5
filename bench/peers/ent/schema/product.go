// Package schema says what ent generates.
package schema

import (
	"entgo.io/ent"              //nolint:depguard // A peer.
	"entgo.io/ent/schema/field" //nolint:depguard // A peer.
)

// Product is the model of the workloads.
type Product struct{ ent.Schema }

// Fields implements ent's Interface.
func (Product) Fields() []ent.Field {
	return []ent.Field{
		field.Uint("id"),
		field.String("name"),
		field.String("category"),
		field.Int64("price"),
		field.Int("stock"),
		field.Time("created_at"),
		field.Time("updated_at"),
	}
}
