package pool_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
)

func TestARefusedStatementHasDoneNothing(t *testing.T) {
	t.Parallel()
	everywhere := []string{"sqlite", "postgres", "mysql", "sqlserver"}
	for _, c := range []struct {
		fact     string
		dialects []string
		err      error
		want     bool
	}{
		{"it was not sent: no connection", everywhere, driver.ErrBadConn, true},
		{"it was not sent: GORM wants conditions", everywhere, gorm.ErrMissingWhereClause, true},
		{"it was not sent: no transaction", everywhere, fmt.Errorf("a: %w", gorm.ErrInvalidTransaction), true},
		{"it was not sent: an argument", everywhere, errors.New("sql: converting argument $1 type: unsupported type"), true},
		{"GORM translated the answer: a key", everywhere, gorm.ErrDuplicatedKey, true},
		{"GORM translated the answer: a foreign key", everywhere, errors.Join(errors.New("a"), gorm.ErrForeignKeyViolated), true},
		{"GORM translated the answer: a check", everywhere, gorm.ErrCheckConstraintViolated, true},
		{"GORM joined it to another error, as text", everywhere, fmt.Errorf("%w; %v", io.EOF, gorm.ErrDuplicatedKey), true}, //nolint:errorlint // as GORM does
		{"the answer was lost", everywhere, io.ErrUnexpectedEOF, false},
		{"nobody knows the error", everywhere, errors.New("some error"), false},

		{"any code of SQLite", []string{"sqlite"}, sqlite3.Error{Code: sqlite3.ErrConstraint}, true},
		{"also with an extended code", []string{"sqlite"}, &moderncError{19 | 8<<8}, true},
		{"but that of reading and writing", []string{"sqlite"}, sqlite3.Error{Code: sqlite3.ErrIoErr}, false},
		{"also with its extended code", []string{"sqlite"}, &moderncError{10 | 3<<8}, false},
		{"a wrapped one", []string{"sqlite"}, fmt.Errorf("a: %w", errors.Join(io.EOF, sqliteError{5})), true},
		{"a code of SQLite elsewhere", []string{"postgres", "mysql", "sqlserver"}, sqliteError{19}, false},

		{"a number of MySQL", []string{"mysql"}, mysqlError{1062}, true},
		{"a pointer to one", []string{"mysql"}, fmt.Errorf("a: %w", &mysqlError{1205}), true},
		{"but for a shutdown", []string{"mysql"}, mysqlError{1053}, false},
		{"but for an interruption", []string{"mysql"}, mysqlError{1317}, false},
		{"but for a connection that was killed", []string{"mysql"}, mysqlError{1927}, false},
		{"a deadlock that came as text", []string{"mysql"}, errors.New("Error 1213 (40001): Deadlock"), true},
		{"a number of MySQL elsewhere", []string{"postgres", "sqlite", "sqlserver"}, mysqlError{1062}, false},

		{"a state of PostgreSQL", []string{"postgres", "sqlserver"}, postgresError{"23505"}, true},
		{"a wrapped one of it", []string{"postgres"}, fmt.Errorf("a: %w", postgresError{"42P01"}), true},
		{"but for the connection", []string{"postgres"}, postgresError{"08006"}, false},
		{"but for an administrator", []string{"postgres"}, postgresError{"57014"}, false},
		{"but for the system", []string{"postgres"}, postgresError{"58030"}, false},
		{"but for a fault of its own", []string{"postgres"}, postgresError{"XX000"}, false},
		{"a state of PostgreSQL elsewhere", []string{"mysql", "sqlite"}, postgresError{"23505"}, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			for _, dialect := range c.dialects {
				assert.Equal(t, c.want, newDiary(dialect).Refused(c.err), dialect)
			}
		})
	}
}
