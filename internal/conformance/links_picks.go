package conformance

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// all returns the stored rows of a model.
func (s *linkScript) all(m *model) []record {
	s.tb.Helper()
	if _, ok := s.rows[m]; !ok {
		rows, err := m.load(s.current())
		require.NoError(s.tb, err)
		s.rows[m] = rows
	}
	return s.rows[m]
}

// fresh returns a new row.
func (s *linkScript) fresh(m *model, keyed bool) record {
	s.serial++
	row := m.fresh(s.serial, keyed)
	if s.made != nil {
		s.made[row] = true
	}
	return row
}

func (s *linkScript) side() *side { return s.sides[int(s.byte())%len(s.sides)] }

// mirror returns the relation on the other side of a join table, or nil.
func (s *linkScript) mirror(of *side) *side {
	for _, other := range s.sides {
		if other.join == of.join && other != of {
			return other
		}
	}
	return nil
}

// show formats rows for the log, each by its key and its name in memory.
func show(rows ...record) string {
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = fmt.Sprintf("%s(%s %q)", strings.TrimPrefix(fmt.Sprintf("%T", row), "*conformance."), keyText(row.key()), *row.name())
	}
	return strings.Join(texts, ", ")
}

// pick returns a row of a model: a stored one, with or without links, only with its key or with another name, or one that is not stored.
func (s *linkScript) pick(m *model, preload string, w *work) record {
	s.tb.Helper()
	b, rows := s.byte(), s.all(m)
	if len(rows) == 0 || b>>4 >= 14 {
		w.may = append(w.may, gorm.ErrForeignKeyViolated, gorm.ErrMissingWhereClause, gorm.ErrPrimaryKeyRequired)
		return s.fresh(m, b>>4 == 14)
	}
	at := int(b) % len(rows)
	switch b >> 4 & 3 {
	case 0:
		if preload != "" {
			loaded, err := m.load(s.current().Preload(preload))
			require.NoError(s.tb, err)
			return loaded[at]
		}
	case 1:
		return rows[at].bare()
	case 2:
		row := rows[at].bare()
		*row.name() = "stale"
		return row
	}
	return rows[at]
}

// others returns up to three rows for a relation: stored ones in any form, new ones, or the same row twice.
func (s *linkScript) others(of *side) []record {
	s.tb.Helper()
	var picked []record
	stored := s.all(of.other)
	for range s.byte() % 4 {
		b := s.byte()
		switch kind := b >> 5; {
		case kind == 5 || len(stored) == 0:
			picked = append(picked, s.fresh(of.other, false))
		case kind == 6:
			picked = append(picked, s.fresh(of.other, true))
		case kind == 7 && len(picked) > 0:
			picked = append(picked, picked[0])
		default:
			row := stored[int(b)%len(stored)]
			if b>>3&1 == 1 {
				row = row.bare()
			}
			picked = append(picked, row)
		}
	}
	return picked
}

// arguments puts rows into one of the forms that an association accepts.
func (s *linkScript) arguments(m *model, rows []record) (args []any, form string) {
	value := func(pointer any) any { return reflect.Indirect(reflect.ValueOf(pointer)).Interface() }
	switch s.byte() % 6 {
	case 0:
		for _, row := range rows {
			args = append(args, row)
		}
		return args, "pointers"
	case 1:
		for _, row := range rows {
			args = append(args, value(row))
		}
		return args, "values"
	case 2:
		return []any{value(m.list(rows, false))}, "a slice of values"
	case 3:
		return []any{m.list(rows, false)}, "a pointer to a slice of values"
	case 4:
		return []any{value(m.list(rows, true))}, "a slice of pointers"
	}
	for _, row := range rows {
		if s.made[row] {
			args = append(args, row.columns())
			delete(s.made, row) // a map makes another row, so it cannot be given twice
		} else {
			args = append(args, row)
		}
	}
	return args, "pointers and maps"
}
