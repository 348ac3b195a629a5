package statement

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheNameOfATableIsReadWithItsSchemaAndWithoutItsQuotesAndAlias(t *testing.T) {
	t.Parallel()
	for sql, name := range map[string]string{
		"rows":                    "rows",
		"`rows`":                  "rows",
		`"archive"."rows"`:        "archive.rows",
		"`archive`.`rows` AS r":   "archive.rows",
		"archive.rows r":          "archive.rows",
		"[archive].[rows]":        "archive.rows",
		`"odd ""table"""`:         `odd "table"`,
		"  rows , others":         "rows",
		"?":                       "",
		"(?) AS u":                "",
		`"never closed`:           "",
		"":                        "",
		"rows.":                   "",
		"`a`.`b`.`c`":             "a.b.c",
		"Straße AS s":             "Straße",
		"rows\tAS\tr":             "rows",
		"unnest(?) AS x(a)":       "unnest",
		"`rows` PARTITION (p0)":   "rows",
		"`rows` FORCE INDEX (id)": "rows",
	} {
		assert.Equal(t, name, tableIn(sql), sql)
	}
}
