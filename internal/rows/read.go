package rows

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Query says which rows to read.
type Query struct {
	Where    []clause.Expression
	Scoped   bool // leave out soft-deleted rows, as the model's scope does
	KeysOnly bool
	Twice    bool // read every row into two structs that share no memory
	Ordered  bool // by primary key
	Limit    int  // 0 means all
	Lock     bool // FOR UPDATE, where the dialect has it
	Share    bool // with Lock: FOR KEY SHARE on PostgreSQL, so that the rows stay
	Found    bool // with Lock: MySQL locks rows that exist and no gap, see LocksFound
	Alone    bool // without the other tables that the statement joins
	Extra    []clause.Interface

	one    bool  // there is one row at most
	named  bool  // columns are named, see shape
	before []any // values that are bound before those of the query
}

// Set holds rows as structs of the model's type.
type Set struct {
	n             int
	found         int           // rows of the result: a join finds a row several times
	first, second reflect.Value // []T, or [2]T for one row; second is used only for Query.Twice
	pair          bool          // first holds a row and its second struct
	loose         bool
	unfit         map[int][]*schema.Field // by row: fields that cannot hold the stored values
}

// Loose reports whether a condition on a key of the rows would not find its row: the key is NULL, or its Go value differs from the stored one.
func (s *Set) Loose() bool { return s.loose }

// Unfit returns the fields of row i that cannot hold the stored values, and are zero.
func (s *Set) Unfit(i int) []*schema.Field { return s.unfit[i] }

func (s *Set) noteUnfit(i int, fields []*schema.Field) {
	if len(fields) == 0 {
		return
	}
	if s.unfit == nil {
		s.unfit = map[int][]*schema.Field{}
	}
	s.unfit[i] = fields
}

// Len returns the number of rows.
func (s *Set) Len() int { return s.n }

// Rows returns all rows. They are addressable.
func (s *Set) Rows() []reflect.Value {
	values := make([]reflect.Value, s.Len())
	for i := range values {
		values[i] = s.first.Index(i)
	}
	return values
}

// Row returns row i. It is addressable.
func (s *Set) Row(i int) reflect.Value { return s.first.Index(i) }

// Copy returns the second struct of row i.
func (s *Set) Copy(i int) reflect.Value {
	if s.pair {
		return s.first.Index(1)
	}
	return s.second.Index(i)
}

// text is a SELECT by primary key whose SQL is built once.
type text struct {
	sql  string
	tail []any // values bound after the key
}

type textKey struct {
	table            string
	scoped, keysOnly bool
	lock, named      bool
}

// ByKey reads the row with this primary key from the table of a statement. The set is empty when there is none.
func (m *Model) ByKey(db *gorm.DB, key []any, q Query) (*Set, error) {
	q.one, q.named = true, m.names(db, q)
	k := textKey{table: db.Statement.Table, scoped: q.Scoped, keysOnly: q.KeysOnly, lock: q.Lock, named: q.named}
	cached := db.Statement.TableExpr == nil && m.cacheable()
	if cached {
		if found, ok := m.texts.Load(k); ok {
			if t, ok := found.(*text); ok {
				vars := make([]any, 0, len(key)+len(t.tail))
				set, err := m.read(db, t.sql, append(append(vars, key...), t.tail...), q)
				if m.outdated(db, q, err) {
					return m.ByKey(db, key, q)
				}
				return set, err
			}
		}
	}
	q.Where = []clause.Expression{In("", m.Keys, [][]any{key})}
	stmt := m.build(db, q)
	sql := stmt.SQL.String()
	if cached && stmt.Error == nil {
		m.texts.Store(k, &text{sql: sql, tail: stmt.Vars[len(key):]})
	}
	return m.query(db, stmt, q)
}

// cacheable reports whether each column of a key binds exactly one value.
func (m *Model) cacheable() bool {
	for _, f := range m.Keys {
		if !direct(f) {
			return false
		}
	}
	return true
}

// Find reads rows from the table of a statement.
func (m *Model) Find(db *gorm.DB, q Query) (*Set, error) {
	q.named = m.names(db, q)
	return m.query(db, m.build(db, q), q)
}

