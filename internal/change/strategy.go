package change

import (
	"context"
	"reflect"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Strategy says which columns of a row a write changes. Each kind of statement has one.
type Strategy interface {
	// changed reports whether the write changes a column of the row.
	changed(ctx context.Context, r *Row, f *schema.Field) bool

	// compares reports whether the write changes a column if its old and its new value differ.
	compares(r *Row, f *schema.Field) bool

	// leaves reports whether the write keeps a column of a stored row, whatever the instance holds.
	leaves(r *Row, f *schema.Field) bool
}

// WholeRow is the strategy of statements that write all columns that GORM may update, as Save does. Events that no statement sends have it too.
type WholeRow struct{}

func (s WholeRow) changed(ctx context.Context, r *Row, f *schema.Field) bool {
	switch {
	case r.Facts.Computed[f]:
		return true
	case !r.Known():
		return r.Facts.names(f)
	}
	return s.compares(r, f) && (r.differs(ctx, f) || r.Unread.has(f))
}

func (WholeRow) compares(_ *Row, f *schema.Field) bool { return f.Updatable }

func (WholeRow) leaves(_ *Row, f *schema.Field) bool { return !f.Updatable }

// NamedFields is the strategy of an update that names fields. The instance is a copy of the stored row with the assignments applied, so fields that
// receivers change differ as well.
type NamedFields struct{}

func (s NamedFields) changed(ctx context.Context, r *Row, f *schema.Field) bool {
	switch {
	case r.Facts.Computed[f]:
		return true
	case !r.Known():
		return r.Facts.names(f)
	case !s.compares(r, f):
		return false
	}
	return r.differs(ctx, f) || (r.Unread.has(f) && r.Facts.names(f)) // the write replaces a value that could not be read
}

// compares leaves out a field that exists only because another field of its embedded struct was assigned. It is NULL in the table, and stays NULL.
func (NamedFields) compares(r *Row, f *schema.Field) bool {
	return !rows.Made(f, reflect.ValueOf(r.Original).Elem(), r.Value()) || r.Facts.names(f)
}

// leaves returns false, because the instance is a copy of the stored row.
func (NamedFields) leaves(*Row, *schema.Field) bool { return false }

// Upserted is the strategy of an INSERT that updates stored rows.
type Upserted struct{}

func (s Upserted) changed(ctx context.Context, r *Row, f *schema.Field) bool {
	switch {
	case !r.Facts.Written[f]:
		return false
	case r.Facts.Computed[f]:
		return true
	case !r.Known():
		return r.Facts.names(f)
	}
	return s.compares(r, f) && r.differs(ctx, f)
}

func (Upserted) compares(r *Row, f *schema.Field) bool { return r.Facts.Written[f] && f.Updatable }

func (s Upserted) leaves(r *Row, f *schema.Field) bool { return !s.compares(r, f) }

// EveryColumn is the strategy of several writes of one row taken together.
type EveryColumn struct{}

func (EveryColumn) changed(ctx context.Context, r *Row, f *schema.Field) bool {
	return !r.Known() || r.differs(ctx, f)
}

func (EveryColumn) compares(*Row, *schema.Field) bool { return true }

func (EveryColumn) leaves(*Row, *schema.Field) bool { return false }
