package writes

import "maps"

// appended returns the maps that GORM has appended to a *[]map: one for each row that the INSERT returned.
func (m *mapRows) appended(w *insert) []map[string]any {
	all := mapsOf(w.stmt.Dest)
	return all[min(m.added, len(all)):]
}

// readBack puts returned values, such as generated keys, into the instances. If the INSERT returned fewer rows than it has, the first instances get
// them until the write has found out which rows they are.
func (m *mapRows) readBack(w *insert) {
	appended := m.appended(w)
	for i := range w.rows {
		returned := m.maps[i]
		if len(appended) > 0 {
			if i >= len(appended) {
				return
			}
			returned = appended[i]
		}
		m.setReturned(w, i, returned)
		if f := w.schema.PrioritizedPrimaryField; f != nil {
			if value, ok := m.maps[i]["@id"]; ok {
				_ = f.Set(w.stmt.Context, w.rows[i].Value(), value)
			}
		}
	}
}

// setReturned sets the columns of an instance that the database generates.
func (m *mapRows) setReturned(w *insert, i int, returned map[string]any) {
	for _, f := range w.schema.FieldsWithDefaultDBValue {
		if value, ok := returned[f.DBName]; ok && !computes(value) {
			_ = f.Set(w.stmt.Context, w.rows[i].Value(), value)
		}
	}
}

// insertAlone inserts the row of one map, with NULL in the columns that only other maps name: GORM inserts the same columns for all of them.
func (m *mapRows) insertAlone(w *insert, i int) (bool, error) {
	alone := maps.Clone(m.maps[i])
	for name := range m.columns(w) {
		if _, named := alone[name]; !named && !m.names(w, alone, name) {
			alone[name] = nil
		}
	}
	n, err := w.insertAgain(nil, &alone)
	if err != nil || n == 0 {
		return false, err
	}
	m.setReturned(w, i, alone)
	if m.alone == nil {
		m.alone = map[int]map[string]any{}
	}
	m.alone[i] = alone
	return true, nil
}

// columns returns the columns that a map names.
func (m *mapRows) columns(w *insert) map[string]bool {
	if m.every != nil {
		return m.every
	}
	m.every = map[string]bool{}
	for _, values := range m.maps {
		for name := range values {
			if f := columnField(w.schema, name); f != nil && f.DBName != "" {
				name = f.DBName
			}
			m.every[name] = true
		}
	}
	return m.every
}

// names reports whether a map names the same column by another name.
func (m *mapRows) names(w *insert, values map[string]any, name string) bool {
	f := columnField(w.schema, name)
	if f == nil {
		return false
	}
	_, byColumn := values[f.DBName]
	_, byName := values[f.Name]
	return byColumn || byName
}

// fillReturned replaces the rows that GORM has appended by those that the database returned when they were inserted again.
func (m *mapRows) fillReturned(w *insert) {
	appended := m.appended(w)
	for i := range w.rows {
		alone, written := m.alone[i]
		if !written || len(appended) == 0 {
			continue
		}
		for name := range appended[0] {
			if value, returned := alone[name]; returned {
				appended[0][name] = value
			}
		}
		appended = appended[1:]
	}
}
