package rows

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"sync"
)

// scanner moves the columns of a result into structs.
type scanner struct {
	columns []column
	cells   []any // what direct columns are scanned into
	dest    []any
	first   int // of dest: what comes before the columns
	pool    *sync.Pool
}

// scanner returns a scanner of all columns, or of the key alone. It must be released.
func (m *Model) scanner(keysOnly bool) *scanner {
	pool, columns := &m.scanners, m.columns
	if keysOnly {
		pool, columns = &m.keyScanners, m.keyColumns
	}
	if s, ok := pool.Get().(*scanner); ok {
		return s
	}
	s := &scanner{columns: columns, cells: make([]any, len(columns)), dest: make([]any, len(columns)), pool: pool}
	for i := range s.columns {
		s.dest[i] = &s.cells[i]
	}
	return s
}

func (s *scanner) release() {
	clear(s.cells) // they hold on to what was read
	s.pool.Put(s)
}

func (s *scanner) scan(ctx context.Context, result *sql.Rows, row reflect.Value) error {
	for i, c := range s.columns {
		if !c.direct {
			s.dest[s.first+i] = c.field.NewValuePool.Get()
		}
	}
	if err := result.Scan(s.dest...); err != nil {
		return err
	}
	for i, c := range s.columns {
		if err := s.set(ctx, i, c, row); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) set(ctx context.Context, i int, c column, row reflect.Value) error {
	if !c.direct {
		err := c.field.Set(ctx, row, s.dest[s.first+i])
		c.field.NewValuePool.Put(s.dest[s.first+i])
		return err
	}
	if s.cells[i] == nil {
		return nil
	}
	if err := c.field.Set(ctx, row, s.cells[i]); err != nil {
		return fmt.Errorf("%w: column %s: %w", ErrUnfit, c.field.DBName, err)
	}
	return nil
}
