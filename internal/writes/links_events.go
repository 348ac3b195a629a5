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

// linkChange is one event to be: links of one owner that appear, or that go.
type linkChange struct {
	own    []any
	others [][]any
	gone   bool
}

// fill makes one event of all links of an owner that appear or go with the rows of a write.
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

// changes compares what the rows of a write are before and after it.
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

// load reads the owners of the changes, as far as they are not known yet, and the other side where the join table
// does not hold its primary key.
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

// readsOwners reports whether somebody needs more of the owners than what the join table holds.
func (s *sideWrite) readsOwners() bool { return s.w.plan.Needs.Link > dispatch.Keys || !s.OwnKeyed() }

// takeOwners keeps owners that were read.
func (s *sideWrite) takeOwners(found []reflect.Value) {
	for _, stored := range found {
		id, _ := rows.ValuesOf(s.w.stmt.Context, s.OwnFields(), stored)
		s.owners[rows.Identity(id)] = stored.Addr().Interface()
	}
}

// fillOwners makes up the owners that were not read, or are not there.
func (s *sideWrite) fillOwners(keys [][]any) {
	for _, key := range keys {
		if id := rows.Identity(key); s.owners[id] == nil {
			s.owners[id] = s.only(s.OwnFields(), key)
		}
	}
}

// askOwners returns the reads of the owners of all links that an INSERT is given, before it is known which ones are new.
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

// only makes an instance of which nothing but what the join table holds is known.
func (s *sideWrite) only(fields []*schema.Field, values []any) any {
	v := reflect.New(s.w.schema.ModelType)
	for i, f := range fields {
		_ = f.Set(s.w.stmt.Context, v.Elem(), values[i]) // the value comes from such a field
	}
	return v.Interface()
}

// key returns the primary key of the other side: a value, or a []any when it is composite.
func (s *sideWrite) key(other []any) any {
	key, held := s.OtherKey(other)
	if !held {
		key = s.others[rows.Identity(other)]
	}
	switch len(key) {
	case 0:
		return other[0] // the row that the link refers to is not there
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
