package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/rows"
)

// keyOf returns the primary key of a row and whether the row has one. A zero part counts unless the database generates it.
func (w *write) keyOf(v reflect.Value) (key []any, has bool) {
	ctx := w.stmt.Context
	key, set := w.model.KeyOf(ctx, v)
	if set || len(key) == 0 {
		return key, set
	}
	for i, f := range w.model.Keys {
		if rows.Null(key[i]) || (generated(f) && !rows.Valued(ctx, f, v)) {
			return key, false
		}
	}
	return key, true
}

// generated reports whether the database generates the value of a field, so that zero means no value.
func generated(f *schema.Field) bool {
	return f.AutoIncrement || (f.HasDefaultValue && f.DefaultValueInterface == nil)
}

// readKeys reads rows of the write by their primary keys.
func (w *write) readKeys(keyed func(*change.Row) reflect.Value, keysOnly bool) (map[string]reflect.Value, error) {
	return w.readKeysOf(w.keysOf(keyed), rows.Query{KeysOnly: keysOnly})
}

// keysOf returns the primary keys of the rows that are not silent.
func (w *write) keysOf(keyed func(*change.Row) reflect.Value) [][]any {
	var keys [][]any
	for i := range w.rows {
		if key, has := w.keyOf(keyed(&w.rows[i])); has && !w.rows[i].Silent {
			keys = append(keys, key)
		}
	}
	return keys
}

// readKeysOf reads the stored rows with some primary keys.
func (w *write) readKeysOf(keys [][]any, q rows.Query) (map[string]reflect.Value, error) {
	found := make(map[string]reflect.Value, len(keys))
	err := w.findIn(w.model.Keys, keys, q, func(stored reflect.Value) { found[w.model.Identity(w.stmt.Context, stored)] = stored })
	return found, err
}

// maxParameters is how many values a statement of the library binds at most: SQLite takes 32,766, and others 65,535.
const maxParameters = 30_000

// perStatement is how many tuples of this many columns a statement may name.
func (r *Engine) perStatement(columns int) int {
	return max(1, min(r.BatchSize, maxParameters/max(1, columns)))
}

// findIn reads the stored rows whose fields hold one of the values, in as many statements as these need. The conditions of the query hold too.
func (w *write) findIn(fields []*schema.Field, values [][]any, q rows.Query, found func(stored reflect.Value)) error {
	conditions := q.Where
	for some := range slices.Chunk(values, w.reg.perStatement(len(fields))) {
		q.Where = append([]clause.Expression{rows.In(w.db.Name(), fields, some)}, conditions...)
		set, err := w.model.Find(w.db, q)
		if err != nil {
			return err
		}
		for _, stored := range set.Rows() {
			found(stored)
		}
	}
	return nil
}

// keysThat returns which of some primary keys belong to stored rows that meet a condition.
func (w *write) keysThat(keys [][]any, condition clause.Expression, lock bool) (map[string]bool, error) {
	that := map[string]bool{}
	q := rows.Query{Where: []clause.Expression{condition}, KeysOnly: true, Lock: lock}
	err := w.findIn(w.model.Keys, keys, q, func(stored reflect.Value) { that[w.model.Identity(w.stmt.Context, stored)] = true })
	return that, err
}

// storedNow reads the stored rows with the keys of some rows, by index.
func (w *write) storedNow(expected []int) (map[int]reflect.Value, error) {
	keys := make([][]any, 0, len(expected))
	at := make([]int, 0, len(expected))
	for _, i := range expected {
		if key, has := w.keyOf(w.rows[i].Stored()); has {
			keys, at = append(keys, key), append(at, i)
		}
	}
	stored, err := w.readKeysOf(keys, rows.Query{})
	if err != nil {
		return nil, err
	}
	there := make(map[int]reflect.Value, len(keys))
	var unknown [][]any
	var whose []int
	for k, i := range at {
		if found, ok := stored[rows.Identity(keys[k])]; ok {
			there[i] = found
		} else {
			unknown, whose = append(unknown, keys[k]), append(whose, i)
		}
	}
	if len(there) == len(stored) {
		return there, nil
	}
	err = w.model.Pairs(w.db, w.model.Keys, unknown, nil, func(i int, key reflect.Value) {
		if found, ok := stored[w.model.Identity(w.stmt.Context, key)]; ok {
			there[whose[i]] = found
		}
	})
	return there, err
}

// readUnsure reads the rows whose changes only the database knows, before a post_save receiver can write them again.
func (w *write) readUnsure() error {
	if !w.loaded || len(w.model.Keys) == 0 {
		return nil
	}
	ctx := w.stmt.Context
	var keys [][]any
	var asked []*change.Row
	for i := range w.rows {
		r := &w.rows[i]
		if len(r.Unsure(ctx)) == 0 {
			continue
		}
		if key, has := w.keyOf(r.Value()); has {
			keys, asked = append(keys, key), append(asked, r)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	stored, err := w.readKeysOf(keys, rows.Query{})
	for _, r := range asked {
		if found, ok := stored[w.model.Identity(ctx, r.Value())]; ok && err == nil {
			r.Now = found.Addr().Interface()
		}
	}
	return err
}

// lockable reports whether FOR UPDATE works. It fails on views with DISTINCT or GROUP BY, which triggers make updatable.
func (w *write) lockable() bool {
	return w.dialect().LocksViews() || w.reg.Catalog.Relation(w.db, w.tableName()).Lockable
}

// lockFound reads a row that may not exist, and locks it if it does.
func (w *write) lockFound(read func(lock bool) (*rows.Set, error)) (*rows.Set, error) {
	if w.dialect().LocksGaps() {
		if set, err := read(false); err != nil || set.Len() == 0 {
			return set, err
		}
	}
	return read(true)
}

// columnField returns the field of a column by its Go or column name.
func columnField(s *schema.Schema, name string) *schema.Field {
	if f := s.LookUpField(name); f != nil && f.DBName != "" {
		return f
	}
	return nil
}