// query runs a SELECT that build made.
func (m *Model) query(db *gorm.DB, stmt *gorm.Statement, q Query) (*Set, error) {
	if err := stmt.Error; err != nil {
		return nil, err
	}
	set, err := m.read(stmt.DB, stmt.SQL.String(), stmt.Vars, q)
	if m.outdated(db, q, err) {
		q.named = false
		return m.query(db, m.build(db, q), q)
	}
	set.found = set.n
	if !q.Alone && Joins(db.Statement) {
		set.distinct(db.Statement.Context, m)
	}
	return set, err
}

// build makes the SELECT of a query. It takes the table and the FROM clause from db's statement.
func (m *Model) build(db *gorm.DB, q Query) *gorm.Statement {
	if q.Lock && q.Found && q.named && m.LocksFound(db) {
		return m.buildFound(db, q)
	}
	from := db.Statement
	tx := db.Session(&gorm.Session{NewDB: true}).Model(m.zero)
	tx.Error = nil
	stmt := tx.Statement
	stmt.Schema, stmt.Table, stmt.TableExpr, stmt.Unscoped = m.Schema, from.Table, from.TableExpr, !q.Scoped
	stmt.Vars = slices.Clone(q.before)
	stmt.BuildClauses = db.Callback().Query().Clauses
	joined := !q.Alone && Joins(from)
	stmt.AddClause(m.choose(stmt, q, joined))
	if joined {
		f, _ := from.Clauses["FROM"].Expression.(clause.From)
		f.Tables = append([]clause.Table{{Name: clause.CurrentTable}}, f.Tables...)
		stmt.AddClause(f)
	}
	if len(q.Where) > 0 {
		stmt.AddClause(clause.Where{Exprs: q.Where})
	}
	if q.Ordered {
		for _, f := range m.Keys {
			by := clause.Column{Name: f.DBName}
			if joined {
				by.Table = clause.CurrentTable
			}
			stmt.AddClause(clause.OrderBy{Columns: []clause.OrderByColumn{{Column: by}}})
		}
	}
	if q.Limit > 0 {
		stmt.AddClause(clause.Limit{Limit: &q.Limit})
	}
	for _, c := range q.Extra {
		stmt.AddClause(c)
	}
	if q.Lock && locks(db.Name()) {
		lock := clause.Locking{Strength: clause.LockingStrengthUpdate}
		if q.Share && db.Name() == "postgres" {
			lock.Strength = "KEY SHARE"
		}
		if joined && db.Name() == "postgres" {
			lock.Table = clause.Table{Name: Bare(from.Table)} // a lock cannot name a schema
		}
		stmt.AddClause(lock)
	}
	callbacks.BuildQuerySQL(tx)
	return stmt
}

// Bare cuts the schema off the name of a table.
func Bare(table string) string { return table[strings.LastIndex(table, ".")+1:] }

// Joins reports whether a statement joins other tables.
func Joins(stmt *gorm.Statement) bool {
	f, ok := stmt.Clauses["FROM"].Expression.(clause.From)
	return ok && (len(f.Tables) > 0 || len(f.Joins) > 0)
}

// locks reports whether a dialect has SELECT ... FOR UPDATE.
func locks(dialect string) bool { return dialect == "postgres" || dialect == "mysql" }

// make allocates the rows. A single row and its copy are one allocation.
func (s *Set) make(m *Model, q Query) {
	if q.one {
		s.first, s.pair = reflect.New(m.pair).Elem(), true
		return
	}
	s.first = reflect.New(m.slice).Elem()
	if q.Twice {
		s.second = reflect.New(m.slice).Elem()
	}
}

// distinct drops rows whose key has occurred before: a join returns a row once for each match.
func (s *Set) distinct(ctx context.Context, m *Model) {
	if len(m.Keys) == 0 {
		return
	}
	seen, n := map[string]bool{}, 0
	for i := range s.n {
		id := m.Identity(ctx, s.first.Index(i))
		if seen[id] {
			continue
		}
		seen[id] = true
		s.first.Index(n).Set(s.first.Index(i))
		if s.unfit != nil {
			s.unfit[n] = s.unfit[i]
		}
		if s.second.IsValid() {
			s.second.Index(n).Set(s.second.Index(i))
		}
		n++
	}
	s.n = n
}

// grow adds a zero row and returns its index.
func (s *Set) grow() int {
	n := s.n
	s.n++
	if s.pair {
		return n
	}
	s.first.Grow(1)
	s.first.SetLen(s.n)
	if s.second.IsValid() {
		s.second.Grow(1)
		s.second.SetLen(s.n)
	}
	return n
}
