package writes

import (
	"context"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// links are the relations over a join table to whose owners a write of its rows sends m2m_changed.
type links []*sideWrite // the side that the program changes comes first

// sideWrite sends m2m_changed to the owners of one relation.
type sideWrite struct {
	*relations.Link

	w       *write           // of the owners: its rows are the events
	reverse bool             // the links are changed from the other side
	clears  bool             // all links of the owners are removed
	owners  map[string]any   // instances, by the columns that join rows refer to
	others  map[string][]any // primary keys of the other side, by the columns that join rows refer to instead
	early   int              // statements of the transaction when the owners were read, if that was before new links were known; otherwise 0
}

// openLinks begins m2m_changed for the relations over a join table. from is the relation that the program changes, or nil if it writes join rows as a
// model.
func (w *write) openLinks(from *schema.Relationship, clears bool) error {
	if len(w.plan.Sides) == 0 || !w.ownTable() {
		return nil
	}
	if err := w.begin(); err != nil { // an error of a receiver undoes the change in every mode
		return err
	}
	var reverse links
	for _, s := range w.plan.Sides {
		sw := &sideWrite{Link: s.Link, w: w.beside(s.Plan, dispatch.M2mChanged), owners: map[string]any{}, others: map[string][]any{}}
		if err := sw.w.prepare(dispatch.M2mChanged); err != nil {
			return err
		}
		if sw.reverse = from != nil && !s.SameSide(from); sw.reverse {
			reverse = append(reverse, sw)
			continue
		}
		sw.clears = clears
		w.links = append(w.links, sw)
	}
	w.links = append(w.links, reverse...)
	return nil
}

// beside returns a write of another model in the same transaction, for signals that this one causes.
func (w *write) beside(p *dispatch.Plan, k dispatch.Kind) *write {
	other := &write{}
	other.openBeside(w, p, k)
	return other
}

// openBeside begins a write whose signals another one causes, in the same transaction.
func (w *write) openBeside(of *write, p *dispatch.Plan, k dispatch.Kind) {
	model := of.reg.Rows.Of(p.Schema)
	tx := of.db.Session(&gorm.Session{NewDB: true}).Model(model.Zero())
	_ = tx.Statement.Parse(model.Zero()) // the schema is known
	w.reg, w.plan, w.db, w.stmt, w.schema, w.model = of.reg, p, tx, tx.Statement, p.Schema, model
	w.facts = &w.told[0]
	*w.facts = w.statementFacts()
	w.pre.Open(of.stmt.Context, tx, k, p)
	w.post = w.pre
}

// sendPostBeside sends the post signal of a write beside this one. Its waiting sends wait for the end of this one.
func (w *write) sendPostBeside(other *write, k dispatch.Kind) error {
	err := other.sendPost(k)
	w.waiting, other.waiting = append(w.waiting, other.waiting...), nil
	return err
}

// ownTable reports whether a statement is on the table of its model, without an alias, and not on another one that Table names.
func (w *write) ownTable() bool {
	return w.tableName() == w.schema.Table && w.stmt.Table == rows.Bare(w.schema.Table)
}

// joinedBy finds the relation for which GORM inserts join rows. A join table without a model of its own has one relation. Otherwise the context may
// hold the statement that saves the owners.
func (w *write) joinedBy() *schema.Relationship {
	owner, _ := w.stmt.Context.Value(savingKey{}).(*saving)
	var found *schema.Relationship
	for _, s := range w.plan.Links {
		switch {
		case s.JoinTable != w.schema:
		case w.schema.ModelType.Name() == "":
			return s.Relationship
		case owner != nil && owner.stmt.Schema == s.Schema && found == nil:
			if s.Joins(w.stmt.Context, owner.stmt.ReflectValue, w.identities(s)) {
				found = s.Relationship
			}
		}
	}
	return found
}

// identities returns the identities of the links that the rows are, in order.
func (w *write) identities(l *relations.Link) []string {
	ids := make([]string, len(w.rows))
	for i := range w.rows {
		if own, other, ok := w.linkOf(&w.rows[i], l, true); ok {
			ids[i] = relations.Identity(own, other)
		}
	}
	return ids
}

// deletedBy finds the relation for which GORM deletes join rows.
func (w *write) deletedBy() (from *schema.Relationship, clears bool) {
	conditions := rows.Conditions(w.stmt)
	for _, s := range w.plan.Links {
		if s.JoinTable != w.schema {
			continue
		}
		if operated, clears := s.Operated(w.schema.Table, conditions); operated {
			return s.Relationship, clears
		}
	}
	return nil, false
}

// saving is a context that records which statement saves owners, for the statements on the join table that it causes. Two relations may share that
// table.
type saving struct {
	context.Context //nolint:containedctx // it is a context
	stmt            *gorm.Statement
}

type savingKey struct{}

// Value returns the context itself for its key.
func (s *saving) Value(key any) any {
	if key == (savingKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// WroteRows runs right after an INSERT, before GORM saves rows that refer to its rows.
func (r *Engine) WroteRows(db *gorm.DB) {
	r.Wrote(db)
	if k := writeOf(db); k == nil || k.base().plan.Marks {
		r.SaveLinks(db)
	}
}

// SaveLinks runs right before GORM saves the associations that come after a row.
func (r *Engine) SaveLinks(db *gorm.DB) {
	if p := r.planOfHooked(db); p != nil && p.Marks {
		ctx := db.Statement.Context
		if s, ok := ctx.(*saving); ok {
			ctx = s.Context
		}
		db.Statement.Context = &saving{ctx, db.Statement}
	}
}

// linkOf returns the link that a join row is before or after the write.
func (w *write) linkOf(r *change.Row, l *relations.Link, after bool) (own, other []any, ok bool) {
	if (after && w.deletes()) || (!after && r.Created) {
		return nil, nil, false
	}
	value := func(f *schema.Field) any {
		from := r.Instance
		if r.Original != nil && (!after || (r.Facts.Written != nil && !r.Facts.Written[f])) {
			from = r.Original
		}
		return rows.Value(w.stmt.Context, f, reflect.ValueOf(from).Elem())
	}
	if w.model.Hidden(w.db, value) {
		return nil, nil, false
	}
	return l.Of(w.stmt.Context, value)
}

// sendLinks sends m2m_changed for the links that the write adds or removes.
func (w *write) sendLinks(after bool) error {
	for _, s := range w.links {
		if s.early > 0 && !after && w.statements() > s.early { // receivers may have written the owners
			clear(s.owners)
		}
		if err := s.fill(w, after); err != nil {
			return err
		}
		if !after {
			if err := s.w.send(dispatch.M2mChanged, &s.w.pre); err != nil {
				return err
			}
			continue
		}
		if err := w.sendPostBeside(s.w, dispatch.M2mChanged); err != nil {
			return err
		}
	}
	return nil
}
