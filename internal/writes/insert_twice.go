package writes

import "reflect"

// setApart runs right before an INSERT of pointers. If a slice holds a pointer twice, GORM inserts two rows and leaves the key of one in the struct.
// So each of these rows has a struct of its own until the INSERT has run, and its event has its key.
func (w *insert) setApart() {
	all := w.stmt.ReflectValue
	if w.maps != nil || len(w.rows) < 2 || all.Type().Elem().Kind() != reflect.Pointer {
		return
	}
	at := make(map[any][]int, len(w.rows))
	twice := false
	for i := range w.rows {
		p := w.rows[i].Instance
		at[p] = append(at[p], i)
		twice = twice || len(at[p]) > 1
	}
	if !twice {
		return
	}
	owns := map[int]reflect.Value{}
	for p, indexes := range at {
		if len(indexes) < 2 {
			continue
		}
		for _, i := range indexes {
			own := reflect.New(w.schema.ModelType)
			own.Elem().Set(reflect.ValueOf(p).Elem())
			w.rows[i].Instance = own.Interface()
			all.Index(i).Set(own)
			owns[i] = own
		}
	}
	w.together = func() {
		w.together = nil
		for p, indexes := range at {
			if len(indexes) > 1 {
				w.putTogether(reflect.ValueOf(p), indexes, owns)
			}
		}
	}
	w.restore = append(w.restore, func() {
		if w.together != nil {
			w.together()
		}
	})
}

// putTogether restores the caller's pointer, and leaves in its struct the values that GORM would have left. These are the last row's if the INSERT
// returns them. Otherwise they are the first row's: GORM skips a struct that has a key.
func (w *insert) putTogether(p reflect.Value, indexes []int, owns map[int]reflect.Value) {
	from := indexes[len(indexes)-1]
	if conflict, _ := w.conflict(); conflict.DoNothing || !w.returns() {
		from = indexes[0]
	}
	p.Elem().Set(owns[from].Elem())
	all := w.stmt.ReflectValue
	for _, i := range indexes {
		if i < all.Len() && all.Index(i).Interface() == owns[i].Interface() { // otherwise GORM has made a new slice
			all.Index(i).Set(p)
		}
	}
}
