package rows_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/rows"
)

// cell is a table with one value, whose column has a type of the database.
func cell[T any](t *testing.T, columnType, value string) (got, asGORM T, unfit int) {
	t.Helper()
	type thing struct {
		ID uint
		V  T
	}
	db := open(t, "CREATE TABLE things (id integer PRIMARY KEY, v "+columnType+")", "INSERT INTO things VALUES (1, "+value+")")
	m, tx := model[thing](t, db)
	tx = onTable(tx, "things") // that of a generic type has another name
	for range 2 {              // by SELECT *, and by name
		set, err := m.Find(tx, rows.Query{})
		require.NoError(t, err)
		list := shown[thing](t, set)
		require.Len(t, list, 1)
		got, unfit = list[0].V, len(set.Unfit(0))
		assert.Equal(t, uint(1), list[0].ID, "the other columns are there")
	}
	var want thing
	_ = db.Session(&gorm.Session{Logger: logger.Discard}).Table("things").Take(&want).Error // GORM fails where a value does not fit
	return got, want.V, unfit
}

// fits checks that a field holds what GORM reads into it.
func fits[T any](want T, columnType, value string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		got, asGORM, unfit := cell[T](t, columnType, value)
		assert.Equal(t, want, got)
		assert.Equal(t, asGORM, got, "as GORM reads it")
		assert.Zero(t, unfit)
	}
}

// unfits checks that a field cannot hold what is stored.
func unfits[T any](columnType, value string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		got, _, unfit := cell[T](t, columnType, value)
		assert.Zero(t, got)
		assert.Equal(t, 1, unfit)
	}
}

func TestAFieldHoldsWhatIsStoredAsFarAsItCan(t *testing.T) {
	t.Parallel()
	for fact, check := range map[string]func(*testing.T){
		"a float as a text":                         fits("1.5", "", "1.5"),
		"a whole number as a text":                  fits("5", "", "5"),
		"a blob as a text":                          fits("a", "", "x'61'"),
		"a truth value as a text":                   fits("true", "boolean", "1"),
		"a time as a text":                          fits("2024-01-02T03:04:05Z", "datetime", "'2024-01-02 03:04:05'"),
		"a text as a whole number":                  fits(int16(12), "", "'12'"),
		"a text with a leading zero, which is ten":  fits(10, "", "'010'"),
		"a text as a number without a sign":         fits(uint8(12), "", "'12'"),
		"a text as a float":                         fits(1.5, "", "'1.5'"),
		"a number as a truth value":                 fits(true, "", "1"),
		"NULL as zero":                              fits(0, "", "NULL"),
		"NULL as no pointer":                        fits((*int)(nil), "", "NULL"),
		"NULL of a type of database/sql":            fits(sql.NullInt64{}, "", "NULL"),
		"a number of a type of database/sql":        fits(sql.NullInt64{Int64: 5, Valid: true}, "", "5"),
		"bytes":                                     fits([]byte{0}, "", "x'00'"),
		"no truth value":                            unfits[bool]("", "'many'"),
		"no number of a type of database/sql":       unfits[sql.NullInt64]("", "'many'"),
		"no number behind a pointer":                unfits[*int]("", "'many'"),
		"a float that is a whole number":            fits(5, "", "5.0"),
		"a fraction of a whole number":              unfits[int]("", "1.5"),
		"a fraction of a number without a sign":     unfits[uint8]("", "1.5"),
		"a float that is too large":                 unfits[int64]("", "1e300"),
		"a number that is too large without a sign": unfits[uint8]("", "256"),
	} {
		t.Run(fact, func(t *testing.T) {
			t.Parallel()
			check(t)
		})
	}
}

func TestAValueThatDoesNotFitHidesNoOtherColumn(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID   uint
		A    sql.NullInt64
		B    sql.NullInt64
		C, D bool
	}
	m, db := model[thing](t, open(t, "CREATE TABLE things (id integer PRIMARY KEY, a, b, c, d)", "INSERT INTO things VALUES (1, 'many', 5, 'many', 1)"))
	for range 2 {
		set, err := m.Find(db, rows.Query{})
		require.NoError(t, err)
		assert.Equal(t, []thing{{ID: 1, B: sql.NullInt64{Int64: 5, Valid: true}, D: true}}, shown[thing](t, set))
		assert.Equal(t, []string{"A", "C"}, m.Names(set.Unfit(0)))
	}
}
