// Package change holds what events answer from: rows, and the facts of a statement about them. It knows no database connection, no receivers and no
// statement of GORM. Facts do not change after their signal was sent; a write gives its rows new facts for its next signal.
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
	Original any // pointer to the stored row; nil if there is none or it was not read
	Now      any // pointer to the row as stored after the write; nil unless only the database knows what has changed
	Created  bool
	Silent   bool    // the row is not written, so nothing is sent for it
	Linked   *Linked // the change of links in m2m_changed
	Unread   *Unread // fields of the original that could not be read; nil for nearly every row
}

// Unread are fields whose type cannot hold the stored value. They are zero.
type Unread struct{ fields []*schema.Field }

// UnreadOf returns an Unread for fields, nil if there are none.
func UnreadOf(fields []*schema.Field) *Unread {
	if len(fields) == 0 {
		return nil
	}
	return &Unread{fields}
}

func (u *Unread) has(f *schema.Field) bool { return u != nil && slices.Contains(u.fields, f) }

// Action is a change of links. Each action before the change is followed by the number of the one after it.
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

// Linked is the part of an m2m_changed event beside its row.
type Linked struct {
	Relation string
	Action   Action
	Reverse  bool
	Keys     []any
}

// Value returns the struct that the instance points to.
func (r *Row) Value() reflect.Value { return reflect.ValueOf(r.Instance).Elem() }

// Stored returns the row as it was before the write, or the instance if that is not known. GORM may have written the key of another row into the
// instance.
func (r *Row) Stored() reflect.Value {
	if r.Original != nil {
		return reflect.ValueOf(r.Original).Elem()
	}
	return r.Value()
}

// Snapshot returns a copy of the instance that shows the row as it was written. The caller's struct may hold values that the statement did not name
// or that GORM does not write.
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

// unwritten reports whether the instance may have a value that the write does not store. Fields that GORM only reads do not count.
func (r *Row) unwritten(f *schema.Field) bool {
	switch {
	case r.Facts.Strategy == nil || (!f.Creatable && !f.Updatable):
		return false
	case r.Created:
		return !f.HasDefaultValue && !r.Facts.inserted(f)
	}
	return r.Known() && r.Facts.Strategy.leaves(r, f) && !r.Unread.has(f)
}
