package statement

import (
	"reflect"
	"runtime"
	"sync"
	"weak"

	"gorm.io/gorm"
)

// A Save whose update finds no row goes on with an INSERT in a statement of its own, without hooks, unless its caller has selected the
// columns. The update cannot know whether that comes: it leaves here what the INSERT needs to know.

// Unsaved holds what updates of a Save leave for its INSERT. A Save without an INSERT leaves it to the garbage collector.
type Unsaved struct {
	left sync.Map // from a weak.Pointer to Names of the statement to *Leftover
}

// Leftover is what one update leaves.
type Leftover struct {
	Value     reflect.Value // the struct that receivers of pre_save have seen: an addressable copy of one that Save was given by value
	Announced bool          // pre_save was sent
}

// Names returns the memory in which Save keeps the names of the columns that it selects, nil for other statements. Both statements of a Save
// have it, and nobody else.
func Names(stmt *gorm.Statement) *string {
	if len(stmt.Selects) != 1 || stmt.Selects[0] != "*" {
		return nil
	}
	return &stmt.Selects[0]
}

// Leave keeps what the INSERT of a Save is to know. names are those of its statements.
func (u *Unsaved) Leave(names *string, l *Leftover) {
	key := weak.Make(names)
	u.left.Store(key, l)
	runtime.AddCleanup(names, func(key weak.Pointer[string]) { u.left.Delete(key) }, key)
}

// Take returns what the update of a Save has left for the statement, nil when the statement is not the INSERT of a Save.
func (u *Unsaved) Take(stmt *gorm.Statement) *Leftover {
	names := Names(stmt)
	if names == nil || !stmt.SkipHooks {
		return nil
	}
	l, _ := u.left.LoadAndDelete(weak.Make(names))
	left, _ := l.(*Leftover)
	return left
}
