package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// mapRows are the rows of a create from maps. Each map has an instance that is built from it.
type mapRows struct {
	maps   []map[string]any
	before reflect.Value          // []T: the instances as they were built
	named  map[*schema.Field]bool // fields that a map names
	every  map[string]bool        // columns that a map names; nil before columns is called
	alone  map[int]map[string]any // by row that was inserted again: its map, with the returned values
	added  int                    // length of a *[]map before GORM appends the returned rows
}

// collectMaps builds the instances of Model(&T{}).Create(map) and Create([]map).
func (w *insert) collectMaps() bool {
	m := &mapRows{maps: mapsOf(w.stmt.Dest), named: map[*schema.Field]bool{}}
	if len(m.maps) == 0 {
		return false
	}
	m.added = len(m.maps)
	w.maps = m
	w.room(len(m.maps))
	m.before = reflect.New(reflect.SliceOf(w.schema.ModelType)).Elem()
	m.before.Set(reflect.MakeSlice(m.before.Type(), len(m.maps), len(m.maps)))
	for i, values := range m.maps {
		if values == nil {
			return false
		}
		for name := range values {
			m.named[columnField(w.schema, name)] = true
		}
		instance := reflect.New(w.schema.ModelType).Elem()
		w.setAll(instance, values)
		m.before.Index(i).Set(w.model.Clone(w.stmt.Context, instance).Elem())
		w.add(instance, true)
	}
	return true
}

func mapsOf(dest any) []map[string]any {
	switch d := dest.(type) {
	case map[string]any:
		return []map[string]any{d}
	case *map[string]any:
		return []map[string]any{*d}
	case []map[string]any:
		return d
	case *[]map[string]any:
		return *d
	}
	return nil
}

// setAll sets the fields of a struct that a map names, except those that the database computes.
func (w *insert) setAll(v reflect.Value, values map[string]any) {
	selected, restricted := w.stmt.SelectAndOmitColumns(true, false)
	for name, value := range values {
		f := columnField(w.schema, name)
		if f == nil || computes(value) {
			continue
		}
		if in, ok := selected[f.DBName]; (ok && in) || (!ok && !restricted) {
			rows.Assign(w.stmt.Context, f, v, value)
		}
	}
}

// writeBack puts the columns that receivers changed in an instance into its map. GORM inserts a column of one map for all maps. So until the write
// ends, the other maps have the default of such a column, as if it were missing.
func (m *mapRows) writeBack(w *insert) {
	ctx := w.stmt.Context
	changed := map[*schema.Field]bool{}
	for i := range w.rows {
		v := w.rows[i].Value()
		for _, f := range w.model.Columns {
			if f.Creatable && !rows.Same(ctx, f, m.before.Index(i), v) {
				value, _ := f.ValueOf(ctx, v)
				m.maps[i][m.keyFor(i, f)] = value
				changed[f] = true
			}
		}
	}
	for f := range changed {
		m.fill(w, f)
	}
}

// fill gives a column its default in the maps that do not name it, unless the caller named it in one of them.
func (m *mapRows) fill(w *insert, f *schema.Field) {
	if m.named[f] {
		return
	}
	for _, values := range m.maps {
		if _, ok := values[f.DBName]; ok {
			continue
		}
		values[f.DBName] = defaultOf(w, f)
		w.restore = append(w.restore, func() { delete(values, f.DBName) })
	}
}

// defaultOf returns a value for which the database writes a column's default.
func defaultOf(w *insert, f *schema.Field) any {
	switch {
	case f.DefaultValueInterface != nil:
		return f.DefaultValueInterface
	case w.dialect().HasDefaultWord():
		return clause.Expr{SQL: "DEFAULT"}
	case f.HasDefaultValue && f.DefaultValue != "":
		return clause.Expr{SQL: f.DefaultValue}
	}
	return nil
}

// keyFor returns the key under which a map names a field, or else its column.
func (m *mapRows) keyFor(i int, f *schema.Field) string {
	for _, name := range []string{f.DBName, f.Name} {
		if _, ok := m.maps[i][name]; ok && f.Schema.LookUpField(name) == f {
			return name
		}
	}
	return f.DBName
}

// computes reports whether the database computes an assigned value.
func computes(value any) bool {
	switch v := value.(type) {
	case clause.Expression, *gorm.DB, gorm.Valuer:
		return true
	case []any:
		return slices.ContainsFunc(v, computes)
	}
	return false
}
