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
	config *gorm.Config
	rare   *rare // nil of most statements
}

// rare is what few statements carry.
type rare struct {
	values   []setting
	table    string // as GORM names it, where that is not the one of the model
	unscoped bool
}

// setting is a value of db.Set.
type setting struct {
	key   string
	value any
}

// of takes the settings of a statement, and returns s. What GORM keeps among them for the statement itself is left out: values of
// InstanceSet, and the rows that its associations have saved.
func (s *Settings) of(stmt *gorm.Statement) *Settings {
	s.config = stmt.Config
	r := rare{unscoped: stmt.Unscoped}
	if stmt.Schema == nil || stmt.Table != stmt.Schema.Table {
		r.table = stmt.Table
	}
	stmt.Settings.Range(func(k, v any) bool {
		if key, ok := k.(string); ok && !strings.HasPrefix(key, "0x") && key != "gorm:saved_association_map" {
			r.values = append(r.values, setting{key, v})
		}
		return true
	})
	if r.unscoped || r.table != "" || r.values != nil {
		s.rare = &rare{r.values, r.table, r.unscoped}
	}
	return s
}

// bind notes the pool of the statement. Call it on the goroutine of the write, before anybody gets the frame.
func (f *Frame) bind() {
	if f.pool == nil && f.db != nil {
		f.pool = f.db.Statement.ConnPool
	}
}

// Detach makes the frame one that lets go of the statement: GORM may use it again, and it is large. The settings are kept in s.
func (f *Frame) Detach(stmt *gorm.Statement, s *Settings) {
	f.pool, f.settings, f.db = stmt.ConnPool, s.of(stmt), nil
}

// Session returns a session on the connection of the frame's statement that carries the frame. It shares nothing with the statement:
// neither its error nor its conditions, and it may be used from any goroutine.
func (f *Frame) Session() *gorm.DB {
	if f == nil || (f.db == nil && f.settings == nil) {
		return nil
	}
	s := f.settings
	if s == nil {
		s = new(Settings).of(f.db.Statement)
	}
	reg := f.Plan.Reg
	tx := reg.DB.Session(&gorm.Session{NewDB: true})
	*tx.Config = *s.config
	to := f.pool
	if to == nil && f.db != nil {
		to = f.db.Statement.ConnPool
	}
	current, inTransaction := pool.Find(to)
	switch {
	case current != nil && current.Queue.Outcome() != txn.Open: // an event that was kept beyond its transaction
		to = reg.home(tx, current.Outside)
	case f.Ended != nil && (current != nil || !inTransaction): // or in the transaction that somebody has captured
		to = reg.home(tx, to)
	}
	// A statement of its own: GORM would let sessions of the session inherit the clauses and the SQL of the write.
	tx.Statement = &gorm.Statement{DB: tx, ConnPool: to, Context: f, Clauses: map[string]clause.Clause{}}
	if s.rare != nil {
		tx.Statement.Unscoped = s.rare.unscoped && tx.PropagateUnscoped
		for _, set := range s.rare.values {
			tx.Statement.Settings.Store(set.key, set.value)
		}
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
