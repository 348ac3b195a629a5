// Package change holds what events answer from: rows, and the facts that a statement makes of them. It knows no database connection, no
// receivers and no statement of GORM. Facts do not change once a signal is sent; a write gives its rows other facts when it goes on.
package change

import (
	"context"
	"reflect"
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Row is one row of a write.
type Row struct {
	Facts    *Facts
	Instance any // pointer to a struct of the model
	Original any // pointer to the stored row; nil when there is none or it was not read
	Now      any // pointer to the row as it is stored after the write; nil unless only the database knows what changed
	Created  bool
	Silent   bool    // the row is not written, so nothing is sent for it
	Linked   *Linked // of m2m_changed: what happens to the links of the row
	Unread   *Unread // fields of the original; nil of nearly every row
}

// Unread are fields that cannot hold what is stored, so that they are zero.
type Unread struct{ fields []*schema.Field }

// UnreadOf returns fields as what could not be read, nil for none.
func UnreadOf(fields []*schema.Field) *Unread {
	if len(fields) == 0 {
		return nil
	}
	return &Unread{fields}
}

func (u *Unread) has(f *schema.Field) bool { return u != nil && slices.Contains(u.fields, f) }

// Action is what happens to links: one before they change and one after, which is the number after it.
type Action int

// The actions.
const (
	PreAdd Action = iota + 1
	PostAdd
	PreRemove
	PostRemove
	PreClear
	PostClear
)

// Before reports whether the links have not changed yet.
func (a Action) Before() bool { return a%2 == 1 }

// Linked is what a row of m2m_changed has beside its instance.
type Linked struct {
	Relation string
	Action   Action
	Reverse  bool
	Keys     []any
}

// Value returns the struct that the row's instance is.
func (r *Row) Value() reflect.Value { return reflect.ValueOf(r.Instance).Elem() }

// Stored returns what a row was before the write, or else what it is: GORM may have written the key of another row into it.
func (r *Row) Stored() reflect.Value {
	if r.Original != nil {
		return reflect.ValueOf(r.Original).Elem()
	}
	return r.Value()
}

// Snapshot returns a copy of the instance that shows the row as it was written: the caller's struct may hold more than its statement named
// or GORM may write.
func (r *Row) Snapshot(ctx context.Context) any {
	row := r.Facts.Model.Clone(ctx, r.Value())
	for _, f := range r.Facts.Model.Columns {
		switch {
		case !r.unwritten(f):
		case !r.Created:
			rows.Copy(ctx, f, row.Elem(), reflect.ValueOf(r.Original).Elem())
		case !rows.Absent(f, row.Elem()):
			f.ReflectValueOf(ctx, row.Elem()).SetZero()
		}
	}
	return row.Interface()
}

// unwritten reports whether the instance may have a value that the write does not store. Fields that GORM only reads are as somebody has read
// them.
func (r *Row) unwritten(f *schema.Field) bool {
	switch {
	case r.Facts.Strategy == nil || (!f.Creatable && !f.Updatable):
		return false
	case r.Created:
		return !f.HasDefaultValue && !r.Facts.inserted(f)
	}
	return r.Known() && r.Facts.Strategy.leaves(r, f) && !r.Unread.has(f)
}
