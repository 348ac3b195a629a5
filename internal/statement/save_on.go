package statement

import (
	"reflect"
	"runtime"
	"sync"
	"weak"

	"gorm.io/gorm"
)

// If the UPDATE of a Save finds no row, Save runs an INSERT in a statement of its own, without hooks, unless the caller has selected columns. The
// UPDATE cannot know whether the INSERT follows. So it leaves here what the INSERT needs.

// Unsaved holds what the UPDATEs of Saves leave for their INSERTs. If no INSERT follows, the garbage collector removes it.
type Unsaved struct {
	left sync.Map // from a weak.Pointer to Names of the statement to *Leftover
}

// Leftover is what one UPDATE leaves.
type Leftover struct {
	Value     reflect.Value // the struct that pre_save receivers got: an addressable copy if Save was given a struct by value
	Announced bool          // pre_save was sent
}

// Names returns the memory in which Save keeps the names of the columns that it selects, or nil for other statements. Only the two statements of one
// Save share it.
func Names(stmt *gorm.Statement) *string {
	if len(stmt.Selects) != 1 || stmt.Selects[0] != "*" {
		return nil
	}
	return &stmt.Selects[0]
}

// Leave keeps l for the INSERT of a Save. names are those of its statements.
func (u *Unsaved) Leave(names *string, l *Leftover) {
	key := weak.Make(names)
	u.left.Store(key, l)
	runtime.AddCleanup(names, func(key weak.Pointer[string]) { u.left.Delete(key) }, key)
}

// Take returns what the UPDATE of a Save has left for the statement, or nil if the statement is not the INSERT of a Save.
func (u *Unsaved) Take(stmt *gorm.Statement) *Leftover {
	names := Names(stmt)
	if names == nil || !stmt.SkipHooks {
		return nil
	}
	l, _ := u.left.LoadAndDelete(weak.Make(names))
	left, _ := l.(*Leftover)
	return left
}
