package statement_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/internal/statement"
)

func TestDatabasesDiffer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact                    string
		of                      func(statement.Dialect) bool
		sqlite, postgres, mysql bool
		unknown                 bool // what is assumed of any other database
	}{
		{"a row that gets the values that it has counts as written", statement.Dialect.CountsUnchanged, true, true, false, true},
		{"the order of rows within a statement matters", statement.Dialect.WritesInOrder, false, false, true, false},
		{"looking for a row in vain locks the gap", statement.Dialect.LocksGaps, false, false, true, false},
		{"an upsert conflicts on every unique index", statement.Dialect.ConflictsOnAny, false, false, true, false},
		{"a stored row tells who has written it", statement.Dialect.MarksWritten, false, true, false, false},
		{"an INSERT can note the rows that it finds", statement.Dialect.NotesFound, false, false, true, false},
		{"GORM passes over structs that have a value", statement.Dialect.SkipsValued, true, true, false, true},
		{"DEFAULT can stand for a value", statement.Dialect.HasDefaultWord, false, true, true, true},
		{"a failed statement ends its transaction", statement.Dialect.FailsWhole, false, true, false, false},
		{"every view can be read with FOR UPDATE", statement.Dialect.LocksViews, true, false, true, true},
		{"a DELETE counts rows that went with their parents", statement.Dialect.CountsCascaded, false, true, false, false},
		{"a trigger can keep a row from going with its parent", statement.Dialect.SparesCascaded, false, true, false, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			for name, want := range map[statement.Dialect]bool{"sqlite": c.sqlite, "postgres": c.postgres, "mysql": c.mysql, "sqlserver": c.unknown} {
				assert.Equal(t, want, c.of(name), name)
			}
		})
	}
}
