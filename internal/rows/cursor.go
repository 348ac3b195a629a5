package rows

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Cursor reads the rows of a conditional write batch by batch, in key order, so that memory holds one batch only. The caller may write a batch before
// it reads the next one.
type Cursor struct {
	model *Model
	query Query
	size  int
	last  []any   // the next batch begins after this key
	since []any   // the last batch began after this key
	until []any   // the last key to read; nil if End has found none
	keys  [][]any // remaining keys, read up front if conditions could see earlier writes
	all   bool    // the keys were read up front
	done  bool
	loose bool // a condition on one of keys would not find its row

	also    []clause.Expression // conditions beside the keys
	further bool                // the conditions look at other rows
	calls   bool                // the conditions call functions
	coming  map[string]int      // by key: how many keys are left, this one included, when it is the first
}

// Done reports whether no further batch can come.
func (c *Cursor) Done() bool { return c.done }

// Further reports whether the conditions of the query look at other rows, so that writes may change which rows match.
func (c *Cursor) Further() bool { return c.further }

// Since returns the key after which the last batch began, nil for the first batch. It reports false if key order and conditions do not repeat the
// batch: the keys were read up front, or conditions look at other rows or call functions such as now().
func (c *Cursor) Since() (key []any, ok bool) { return c.since, !c.all && !c.further && !c.calls }

// Add replaces the conditions of further batches by where. Keys that were read up front get only the conditions in also, which are new.
func (c *Cursor) Add(where, also []clause.Expression) { c.query.Where, c.also = where, Group(also) }

// Walk returns a cursor over the rows of a query in batches of size. If there is no primary key, or whole is true, there is one batch.
func (m *Model) Walk(q Query, size int, whole bool) *Cursor {
	q.Ordered = len(m.Keys) > 0
	if whole || !q.Ordered {
		size = 0
	}
	return &Cursor{model: m, query: q, size: size}
}

// Only is Walk over the rows that LIMIT and ORDER BY select, for dialects that have them in UPDATE and DELETE.
func (m *Model) Only(db *gorm.DB, q Query, size int, clauses []clause.Interface) (*Cursor, error) {
	c := m.Walk(q, size, false)
	return c, c.readKeys(db, clauses)
}

// Next reads the next batch. An empty set means the end.
func (c *Cursor) Next(db *gorm.DB) (*Set, error) {
	switch {
	case c.done:
		return &Set{}, nil
	case c.all:
		return c.nextKnown(db)
	}
	q := c.query
	c.since = c.last
	q.Where = c.left()
	q.Limit, q.named = c.size, c.model.names(db, q)
	stmt := c.model.build(db, q)
	c.further, c.calls = looksFurther(stmt.SQL.String()), callsFunctions(stmt.SQL.String())
	set, err := c.model.query(db, stmt, q)
	if err != nil {
		return set, err
	}
	c.done = c.size == 0 || set.found < c.size
	if c.done {
		return set, nil
	}
	if c.further {
		if err := c.readKeys(db, nil); err != nil {
			return set, err
		}
		c.keys = c.keys[min(set.Len(), len(c.keys)):]
		c.done = len(c.keys) == 0
		return set, nil
	}
	c.last, _ = c.model.KeyOf(db.Statement.Context, set.Row(set.Len()-1))
	return set, nil
}

// left returns the conditions of the rows that are still to read.
func (c *Cursor) left() []clause.Expression {
	where := slices.Clone(Group(c.query.Where))
	if c.last != nil {
		where = append(where, After(c.model.Keys, c.last))
	}
	if c.until != nil {
		where = append(where, UpTo(c.model.Keys, c.until))
	}
	return where
}

// End makes the last row that matches now the last one to read. Otherwise a write whose receivers add matching rows would not end.
func (c *Cursor) End(db *gorm.DB) error {
	if c.all || c.done || c.until != nil || len(c.model.Keys) == 0 {
		return nil
	}
	var last clause.OrderBy
	for _, f := range c.model.Keys {
		last.Columns = append(last.Columns, clause.OrderByColumn{Column: clause.Column{Table: clause.CurrentTable, Name: f.DBName}, Desc: true})
	}
	set, err := c.model.Find(db, Query{Where: c.left(), KeysOnly: true, Limit: 1, Extra: append(slices.Clone(c.query.Extra), last)})
	if err != nil || set.Loose() {
		return err
	}
	if set.Len() == 0 {
		c.done = true
		return nil
	}
	c.until, _ = c.model.KeyOf(db.Statement.Context, set.Row(0))
	return nil
}

// Again drops the keys that are still to read if the conditions no longer find their rows.
func (c *Cursor) Again(db *gorm.DB) error {
	if !c.all || len(c.keys) == 0 {
		return nil
	}
	now := *c
	if err := now.readKeys(db, nil); err != nil {
		return err
	}
	found := make(map[string]bool, len(now.keys))
	for _, key := range now.keys {
		found[Identity(key)] = true
	}
	c.keys = slices.DeleteFunc(c.keys, func(key []any) bool { return !found[Identity(key)] })
	c.coming, c.done = nil, c.done || len(c.keys) == 0
	return nil
}

// Settle reads the keys of all remaining rows, because the next write may move rows behind them in key order.
func (c *Cursor) Settle(db *gorm.DB) error {
	if c.all || c.done {
		return nil
	}
	rest := *c
	rest.query.Where = c.left()
	if err := rest.readKeys(db, nil); err != nil || rest.loose {
		return err
	}
	c.all, c.keys, c.done = true, rest.keys, len(rest.keys) == 0
	return nil
}

// Loose reports whether a condition on one of the keys that were read up front would not find its row.
func (c *Cursor) Loose() bool { return c.loose }

// Rest reads the rows of the last batch and all rows after it, for batches with loose keys. It also returns the condition that these rows meet beside
// those of the query.
func (c *Cursor) Rest(db *gorm.DB) (*Set, clause.Expression, error) {
	q := c.query
	q.KeysOnly, q.Limit = false, 0
	behind := After(c.model.Keys, c.since)
	q.Where = append(Group(q.Where), behind)
	set, err := c.model.Find(db, q)
	return set, behind, err
}

// nextKnown reads the rows of the next keys. If all rows of a batch are gone, it reads the next batch.
func (c *Cursor) nextKnown(db *gorm.DB) (*Set, error) {
	for len(c.keys) > 0 {
		n := min(c.size, len(c.keys))
		q := c.query
		q.Where = append([]clause.Expression{In(db.Name(), c.model.Keys, c.keys[:n])}, c.also...)
		q.Alone = len(c.also) == 0
		c.keys = c.keys[n:]
		c.done = len(c.keys) == 0
		if set, err := c.model.Find(db, q); err != nil || set.Len() > 0 {
			return set, err
		}
	}
	c.done = true
	return &Set{}, nil
}

// readKeys reads the keys of all rows of the query.
func (c *Cursor) readKeys(db *gorm.DB, clauses []clause.Interface) error {
	q := c.query
	q.KeysOnly, q.Twice, q.Ordered, q.Extra = true, false, len(clauses) == 0, clauses
	stmt := c.model.build(db, q)
	c.further = c.further || looksFurther(stmt.SQL.String())
	set, err := c.model.query(db, stmt, q)
	if err != nil {
		return err
	}
	c.loose = set.Loose()
	c.all, c.keys = true, make([][]any, set.Len())
	for i := range c.keys {
		c.keys[i], _ = c.model.KeyOf(db.Statement.Context, set.Row(i))
	}
	return nil
}
