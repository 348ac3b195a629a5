package change

import "context"

// Result says what a write does to a row.
type Result uint8

// The results.
const (
	Updated Result = iota
	Created
	SoftDeleted // by a delete, or by an update that marks the row
	Deleted
	Restored // an update has restored a soft-deleted row
)

// Result says what the write does to the row.
func (r *Row) Result(ctx context.Context) Result {
	switch {
	case r.Facts.Result == Deleted && r.Facts.Soft:
		return SoftDeleted
	case r.Facts.Result != Updated:
		return r.Facts.Result
	case r.Created:
		return Created
	}
	switch was, is := r.hidden(ctx); {
	case was && !is:
		return Restored
	case is && !was:
		return SoftDeleted
	}
	return Updated
}
