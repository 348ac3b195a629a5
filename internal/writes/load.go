package writes

import (
	"reflect"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
	"github.com/gorm-signals/signals/internal/statement"
)

// PostLoad sends post_load for every struct of the model that a query filled.
func (r *Engine) PostLoad(db *gorm.DB) {
	p := r.planOfHooked(db)
	if p == nil || len(p.Entries[dispatch.PostLoad]) == 0 || db.RowsAffected == 0 {
		return
	}
	l := &load{}
	if !l.collect(db.Statement.ReflectValue, p.Model, int(db.RowsAffected)) {
		return
	}
	l.facts = change.Facts{Model: p.Model, DB: r.DB, Table: statement.TableOf(db.Statement, p.Schema)}
	l.frame.Open(db.Statement.Context, db, dispatch.PostLoad, p)
	_ = db.AddError(r.Send(p, dispatch.PostLoad, &l.frame, l.rows))
}

// load is the send of one query.
type load struct {
	frame dispatch.Frame
	facts change.Facts
	rows  []change.Row
	one   [1]change.Row // memory of a single row
}

// collect takes the structs that a query filled, n at most. It reports false if they are not structs of the model.
func (l *load) collect(v reflect.Value, model *rows.Model, n int) bool {
	l.rows = l.one[:0]
	switch v.Kind() {
	case reflect.Struct:
		return l.add(v, model)
	case reflect.Slice, reflect.Array:
		if n = min(v.Len(), n); v.Len() > 1 {
			l.rows = make([]change.Row, 0, v.Len())
		}
		for i := range n {
			if !l.add(reflect.Indirect(v.Index(i)), model) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

func (l *load) add(v reflect.Value, model *rows.Model) bool {
	if !v.IsValid() || v.Type() != model.Schema.ModelType || !v.CanAddr() {
		return false
	}
	l.rows = append(l.rows, change.Row{Facts: &l.facts, Instance: v.Addr().Interface()})
	return true
}
