package writes

import (
	"reflect"
	"slices"
)

// An upsert may name a stored row several times. Each of its rows follows the one before, and what is stored afterwards proves the last
// one only.

// untouched reports whether the stored row that a chain of rows with one key began with is as it was.
func (w *insert) untouched(i int, found reflect.Value) bool {
	first, later := w.follows[i]
	for later {
		i = first
		first, later = w.follows[i]
	}
	return w.rows[i].Original != nil && !w.differ(w.stmt.Context, found, w.rows[i].Stored(), w.written)
}

// withoutOverwritten leaves out so many of the written rows: the first ones that a later written row follows, of which nothing is stored. A
// trigger has kept them if fewer rows were written than seem to be.
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
