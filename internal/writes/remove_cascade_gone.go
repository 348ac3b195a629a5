package writes

import (
	"reflect"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// This file decides how children are announced that the statement names too, and finds out which children are gone in the end.

// deleteOrder returns how a conditional delete takes its rows. One call on a relation sends its links in one event, so it takes one batch. If the
// table has cascades to itself, the statement may name a child too: all keys are read before the first batch is deleted.
func (w *remove) deleteOrder(ofRelation bool) order {
	_, returning := w.stmt.Clauses["RETURNING"]
	switch {
	case ofRelation || (w.plan.Shared[w.schema] && returning):
		return inOneBatch
	case w.plan.Shared[w.schema]:
		return keysFirst
	}
	return inBatches
}

// children makes the deletes of a batch of children: rows of the same batch of the statement, rows of a later batch, and rows that only the cascade
// deletes.
func (c *cascading) children(edge *dispatch.Cascade, batch []reflect.Value) ([]*remove, error) {
	if !edge.Plan.ListensToDeletes() {
		return nil, nil
	}
	named, later, others := c.child(edge.Plan), c.child(edge.Plan), c.child(edge.Plan)
	named.facts.Cascade, later.facts.Cascade = false, false
	for _, v := range batch {
		i, now := c.matched[named.model.Identity(c.w.stmt.Context, v)]
		switch {
		case edge.Child != c.w.schema:
			others.add(v, false)
		case now:
			if r := &c.w.rows[i]; !r.Silent { // it is announced here, before its parent
				r.Silent = true
				c.told++
			}
			named.add(v, false)
		case c.w.find.cursor != nil && c.w.find.cursor.Comes(c.w.stmt.Context, v):
			later.add(v, false)
		default:
			others.add(v, false)
		}
	}
	c.named[named], c.named[later] = true, false
	var made []*remove
	for _, child := range []*remove{named, later, others} {
		if len(child.rows) == 0 {
			continue
		}
		if err := child.prepare(dispatch.PostDelete); err != nil {
			return nil, err
		}
		if err := child.openLinks(goesWith(edge), true); err != nil {
			return nil, err
		}
		made = append(made, child)
	}
	return made, nil
}

// remove deletes children, and sends post_delete for them. Rows that the statement leaves are deleted with their parents, or stay with them.
func (c *cascading) remove(child *remove) error {
	if !child.again() {
		return nil
	}
	stored := make([]reflect.Value, len(child.rows))
	for i := range stored {
		stored[i] = child.rows[i].Value()
	}
	tx := child.keyed(child.isOneOf(stored)).Delete(reflect.New(child.schema.ModelType).Interface())
	if tx.Error != nil {
		return tx.Error
	}
	if tx.RowsAffected < int64(len(child.rows)) {
		if err := child.silence(true); err != nil {
			return err
		}
		c.announceLeft(child)
	}
	c.count(child, true)
	return c.w.sendPostBeside(&child.write, dispatch.PostDelete)
}

// announceLeft keeps the rows of a delete that are still there.
func (c *cascading) announceLeft(child *remove) {
	left := c.child(child.plan)
	left.facts.Cascade, left.links = child.facts.Cascade, child.links
	if now, named := c.named[child]; named {
		c.named[left] = now
	}
	for i := range child.rows {
		if child.rows[i].Silent {
			left.add(child.rows[i].Value(), false)
		}
	}
	if len(left.rows) > 0 {
		c.announced, c.short = append(c.announced, left), true
	}
}

// count counts rows that the statement names and that its own DELETE no longer finds: those of later batches, and removed ones. PostgreSQL counts all
// of them as deleted by the statement. SQLite and MySQL count no row that is deleted with its parent before its turn.
func (c *cascading) count(child *remove, removed bool) {
	now, named := c.named[child]
	if !named || (now && !removed) {
		return
	}
	for i := range child.rows {
		if r := &child.rows[i]; !r.Silent && (c.w.dialect().CountsCascaded() || (now && c.walked[c.matched[child.model.Identity(c.w.stmt.Context, r.Value())]])) {
			c.counted++
		}
	}
}

// finish sends post_delete for the kept children, which the database has deleted by now.
func (c *cascading) finish() error {
	if c == nil {
		return nil
	}
	look := c.mayHaveStayed()
	for _, child := range c.announced {
		if look {
			if err := c.silenceStored(child); err != nil {
				return err
			}
		}
		c.count(child, false)
		if err := c.w.sendPostBeside(&child.write, dispatch.PostDelete); err != nil {
			return err
		}
	}
	return nil
}

// mayHaveStayed reports whether children may still be stored: their parents were not deleted, or a trigger kept them. Only PostgreSQL lets a trigger
// keep rows of a cascade. Other databases refuse the statement.
func (c *cascading) mayHaveStayed() bool {
	if c.short || c.w.dialect().SparesCascaded() {
		return true
	}
	return c.silent() > c.told
}

func (c *cascading) silent() (n int) {
	for i := range c.w.rows {
		if c.w.rows[i].Silent {
			n++
		}
	}
	return n
}

// silenceStored silences children that are still stored. Children without a key cannot be looked up: they count as stored if all parents are.
func (c *cascading) silenceStored(child *remove) error {
	if len(child.model.Keys) > 0 {
		return child.silence(true)
	}
	if c.told == 0 && c.silent() == len(c.w.rows) {
		child.silenceAll()
	}
	return nil
}

// gone returns how many rows of the statement its own DELETE did not count.
func (c *cascading) gone() int64 {
	if c == nil {
		return 0
	}
	return c.counted
}
