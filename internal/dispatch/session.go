package dispatch

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// Settings are what a statement carries for the sessions of its receivers.
type Settings struct {
	values   []setting
	unscoped bool
	table    string // as GORM names it
}

// setting is a value of db.Set.
type setting struct {
	key   string
	value any
}

// of takes the settings of a statement, and returns s. What GORM keeps among them for the statement itself is left out: values of
// InstanceSet, and the rows that its associations have saved.
func (s *Settings) of(stmt *gorm.Statement) *Settings {
	s.unscoped, s.table = stmt.Unscoped, stmt.Table
	stmt.Settings.Range(func(k, v any) bool {
		if key, ok := k.(string); ok && !strings.HasPrefix(key, "0x") && key != "gorm:saved_association_map" {
			s.values = append(s.values, setting{key, v})
		}
		return true
	})
	return s
}

// bind notes the pool of the statement. Call it on the goroutine of the write, before anybody gets the frame.
func (f *Frame) bind() {
	if f.pool == nil && f.db != nil {
		f.pool = f.db.Statement.ConnPool
	}
}

// Detach makes the frame one that shares nothing with the statement, which GORM may use again. The settings are kept in s.
func (f *Frame) Detach(stmt *gorm.Statement, s *Settings) {
	f.pool, f.settings = stmt.ConnPool, s.of(stmt)
}

// Session returns a session on the connection of the frame's statement that carries the frame. It shares nothing with the statement:
// neither its error nor its conditions, and it may be used from any goroutine.
func (f *Frame) Session() *gorm.DB {
	if f == nil || f.db == nil {
		return nil
	}
	reg := f.Plan.Reg
	tx := reg.DB.Session(&gorm.Session{NewDB: true})
	*tx.Config = *f.db.Config
	to := f.pool
	if to == nil {
		to = f.db.Statement.ConnPool
	}
	current, inTransaction := pool.Find(to)
	switch {
	case current != nil && current.Queue.Outcome() != txn.Open: // an event that was kept beyond its transaction
		to = reg.home(tx, current.Outside)
	case f.Ended != nil && f.Ended.pool != nil:
		to = reg.home(tx, f.Ended.pool)
	case f.Ended != nil && !inTransaction:
		tx.ConnPool = to
	}
	s := f.settings
	if s == nil {
		s = new(Settings).of(f.db.Statement)
	}
	// A statement of its own: GORM would let sessions of the session inherit the clauses and the SQL of the write.
	tx.Statement = &gorm.Statement{DB: tx, ConnPool: to, Context: f, Clauses: map[string]clause.Clause{}}
	tx.Statement.Unscoped = s.unscoped && tx.PropagateUnscoped
	for _, set := range s.values {
		tx.Statement.Settings.Store(set.key, set.value)
	}
	return tx
}

// home makes a pool the one of a session, within the session's own prepared statements.
func (r *Registry) home(tx *gorm.DB, outside gorm.ConnPool) gorm.ConnPool {
	if prepared, ok := r.Pools.Wrap(tx.ConnPool).(*gorm.PreparedStmtDB); ok && prepared.ConnPool == outside {
		outside = prepared
	}
	tx.ConnPool = outside
	return outside
}
