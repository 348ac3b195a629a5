package writes

import "reflect"

// collect finds the structs that an INSERT takes its rows from. It reports false if GORM will refuse the statement.
func (w *insert) collect() bool {
	v := w.stmt.ReflectValue
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() != w.schema.ModelType {
			return false
		}
		w.room(1)
		if !v.CanAddr() && w.goesOn != nil && w.goesOn.Value.IsValid() {
			v = w.standIn(w.goesOn.Value.Addr())
		}
		w.add(w.addressable(v), true)
	case reflect.Slice, reflect.Array:
		if v.Len() == 0 {
			return false
		}
		if isMap(v.Type().Elem()) {
			return w.collectMaps()
		}
		if v.Kind() == reflect.Array {
			v = w.addressable(v)
		}
		w.room(v.Len())
		for i := range v.Len() {
			elem := reflect.Indirect(v.Index(i))
			if !elem.IsValid() || elem.Type() != w.schema.ModelType || !elem.CanAddr() {
				return false
			}
			w.add(elem, true)
		}
	case reflect.Map:
		return w.collectMaps()
	default:
		return false
	}
	return true
}

// addressable returns v itself, or an addressable copy that replaces it until the write ends, so that changes of receivers reach the INSERT.
func (w *write) addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return w.standIn(p)
}

// standIn replaces the statement's value by the struct that p points to until the write ends.
func (w *write) standIn(p reflect.Value) reflect.Value {
	dest, value := w.stmt.Dest, w.stmt.ReflectValue
	w.stmt.Dest, w.stmt.ReflectValue = p.Interface(), p.Elem()
	w.restore = append(w.restore, func() { w.stmt.Dest, w.stmt.ReflectValue = dest, value })
	return p.Elem()
}

// insertFields returns the fields that Select and Omit leave to an INSERT, nil for all.
func (w *write) insertFields() []string {
	if len(w.stmt.Selects) == 0 && len(w.stmt.Omits) == 0 {
		return nil
	}
	selected, restricted := w.stmt.SelectAndOmitColumns(true, false)
	names, all := make([]string, 0, len(w.schema.DBNames)), true
	for _, f := range w.model.Columns {
		if v, ok := selected[f.DBName]; (ok && v) || (!ok && !restricted) {
			if f.AutoCreateTime == 0 && f.AutoUpdateTime == 0 {
				names = append(names, w.model.Name(f))
			}
		} else if f.Creatable {
			all = false
		}
	}
	if all {
		return nil
	}
	return names
}

func isMap(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		if t.Kind() == reflect.Interface {
			return false
		}
		t = t.Elem()
	}
	return t.Kind() == reflect.Map
}
