package rows

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// scanner scans the rows of a result into structs.
type scanner struct {
	columns []column
	cells   []any // the driver's own values
	dest    []any
	first   int        // how much of dest comes before the columns
	pool    *sync.Pool // nil if the columns are those of one result
	typed   bool       // values of different types are never equal, as in SQLite
	loose   bool       // a condition on a key would not find its row
}

// scanner returns a scanner for the result of a query. It must be released.
func (m *Model) scanner(db *gorm.DB, q Query, result *sql.Rows) (s *scanner, err error) {
	pool, columns := &m.scanners, m.columns
	if q.KeysOnly {
		pool, columns = &m.keyScanners, m.keyColumns
	}
	if q.named {
		s, _ = pool.Get().(*scanner)
	} else if s, err = m.match(db, result); err != nil {
		return nil, err
	}
	if s == nil {
		s = newScanner(columns)
		s.pool = pool
	}
	s.typed, s.loose = db.Name() == "sqlite", false
	return s, nil
}

func newScanner(columns []column) *scanner {
	s := &scanner{columns: columns, cells: make([]any, len(columns)), dest: make([]any, len(columns))}
	for i := range s.columns {
		s.dest[i] = &s.cells[i]
	}
	return s
}

func (s *scanner) release() {
	clear(s.cells) // they keep the values alive
	if s.pool != nil {
		s.pool.Put(s)
	}
}

// scan reads the current row of a result into a struct. If a field cannot hold its value, such as a text in a number column of SQLite, scan leaves it
// zero and returns it. So a write does not fail because the plugin cannot show a row.
func (s *scanner) scan(ctx context.Context, result *sql.Rows, row reflect.Value) (unfit []*schema.Field, err error) {
	for i, c := range s.columns {
		if !c.raw {
			s.dest[s.first+i] = c.field.NewValuePool.Get()
		}
	}
	var refused []int
	if err = result.Scan(s.dest...); err != nil {
		if refused, err = s.scanEach(result); err != nil {
			return nil, err
		}
	}
	for i, c := range s.columns {
		switch {
		case c.field == nil:
			continue
		case !slices.Contains(refused, i) && s.set(ctx, i, c, row) == nil:
			continue
		case ctx.Err() != nil: // a serializer may have failed for this reason
			return nil, ctx.Err()
		}
		s.loose = s.loose || c.key
		if !absent(c.field, row) {
			c.field.ReflectValueOf(ctx, row).SetZero()
		}
		unfit = append(unfit, c.field)
	}
	return unfit, nil
}

// scanEach scans the columns of a row one by one, and returns those whose values do not fit.
func (s *scanner) scanEach(result *sql.Rows) (refused []int, err error) {
	alone := make([]any, len(s.dest))
	for i := range alone {
		alone[i] = ignored{}
	}
	if err = result.Scan(alone...); err != nil {
		return nil, err
	}
	for i, dest := range s.dest {
		alone[i] = dest
		if result.Scan(alone...) != nil {
			refused = append(refused, i-s.first)
		}
		alone[i] = ignored{}
	}
	return refused, nil
}

func (s *scanner) set(ctx context.Context, i int, c column, row reflect.Value) error {
	if !c.raw {
		if c.key {
			s.loose = s.loose || isNull(s.dest[s.first+i])
		}
		err := c.field.Set(ctx, row, s.dest[s.first+i])
		c.field.NewValuePool.Put(s.dest[s.first+i])
		return err
	}
	cell := s.cells[i]
	if cell != nil && !c.scans {
		value := converted(cell, c.field.FieldType.Kind())
		if overflows(value, c.field.FieldType) {
			return strconv.ErrRange
		}
		if err := c.field.Set(ctx, row, value); err != nil {
			return err
		}
	}
	if !c.key {
		return nil
	}
	return s.setKey(c, cell, c.field.ReflectValueOf(ctx, row))
}

// converted converts a value of the driver to the kind of its field, as database/sql does when GORM scans. GORM's setters would round floats to the
// field's precision, and read 010 as 8.
func converted(cell any, to reflect.Kind) any {
	switch v := cell.(type) {
	case int64, nil:
		return cell
	case float64:
		return ofFloat(v, 64, cell, to)
	case float32:
		return ofFloat(float64(v), 32, cell, to)
	case bool:
		if to == reflect.String {
			return strconv.FormatBool(v)
		}
	case time.Time:
		if to == reflect.String {
			return v.Format(time.RFC3339Nano)
		}
	case []byte:
		return whole(string(v), cell, to)
	case string:
		return whole(v, cell, to)
	}
	return cell
}

// ofFloat converts a float for its field: to a text, or to an integer if it has no fraction.
func ofFloat(v float64, bits int, cell any, to reflect.Kind) any {
	switch to {
	case reflect.Float32, reflect.Float64:
		return cell
	case reflect.String:
		return strconv.FormatFloat(v, 'g', -1, bits)
	default:
		return whole(strconv.FormatFloat(v, 'g', -1, bits), cell, to)
	}
}

// overflows reports whether a whole number is too large for a type, or a number has a fraction that the type cannot hold. GORM's
// setters would cut both.
func overflows(value any, t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		switch n := value.(type) {
		case int64:
			return t.OverflowInt(n)
		case float32, float64:
			return true
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		switch n := value.(type) {
		case int64:
			return n < 0 || t.OverflowUint(uint64(n))
		case uint64:
			return t.OverflowUint(n)
		case float32, float64:
			return true
		}
	case reflect.Float32:
		n, ok := value.(float64)
		return ok && t.OverflowFloat(n)
	default:
	}
	return false
}

// whole parses a text as an integer if the field is one. Otherwise it returns cell.
func whole(text string, cell any, to reflect.Kind) any {
	switch to {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return n
		}
	default:
	}
	return cell
}

// isNull reports whether NULL was scanned into a pointer to a pointer.
func isNull(dest any) bool {
	v := reflect.ValueOf(dest)
	return v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil()
}
