package signals

import (
	"reflect"

	"gorm.io/gorm"
)

// postLoad sends post_load for every struct of the model that a query filled.
func (r *registry) postLoad(db *gorm.DB) {
	p := r.listening(db)
	if p == nil || len(p.entries[postLoad]) == 0 || db.RowsAffected == 0 {
		return
	}
	stmt := db.Statement
	w := &write{reg: r, plan: p, db: db, stmt: stmt, schema: stmt.Schema, model: p.model}
	w.post.open(stmt.Context, db, postLoad, p)
	v := stmt.ReflectValue
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() != w.schema.ModelType || !v.CanAddr() {
			return
		}
		w.room(1)
		w.add(v, false)
	case reflect.Slice, reflect.Array:
		w.room(v.Len())
		for i := range min(v.Len(), int(db.RowsAffected)) {
			elem := reflect.Indirect(v.Index(i))
			if !elem.IsValid() || elem.Type() != w.schema.ModelType || !elem.CanAddr() {
				return
			}
			w.add(elem, false)
		}
	default:
		return
	}
	_ = db.AddError(w.send(postLoad, &w.post))
}
