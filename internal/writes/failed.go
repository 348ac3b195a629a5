package writes

import (
	"reflect"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
)

// fallible is what a write notes for AfterFailure receivers.
type fallible struct {
	queued []*delivery.Deferred // its sends that wait
	last   *change.Row          // the first row of the last of these sends
	lost   []*delivery.Deferred // sends of rows that were not written, outside any transaction
}

// noted returns the notes for AfterFailure receivers. Few writes have such receivers, so the notes are allocated at their first use.
func (w *write) noted() *fallible {
	if w.fallible == nil {
		w.fallible = &fallible{}
	}
	return w.fallible
}

// note keeps a waiting send that AfterFailure receivers may need.
func (w *write) note(k dispatch.Kind, d *delivery.Deferred) {
	if k == w.post.Kind && len(w.rows) > 0 && w.plan.WaitsFor(k, dispatch.AfterFailure) {
		f := w.noted()
		f.queued, f.last = append(f.queued, d), &w.rows[0]
	}
}

// failing queues the AfterFailure receivers for the end of the transaction, if the call has failed.
func (w *write) failing() {
	err := w.db.Error
	if err == nil {
		return
	}
	if w.plan.WaitsFor(w.post.Kind, dispatch.AfterFailure) {
		if len(w.rows) == 0 && len(w.noted().queued) == 0 {
			w.takeNamed()
		}
		w.lose(w, err, w.succeeded)
	}
	for _, s := range w.links {
		if !s.w.plan.WaitsFor(dispatch.M2mChanged, dispatch.AfterFailure) {
			continue
		}
		for i := range s.w.rows { // the event has the post action
			if l := *s.w.rows[i].Linked; l.Action.Before() {
				l.Action++
				s.w.rows[i].Linked = &l
			}
		}
		w.lose(s.w, err, w.succeeded)
	}
}

// lose queues the AfterFailure receivers of a write, or of one beside it, with the error.
func (w *write) lose(of *write, err error, written bool) {
	f := of.noted()
	for _, d := range f.queued {
		d.Fail(err, true)
	}
	if len(of.rows) == 0 || f.last == &of.rows[0] {
		return
	}
	d := &delivery.Deferred{}
	d.Take(of.post.Kind, &of.post, of.stmt, of.facts, of.rows)
	if d.QueueLost(of.stmt.ConnPool, err, written) {
		w.noted().lost = append(w.noted().lost, d)
	}
}

// takeNamed takes the caller's structs that have a key as the rows of a write that did not begin.
func (w *write) takeNamed() {
	v := w.stmt.ReflectValue
	if model := reflect.ValueOf(w.stmt.Model); model.Kind() == reflect.Pointer && !model.IsNil() { // GORM may not know yet that the statement is an update
		v = reflect.Indirect(model)
	}
	*w.facts = w.statementFacts()
	w.facts.Strategy = change.WholeRow{}
	if w.deletes() {
		w.facts.Result = change.Deleted
	}
	take := func(v reflect.Value) {
		v = reflect.Indirect(v)
		if !v.IsValid() || v.Type() != w.schema.ModelType {
			return
		}
		if _, set := w.model.KeyOf(w.stmt.Context, v); set {
			w.add(w.model.Clone(w.stmt.Context, v).Elem(), false)
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		take(v)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			take(v.Index(i))
		}
	default:
	}
}

// AfterInsert is After for an INSERT.
func (r *Engine) AfterInsert(db *gorm.DB) {
	if !r.After(db) {
		return
	}
	if w := notBegun[insert](r, db, dispatch.PreSave, dispatch.PostSave); w != nil {
		defer w.close()
		if w.collect() {
			w.inserts = w.insertFields()
			*w.facts = w.insertFacts(&w.upsert)
		}
	}
}

// AfterUpdate is After for an UPDATE.
func (r *Engine) AfterUpdate(db *gorm.DB) {
	if !r.After(db) {
		return
	}
	if w := notBegun[update](r, db, dispatch.PreSave, dispatch.PostSave); w != nil {
		w.close()
	}
}

// AfterDelete is After for a DELETE.
func (r *Engine) AfterDelete(db *gorm.DB) {
	if !r.After(db) {
		return
	}
	if w := notBegun[remove](r, db, dispatch.PreDelete, dispatch.PostDelete); w != nil {
		w.close()
	}
}

// notBegun returns a write for a statement that failed before its write began, or nil if no AfterFailure receiver listens.
func notBegun[K any, P interface {
	*K
	stages
}](r *Engine, db *gorm.DB, pre, post dispatch.Kind) P {
	if db.Statement.SkipHooks || db.Statement.Schema == nil || db.DryRun || !r.Listening() {
		return nil
	}
	p := r.PlanFor(db.Statement.Schema)
	if p == nil || !p.WaitsFor(post, dispatch.AfterFailure) {
		return nil
	}
	k := P(new(K))
	k.base().begun(r, db, p, pre, post)
	if k.base().pre.MuteAll {
		return nil
	}
	return k
}
