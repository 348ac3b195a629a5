package writes

import (
	"reflect"
	"slices"
)

// An upsert may name a stored row several times. Each of these rows follows the one before, and the stored row afterwards proves only the last one.

// untouched reports whether the stored row that began a chain of rows with one key is unchanged.
func (w *insert) untouched(i int, found reflect.Value) bool {
	first, later := w.follows[i]
	for later {
		i = first
		first, later = w.follows[i]
	}
	return w.rows[i].Original != nil && !w.differ(w.stmt.Context, found, w.rows[i].Stored(), w.written)
}

// withoutOverwritten drops as many written rows as are surplus, the first ones that a later written row follows: no stored row shows them. If fewer
// rows were written than it seems, a trigger has kept these.
func (w *insert) withoutOverwritten(written []int, surplus int) []int {
	if surplus <= 0 || len(w.follows) == 0 {
		return written
	}
	return slices.DeleteFunc(slices.Clone(written), func(i int) bool {
		drop := surplus > 0 && slices.ContainsFunc(written, func(later int) bool { return w.followsOn(later, i) })
		if drop {
			surplus--
		}
		return drop
	})
}

// followsOn reports whether a row follows an earlier one, directly or by rows between them.
func (w *insert) followsOn(later, earlier int) bool {
	at, ok := w.follows[later]
	for ok && at != earlier {
		at, ok = w.follows[at]
	}
	return ok
}
