package dispatch

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// Settings are the settings of a statement that sessions of its receivers get.
type Settings struct {
	config *gorm.Config
	rare   *rare // nil for most statements
}

// rare holds settings that few statements have.
type rare struct {
	values   []setting
	table    string // the statement's table in GORM, if it is not the model's
	unscoped bool
}

// setting is a value of db.Set.
type setting struct {
	key   string
	value any
}

// of copies the settings of a statement into s and returns s. It leaves out values that GORM keeps there for the statement itself: those of
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

// bind keeps the pool of the statement. It must run on the goroutine of the write, before a receiver gets the frame.
func (f *Frame) bind() {
	if f.pool == nil && f.db != nil {
		f.pool = f.db.Statement.ConnPool
	}
}

// Detach cuts the frame off its statement, which is large and which GORM may use again. The settings are kept in s.
func (f *Frame) Detach(stmt *gorm.Statement, s *Settings) {
	f.pool, f.settings, f.db = stmt.ConnPool, s.of(stmt), nil
}

// Session returns a session on the connection of the frame's statement, with the frame as its context. It shares neither error nor conditions with
// the statement, and any goroutine may use it.
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
	kept := current != nil && current.Queue.Outcome() != txn.Open // a receiver has kept the event beyond its transaction
	if kept {
		to = current.Outside
	}
	switch {
	case pool.GivenBack(to): // or beyond the db.Connection around it
		to = reg.home(tx, reg.own(tx.Config))
	case kept, f.Ended != nil && (current != nil || !inTransaction): // outside the ended transaction, or in the one that a test captures
		to = reg.home(tx, to)
	}
	// A new statement: otherwise GORM would let sessions of this session inherit the clauses and the SQL of the write.
	tx.Statement = &gorm.Statement{DB: tx, ConnPool: to, Context: f, Clauses: map[string]clause.Clause{}}
	if s.rare != nil {
		tx.Statement.Unscoped = s.rare.unscoped && tx.PropagateUnscoped
		for _, set := range s.rare.values {
			tx.Statement.Settings.Store(set.key, set.value)
		}
	}
	return tx
}

// home makes a pool the session's own. If the session prepares statements on that pool, it uses them.
func (r *Registry) home(tx *gorm.DB, outside gorm.ConnPool) gorm.ConnPool {
	if prepared, ok := r.Pools.Wrap(tx.ConnPool).(*gorm.PreparedStmtDB); ok && prepared.ConnPool == outside {
		outside = prepared
	}
	tx.ConnPool = outside
	return outside
}

// own returns the pool of the database itself for sessions with some settings: neither a transaction nor a single connection, unless GORM was opened
// on one.
func (r *Registry) own(c *gorm.Config) gorm.ConnPool {
	to := c.ConnPool
	if prepared, ok := to.(*gorm.PreparedStmtTX); ok { // of a session in a transaction that has begun to prepare statements
		to = prepared.PreparedStmtDB
	}
	if _, inTransaction := pool.Find(to); inTransaction || !pool.Lasts(to) {
		to = r.DB.ConnPool
	}
	return r.Pools.Wrap(to)
}

// occupied reports whether the frame's pool belongs to the goroutine of the write even after the write: it is the connection of a db.Connection that
// has not ended, or a transaction that the plugin cannot follow.
func (f *Frame) occupied() bool {
	to := f.pool
	tx, inTransaction := pool.Find(to)
	if tx != nil {
		to, inTransaction = tx.Outside, false
	}
	return inTransaction || (!pool.Lasts(to) && !pool.GivenBack(to))
}

// Apart gives the frame the database's own pool if the goroutine of the write may go on to use the frame's.
func (f *Frame) Apart() {
	if f.settings != nil && f.occupied() {
		f.pool = f.Plan.Reg.own(f.settings.config)
	}
}
