package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// linkChange is a coming event: added or removed links of one owner.
type linkChange struct {
	own    []any
	others [][]any
	gone   bool
}

// fill makes the events of a write: one for all added links of an owner, and one for all removed ones.
func (s *sideWrite) fill(of *write, after bool) error {
	changes := s.changes(of)
	if err := s.load(changes); err != nil {
		return err
	}
	s.w.room(len(changes))
	for _, c := range changes {
		l := &change.Linked{Relation: s.Name, Action: s.action(c.gone, after), Reverse: s.reverse}
		for _, other := range c.others {
			l.Keys = append(l.Keys, s.key(other))
		}
		s.w.rows = append(s.w.rows, change.Row{Facts: s.w.facts, Instance: s.owners[rows.Identity(c.own)], Linked: l})
	}
	return nil
}

// changes compares the links that the rows are before and after a write.
func (s *sideWrite) changes(of *write) []linkChange {
	var gone, come []linkChange
	at, told := map[string]int{}, map[string]bool{}
	add := func(list *[]linkChange, of string, c linkChange, other []any) {
		of += rows.Identity(c.own)
		i, ok := at[of]
		if !ok {
			i = len(*list)
			at[of], *list = i, append(*list, c)
		}
		if id := of + "," + rows.Identity(other); !told[id] { // a join table without a key may hold a link twice
			told[id] = true
			(*list)[i].others = append((*list)[i].others, other)
		}
	}
	for i := range of.rows {
		r := &of.rows[i]
		if r.Silent {
			continue
		}
		own, other, was := of.linkOf(r, s.Link, false)
		newOwn, newOther, is := of.linkOf(r, s.Link, true)
		if was && is && relations.Identity(own, other) == relations.Identity(newOwn, newOther) {
			continue
		}
		if was {
			add(&gone, "-", linkChange{own: own, gone: true}, other)
		}
		if is {
			add(&come, "+", linkChange{own: newOwn}, newOther)
		}
	}
	return append(gone, come...)
}

func (s *sideWrite) action(gone, after bool) change.Action {
	action := change.PreAdd
	switch {
	case gone && s.clears:
		action = change.PreClear
	case gone:
		action = change.PreRemove
	}
	if after {
		action++
	}
	return action
}

// load reads the owners that are not known yet, and the primary keys of the other side if the join table does not hold them.
func (s *sideWrite) load(changes []linkChange) error {
	var own, others [][]any
	for _, c := range changes {
		if _, known := s.owners[rows.Identity(c.own)]; !known {
			own = append(own, c.own)
		}
		for _, other := range c.others {
			if _, held := s.OtherKey(other); !held && s.others[rows.Identity(other)] == nil {
				others = append(others, other)
			}
		}
	}
	own, others = distinct(own), distinct(others)
	if s.readsOwners() {
		var found []reflect.Value
		if err := s.w.findIn(s.OwnFields(), own, rows.Query{}, func(stored reflect.Value) { found = append(found, stored) }); err != nil {
			return err
		}
		s.takeOwners(found)
	}
	s.fillOwners(own)
	if len(others) == 0 {
		return nil
	}
	other := s.w.beside(s.w.reg.Silent(s.FieldSchema, ""), dispatch.M2mChanged)
	return other.findIn(s.OtherFields(), others, rows.Query{}, func(stored reflect.Value) {
		id, _ := rows.ValuesOf(s.w.stmt.Context, s.OtherFields(), stored)
		s.others[rows.Identity(id)], _ = other.model.KeyOf(s.w.stmt.Context, stored)
	})
}

// readsOwners reports whether receivers need more of the owners than the join table holds.
func (s *sideWrite) readsOwners() bool { return s.w.plan.Needs.Link > dispatch.Keys || !s.OwnKeyed() }

// takeOwners keeps owners that were read.
func (s *sideWrite) takeOwners(found []reflect.Value) {
	for _, stored := range found {
		id, _ := rows.ValuesOf(s.w.stmt.Context, s.OwnFields(), stored)
		s.owners[rows.Identity(id)] = stored.Addr().Interface()
	}
}

// fillOwners makes owners from their keys if they were not read or do not exist.
func (s *sideWrite) fillOwners(keys [][]any) {
	for _, key := range keys {
		if id := rows.Identity(key); s.owners[id] == nil {
			s.owners[id] = s.only(s.OwnFields(), key)
		}
	}
}

// askOwners returns the reads of the owners of all links in an INSERT, before it is known which links are new.
func (w *insert) askOwners() []ask {
	var asks []ask
	for _, s := range w.links {
		if !s.readsOwners() || w.race != nil { // after a race they are known
			continue
		}
		var own [][]any
		for i := range w.rows {
			if key, _, is := w.linkOf(&w.rows[i], s.Link, true); is {
				own = append(own, key)
			}
		}
		if own = distinct(own); len(own) == 0 {
			continue
		}
		asks = append(asks, ask{rows.Read{Model: s.w.model, DB: s.w.db, By: s.OwnFields(), Values: own}, func(found []reflect.Value) {
			s.takeOwners(found)
			s.fillOwners(own)
			s.early = w.statements()
		}})
	}
	return asks
}

// only makes an instance that has only the values of the join table.
func (s *sideWrite) only(fields []*schema.Field, values []any) any {
	v := reflect.New(s.w.schema.ModelType)
	for i, f := range fields {
		_ = f.Set(s.w.stmt.Context, v.Elem(), values[i]) // the value comes from such a field
	}
	return v.Interface()
}

// key returns the primary key of the other side: a value, or a []any if it is composite.
func (s *sideWrite) key(other []any) any {
	key, held := s.OtherKey(other)
	if !held {
		key = s.others[rows.Identity(other)]
	}
	switch len(key) {
	case 0:
		return other[0] // the row of the other side does not exist
	case 1:
		return key[0]
	}
	return key
}

func distinct(values [][]any) [][]any {
	known := map[string]bool{}
	return slices.DeleteFunc(values, func(v []any) bool {
		id := rows.Identity(v)
		defer func() { known[id] = true }()
		return known[id]
	})
}
