package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// keptBatches is how many batches of children are kept from their pre_delete to their post_delete, for the database to delete. If there are more, the
// write reads the children again and deletes them batch by batch, to bound memory.
const keptBatches = 10

// cascading is the deletes of children that the deletion of one batch causes.
type cascading struct {
	w         *remove
	late      bool      // pre_delete of the rows themselves is sent
	announced []*remove // deletes whose pre_delete is sent, children before their parents
	rows      int       // rows of all children so far
	tooMany   bool
	circles   bool // several paths lead to a row
	touched   bool // receivers ran statements
	seen      map[*schema.Schema]map[string]bool
	matched   map[string]int   // rows of the batch that may be children too, by key
	walked    []bool           // by row of the batch: its turn came before it was announced as a child
	named     map[*remove]bool // deletes of rows that the statement names; true for rows of this batch
	told      int              // rows of the batch that were announced as children
	counted   int64            // rows that the statement would have counted, and that other statements deleted
	short     bool             // a statement that deletes children has left some
}

// preCascade sends pre_delete for the children of the batch. late says that pre_delete of the batch itself was sent before.
func (w *remove) preCascade(late bool) error {
	w.below = nil
	if goes, err := w.hasBelow(); !goes || err != nil {
		return err
	}
	c := &cascading{w: w, late: late, named: map[*remove]bool{}}
	w.below = c
	if !late && w.plan.Shared[w.schema] {
		c.matched, c.walked = map[string]int{}, make([]bool, len(w.rows))
		for i := range w.rows {
			c.matched[w.model.Identity(w.stmt.Context, w.rows[i].Value())] = i
		}
	}
	if err := c.walk(c.announce); err != nil || !c.touched {
		return err
	}
	return w.silence(false)
}

// selects reports whether GORM may delete children of the rows by statements of their own before it deletes the rows.
func (w *remove) selects() bool { return len(w.stmt.Selects) > 0 }

// hasBelow reports whether the database deletes children with the rows for which signals are sent.
func (w *remove) hasBelow() (bool, error) {
	if w.soft || !w.ownTable() {
		return false, nil
	}
	for _, edge := range w.plan.Cascades {
		if has, err := w.reg.Catalog.Has(w.db, edge.Cascade); err != nil || has {
			return has, err
		}
	}
	return false, nil
}

// walk visits the children of the batch at all levels, children before their parents, batch by batch.
func (c *cascading) walk(visit func(*remove) error) error {
	c.seen = map[*schema.Schema]map[string]bool{}
	parents := make([]reflect.Value, len(c.w.rows))
	for i := range parents {
		parents[i] = c.w.rows[i].Value()
	}
	if c.late { // none of them is announced again as a child
		parents = c.unseen(c.w.model, parents)
	}
	if c.matched == nil {
		return c.walkFrom(c.w.plan, parents, visit)
	}
	for i := range parents { // one by one: one of them may be a child of another
		if c.w.rows[i].Silent {
			continue
		}
		c.walked[i] = true
		parent := c.unseen(c.w.model, parents[i:i+1:i+1])
		if err := c.walkFrom(c.w.plan, parent, visit); err != nil {
			return err
		}
		if !c.w.rows[i].Silent { // a later row may still have it as a child
			delete(c.seen[c.w.schema], c.w.model.Identity(c.w.stmt.Context, parents[i]))
		}
	}
	return nil
}

