package delivery

import (
	"context"
	"fmt"
	"reflect"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// keptLinks is the part of a kept m2m_changed event beside its row.
type keptLinks struct {
	Relation string         `json:"relation"`
	Action   change.Action  `json:"action"`
	Reverse  bool           `json:"reverse,omitempty"`
	Keys     []rows.Encoded `json:"keys"` // primary keys of the rows on the other side
}

// otherSide returns the model that a relation of a model leads to.
func otherSide(reg *dispatch.Registry, of *schema.Schema, relation string) (*rows.Model, error) {
	r := of.Relationships.Relations[relation]
	if r == nil || r.FieldSchema == nil {
		return nil, fmt.Errorf("signals: %s has no relation %q any more", of.Name, relation)
	}
	return reg.Rows.Of(r.FieldSchema), nil
}

// keepLinks converts links to a form that outlives the process.
func keepLinks(ctx context.Context, reg *dispatch.Registry, of *schema.Schema, l *change.Linked) (*keptLinks, error) {
	if l == nil {
		return nil, nil
	}
	other, err := otherSide(reg, of, l.Relation)
	if err != nil {
		return nil, err
	}
	k := &keptLinks{Relation: l.Relation, Action: l.Action, Reverse: l.Reverse, Keys: make([]rows.Encoded, len(l.Keys))}
	for i, key := range l.Keys {
		if k.Keys[i], err = keepKey(ctx, other, key); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// keepKey converts a primary key to a form that outlives the process.
func keepKey(ctx context.Context, of *rows.Model, key any) (rows.Encoded, error) {
	parts, composite := key.([]any)
	if !composite || len(of.Keys) == 1 {
		parts = []any{key}
	}
	row := reflect.New(of.Schema.ModelType).Elem()
	for i, f := range of.Keys {
		if i >= len(parts) || parts[i] == nil {
			continue
		}
		if err := f.Set(ctx, row, parts[i]); err != nil {
			return nil, fmt.Errorf("signals: a key of %s cannot be kept: %w", of.Schema.Name, err)
		}
	}
	return of.EncodeKey(ctx, row)
}

// linked converts kept links back.
func (k *keptLinks) linked(ctx context.Context, reg *dispatch.Registry, of *schema.Schema) (*change.Linked, error) {
	if k == nil {
		return nil, nil
	}
	other, err := otherSide(reg, of, k.Relation)
	if err != nil {
		return nil, err
	}
	l := &change.Linked{Relation: k.Relation, Action: k.Action, Reverse: k.Reverse, Keys: make([]any, len(k.Keys))}
	for i, kept := range k.Keys {
		row, err := other.Decode(ctx, kept)
		if err != nil {
			return nil, err
		}
		key, _ := other.KeyOf(ctx, reflect.ValueOf(row).Elem())
		if l.Keys[i] = key; len(key) == 1 {
			l.Keys[i] = key[0]
		}
	}
	return l, nil
}
