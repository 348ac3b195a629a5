package pool

import (
	"database/sql"
	"reflect"

	"gorm.io/gorm"
)

// maxLayers is how many pools may lie over each other. If there are more, they form a ring.
const maxLayers = 16

// held stands for a transaction in a pool of another plugin, in place of the *[sql.Tx] that the pool would hold without this package. Such a pool
// "begins" and "commits" every statement on other pools, but knows that it must not do so on a *[sql.Tx].
type held struct{ *Tx }

// Commit does nothing: whoever began the transaction commits it.
func (*held) Commit() error { return nil }

// Rollback does nothing: whoever began the transaction rolls it back.
func (*held) Rollback() error { return nil }

// Foreign reports whether a pool is of an unknown kind and begins transactions of its own.
func Foreign(pool gorm.ConnPool) bool {
	switch pool.(type) {
	case nil, tracked, *Tx, *sql.Tx, *sql.DB, *sql.Conn, *gorm.PreparedStmtDB, *gorm.PreparedStmtTX:
		return false
	}
	return begins(pool)
}

// Unwrapped returns a copy of another plugin's pool, which can both begin and commit, over the database's own pool in place of its wrapper. Such
// pools look at the pool beneath them, and would begin unwanted transactions on a wrapper. It returns false for a pool that only begins, and for one
// that hides the pool beneath it.
func Unwrapped(pool gorm.ConnPool) (gorm.ConnPool, bool) {
	if _, commits := pool.(gorm.TxCommitter); !commits {
		return nil, false
	}
	return unwrapped(pool, maxLayers)
}

func unwrapped(pool gorm.ConnPool, layers int) (gorm.ConnPool, bool) {
	place, ok := beneath(pool)
	if !ok || layers == 0 {
		return nil, false
	}
	switch below := place.pool().(type) {
	case *Tx:
		return place.with(&held{below})
	case *database:
		return place.with(below.DB)
	case *connection:
		return place.with(below.Conn)
	case *other:
		return place.with(below.ConnPool)
	case nil, *held, *sql.DB, *sql.Conn, *sql.Tx, *gorm.PreparedStmtDB, *gorm.PreparedStmtTX:
		return pool, true
	default:
		deeper, ok := unwrapped(below, layers-1)
		if !ok || deeper == below {
			return pool, true
		}
		return place.with(deeper)
	}
}

// place is the field of a pool that holds the pool beneath it.
type place struct {
	of    reflect.Value // the struct that a pool points to
	field int
}

// beneath finds the pool beneath a pool: its first field that is a connection pool.
func beneath(pool gorm.ConnPool) (place, bool) {
	v := reflect.ValueOf(pool)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return place{}, false
	}
	v = v.Elem()
	for i := range v.NumField() {
		if t := v.Type().Field(i).Type; t.Kind() == reflect.Interface && t.Implements(reflect.TypeFor[gorm.ConnPool]()) && !v.Field(i).IsNil() {
			return place{v, i}, true
		}
	}
	return place{}, false
}

// value returns a field of a struct so that it can be read and set, even if it is unexported.
func (p place) value(of reflect.Value) reflect.Value {
	f := of.Field(p.field)
	return reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem()
}

func (p place) pool() gorm.ConnPool {
	pool, _ := reflect.TypeAssert[gorm.ConnPool](p.value(p.of))
	return pool
}

// with returns a copy of the pool that lies over another pool. The pool itself may be in use.
func (p place) with(below gorm.ConnPool) (gorm.ConnPool, bool) {
	v := reflect.ValueOf(below)
	if !v.Type().Implements(p.of.Field(p.field).Type()) {
		return nil, false
	}
	twin := reflect.New(p.of.Type())
	twin.Elem().Set(p.of)
	p.value(twin.Elem()).Set(v)
	pool, ok := reflect.TypeAssert[gorm.ConnPool](twin)
	return pool, ok
}

// Same reports whether two pools use one *[sql.DB].
func Same(a, b gorm.ConnPool) bool {
	first, second := databaseOf(a), databaseOf(b)
	return first != nil && first == second
}

// MaxOpen returns the limit of connections of a pool's *[sql.DB], 0 if there is none.
func MaxOpen(pool gorm.ConnPool) int {
	if db := databaseOf(pool); db != nil {
		return db.Stats().MaxOpenConnections
	}
	return 0
}

// databaseOf returns the *[sql.DB] of a pool, inside any layers, nil if it has none.
func databaseOf(pool gorm.ConnPool) *sql.DB {
	for range maxLayers {
		switch p := pool.(type) {
		case *sql.DB:
			return p
		case *database:
			return p.DB
		case *other:
			pool = p.ConnPool
		case *gorm.PreparedStmtDB:
			pool = p.ConnPool
		case nil, *connection, *sql.Conn, *sql.Tx, *Tx, *held, *gorm.PreparedStmtTX:
			return nil
		default:
			below, ok := beneath(pool)
			if !ok {
				return nil
			}
			pool = below.pool()
		}
	}
	return nil
}
