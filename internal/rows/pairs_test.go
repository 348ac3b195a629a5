package rows_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
)

type account struct {
	ID    uint
	Email string
	Shop  int
}

const createAccounts = "CREATE TABLE accounts (id integer PRIMARY KEY, email text COLLATE NOCASE, shop integer)"

func TestPairsAsksTheDatabaseWhichRowsHoldWhichValues(t *testing.T) {
	t.Parallel()
	type pair struct {
		i   int
		row account
	}
	m, db := model[account](t, open(t, createAccounts, "INSERT INTO accounts VALUES (1, 'a@x', 1), (2, 'B@x', 1), (3, 'a@x', 2)"))
	id, email, shop := field(t, m, "id"), field(t, m, "email"), field(t, m, "shop")
	for _, c := range []struct {
		fact   string
		fields []*schema.Field
		values [][]any
		where  []clause.Expression
		want   []pair
	}{
		{
			"by index, with the fields alone",
			[]*schema.Field{email},
			[][]any{{"none"}, {"a@x"}},
			nil,
			[]pair{{1, account{Email: "a@x"}}, {1, account{Email: "a@x"}}},
		},
		{"the database decides what is equal", []*schema.Field{email}, [][]any{{"b@X"}}, nil, []pair{{0, account{Email: "B@x"}}}},
		{"in several fields", []*schema.Field{email, shop}, [][]any{{"a@x", 2}, {"b@x", 2}}, nil, []pair{{0, account{Email: "a@x", Shop: 2}}}},
		{
			"that meet conditions",
			[]*schema.Field{id},
			[][]any{{1}, {3}},
			[]clause.Expression{clause.Expr{SQL: "shop = 2"}},
			[]pair{{1, account{ID: 3}}},
		},
		{"none without values", []*schema.Field{id}, nil, nil, nil},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			var got []pair
			require.NoError(t, m.Pairs(db, c.fields, c.values, c.where, func(i int, row reflect.Value) {
				of, _ := reflect.TypeAssert[account](row)
				got = append(got, pair{i, of})
			}))
			assert.Equal(t, c.want, got)
		})
	}
}

func TestPairsAsksForManyValuesInSeveralStatements(t *testing.T) {
	t.Parallel()
	m, db := model[account](t, open(t, createAccounts, "INSERT INTO accounts VALUES (250, 'a', 1), (401, 'b', 1)"))
	s := &script{Interface: logger.Discard}
	values := make([][]any, 450)
	for i := range values {
		values[i] = []any{i}
	}
	var found []int
	require.NoError(t, m.Pairs(logged(db, s), m.Keys, values, nil, func(i int, _ reflect.Value) { found = append(found, i) }))
	assert.Equal(t, []int{250, 401}, found, "indexes count through")
	assert.Equal(t, []int64{0, 1, 1}, s.rows, "SQLite allows 500 parts of a UNION")
	hidden := &secret{script{Interface: logger.Discard}}
	require.NoError(t, m.Pairs(logged(db, hidden), m.Keys, [][]any{{7}}, nil, func(int, reflect.Value) {}))
	assert.NotContains(t, hidden.last(t), "7")
	err := m.Pairs(db, m.Keys, [][]any{{7}}, []clause.Expression{clause.Expr{SQL: "missing = 1"}}, func(int, reflect.Value) {})
	require.ErrorContains(t, err, "no such column")
}