func (c *cascading) walkFrom(p *dispatch.Plan, parents []reflect.Value, visit func(*remove) error) error {
	for _, edge := range p.Cascades {
		has, err := c.w.reg.Catalog.Has(c.w.db, edge.Cascade)
		if err != nil {
			return err
		}
		if !has {
			continue
		}
		for some := range slices.Chunk(parents, c.w.reg.perStatement(len(edge.ForeignKeys))) {
			if err := c.walkEdge(edge, some, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// walkEdge visits the children of some parents, and before each batch of them their own children.
func (c *cascading) walkEdge(edge *dispatch.Cascade, parents []reflect.Value, visit func(*remove) error) error {
	var values [][]any
	for _, parent := range parents {
		if v, set := rows.ValuesOf(c.w.stmt.Context, edge.References, parent); set || !slices.ContainsFunc(v, rows.Null) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	reader := c.child(edge.Plan)
	q := rows.Query{Where: []clause.Expression{rows.In(c.w.db.Name(), edge.ForeignKeys, values)}, Lock: reader.lockable()}
	if obeyed := relations.Obeyed(c.w.db.Name()); obeyed != nil { // a session that ignores foreign keys keeps the children
		q.Where = append(q.Where, obeyed)
	}
	q.KeysOnly = edge.Plan.Needs.Delete == dispatch.Keys && len(reader.model.Keys) > 0
	cursor := reader.model.Walk(q, reader.batchSize(), false)
	for {
		set, err := cursor.Next(reader.db)
		if err != nil || set.Len() == 0 {
			return err
		}
		batch := c.unseen(reader.model, set.Rows())
		c.circles = c.circles || len(batch) < set.Len()
		if err = c.walkFrom(edge.Plan, batch, visit); err != nil {
			return err
		}
		children, err := c.children(edge, batch)
		if err != nil {
			return err
		}
		for _, child := range children {
			if err := visit(child); err != nil {
				return err
			}
		}
	}
}

// child makes the delete of rows that the database deletes with their parents.
func (c *cascading) child(p *dispatch.Plan) *remove {
	child := &remove{}
	child.openBeside(&c.w.write, p, dispatch.PreDelete)
	child.post.Kind = dispatch.PostDelete
	child.facts.Result, child.facts.Cascade, child.stmt.Unscoped = change.Deleted, true, true
	return child
}

// again reports whether the rows can be read again and deleted by key, so that they need not be kept.
func (w *remove) again() bool { return len(w.model.Keys) > 0 }

// goesWith returns the relation whose links the database deletes with the owner.
func goesWith(c *dispatch.Cascade) *schema.Relationship {
	for _, l := range c.Plan.Links {
		if l.Schema == c.Parent && l.OwnedThrough(c.ForeignKeys) {
			return l.Relationship
		}
	}
	return &schema.Relationship{} // one that the parent does not declare
}

// unseen leaves out rows that the walk has met before, if several paths may lead to them.
func (c *cascading) unseen(model *rows.Model, batch []reflect.Value) []reflect.Value {
	if !c.w.plan.Shared[model.Schema] || len(model.Keys) == 0 {
		return batch
	}
	seen := c.seen[model.Schema]
	if seen == nil {
		seen = map[string]bool{}
		c.seen[model.Schema] = seen
	}
	return slices.DeleteFunc(batch, func(v reflect.Value) bool {
		id := model.Identity(c.w.stmt.Context, v)
		defer func() { seen[id] = true }()
		return seen[id]
	})
}

// announce sends pre_delete for children, and keeps them unless there are too many.
func (c *cascading) announce(child *remove) error {
	if err := child.sendPre(dispatch.PreDelete); err != nil {
		return err
	}
	c.touched = c.touched || child.touched
	c.rows += len(child.rows)
	if c.rows > keptBatches*c.w.reg.BatchSize && !c.tooMany {
		c.tooMany = true
		c.announced = slices.DeleteFunc(c.announced, (*remove).again)
	}
	if !c.tooMany || !child.again() {
		c.announced = append(c.announced, child)
	}
	return nil
}

// sweep runs right before the rows of the batch are deleted. If there are too many children to keep, it deletes them now.
func (c *cascading) sweep() error {
	switch {
	case c == nil:
		return nil
	case c.tooMany && c.circles:
		return c.announceAll()
	case c.tooMany:
		return c.walk(c.remove)
	}
	c.touched = c.touched || c.w.touched
	for range c.w.reg.MaxDepth { // receivers may add children for each one that is announced
		if !c.touched {
			break
		}
		c.touched = false
		if err := c.look(); err != nil {
			return err
		}
	}
	return nil
}

// announceAll reads all children again to keep them, because deleting some would delete others before their turn.
func (c *cascading) announceAll() error {
	c.announced = nil
	return c.walk(func(child *remove) error {
		c.announced = append(c.announced, child)
		for _, s := range child.links {
			if err := s.fill(&child.write, false); err != nil { // the owners are still there to be read
				return err
			}
		}
		return nil
	})
}

// look reads the children again after receivers have written. It silences those that were deleted or moved, and announces new ones.
func (c *cascading) look() error {
	type key struct {
		schema *schema.Schema
		id     string
	}
	known := map[key]*change.Row{}
	for _, child := range c.announced {
		for i := range child.rows {
			r := &child.rows[i]
			if len(child.model.Keys) > 0 {
				known[key{child.schema, child.model.Identity(c.w.stmt.Context, r.Value())}] = r
				r.Silent = true // until it is found
			}
		}
	}
	return c.walk(func(child *remove) error {
		for i := range child.rows {
			if r := known[key{child.schema, child.model.Identity(c.w.stmt.Context, child.rows[i].Value())}]; r != nil {
				r.Silent, child.rows[i].Silent = false, true
			}
		}
		child.rows = slices.DeleteFunc(child.rows, func(r change.Row) bool { return r.Silent || len(child.model.Keys) == 0 })
		if len(child.rows) == 0 {
			return nil
		}
		return c.announce(child)
	})
}
