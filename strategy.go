package signals

import (
	"context"
	"reflect"
	"slices"

	"github.com/gorm-signals/signals/internal/rows"
	"gorm.io/gorm/schema"
)

// strategy says which columns of a row a write changes. Each kind of statement has one.
type strategy interface {
	// changed reports whether the write changes a column of the row.
	changed(ctx context.Context, r *row, f *schema.Field) bool

	// compares reports whether the write changes a column if the values of the column differ.
	compares(r *row, f *schema.Field) bool
}

// wholeRow is the strategy of statements that write all columns that GORM may update: Save, and events that no statement sends.
type wholeRow struct{}

func (s wholeRow) changed(ctx context.Context, r *row, f *schema.Field) bool {
	switch {
	case r.facts.computed[f]:
		return true
	case !r.known():
		return r.facts.names(f)
	}
	return s.compares(r, f) && (r.differs(ctx, f) || slices.Contains(r.unread, f))
}

func (wholeRow) compares(_ *row, f *schema.Field) bool { return f.Updatable }

// namedFields is the strategy of an update that names fields. Instances are copies of the stored rows, to which the assignments are applied:
// what receivers change beside the named fields differs too.
type namedFields struct{}

func (s namedFields) changed(ctx context.Context, r *row, f *schema.Field) bool {
	switch {
	case r.facts.computed[f]:
		return true
	case !r.known():
		return r.facts.names(f)
	case !s.compares(r, f):
		return false
	}
	return r.differs(ctx, f) || (slices.Contains(r.unread, f) && r.facts.names(f)) // whatever is assigned is something else
}

// A field may only be there because another one of its embedded struct was assigned. It is NULL in the table, and stays so.
func (namedFields) compares(r *row, f *schema.Field) bool {
	return !rows.Made(f, reflect.ValueOf(r.original).Elem(), r.value()) || r.facts.names(f)
}

// upserted is the strategy of an INSERT that updates stored rows.
type upserted struct{}

func (s upserted) changed(ctx context.Context, r *row, f *schema.Field) bool {
	switch {
	case !r.facts.written[f]:
		return false
	case r.facts.computed[f]:
		return true
	case !r.known():
		return r.facts.names(f)
	}
	return s.compares(r, f) && r.differs(ctx, f)
}

func (upserted) compares(r *row, f *schema.Field) bool { return r.facts.written[f] && f.Updatable }

// everyColumn is the strategy of several writes of one row.
type everyColumn struct{}

func (everyColumn) changed(ctx context.Context, r *row, f *schema.Field) bool {
	return !r.known() || r.differs(ctx, f)
}

func (everyColumn) compares(*row, *schema.Field) bool { return true }
