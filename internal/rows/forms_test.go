package rows_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

func TestCompareReadsIntervalsAsPostgreSQLDoes(t *testing.T) {
	t.Parallel()
	interval := func(stored, now string, v rows.Verdict) comparison {
		return comparison{"type:interval", stored, now, on("postgres", v)}
	}
	checkAll(t, map[string]comparison{
		"hours":                   interval("02:00:00", "2 hours", rows.Equal),
		"hours and minutes":       interval("02:30:00", "2 hrs 30 mins", rows.Equal),
		"seconds with a fraction": interval("00:00:01.5", "1.5 secs", rows.Equal),
		"a clock without seconds": interval("02:30:00", "02:30", rows.Equal),
		"minutes and seconds":     interval("00:02:30", "02:30.5", rows.Unsure),
		"a negative clock":        interval("-01:00:00", "-1 hour", rows.Equal),
		"ago":                     interval("-1 days -01:00:00", "1 day 1 hour ago", rows.Equal),
		"weeks":                   interval("14 days", "2 weeks", rows.Equal),
		"years":                   interval("1 year", "12 mons", rows.Equal),
		"a month is not 30 days":  interval("1 mon", "30 days", rows.Differ),
		"fractions of a month":    interval("1 mon 15 days", "1.5 mons", rows.Unsure),
		"an unknown unit":         interval("1 day", "1 sol", rows.Unsure),
		"half a week":             interval("10 days 12:00:00", "1.5 weeks", rows.Unsure),
		"a number without a unit": interval("1 day", "1", rows.Unsure),
		"a clock of words":        interval("1 day", "a:b:c", rows.Unsure),
		"nothing":                 interval("1 day", "", rows.Unsure),
	})
}

func TestCompareIsUnsureOfTextsThatItCannotRead(t *testing.T) {
	t.Parallel()
	const id = "0b1f0d0e-1111-4222-8333-abcdefabcdef"
	checkAll(t, map[string]comparison{
		"a UUID that is none":                   {"type:uuid", id, "0b1f0d0e", on("postgres", rows.Unsure)},
		"a UUID in one bracket":                 {"type:uuid", id, "{" + id, on("postgres", rows.Unsure)},
		"a UUID of other letters":               {"type:uuid", id, "zb1f0d0e-1111-4222-8333-abcdefabcdef", on("postgres", rows.Unsure)},
		"an address that is none":               {"type:inet", "10.0.0.1", "10.0.0", on("postgres", rows.Unsure)},
		"an address with a zone":                {"type:inet", "fe80::1", "fe80::1%eth0", on("postgres", rows.Unsure)},
		"a char that MariaDB's driver calls so": {"type:char(36)", id, "0B1F0D0E-1111-4222-8333-ABCDEFABCDEF", map[string]rows.Verdict{"mysql": rows.Unsure, "postgres": rows.Differ}},
		"JSON with something behind it":         {"type:jsonb", `{"a":1}`, `{"a":1} x`, on("postgres", rows.Differ)},
		"JSON of other lengths":                 {"type:jsonb", `[1,{"a":[]}]`, `[1,{"a":[]},2]`, on("postgres", rows.Differ)},
		"JSON with another key":                 {"type:jsonb", `{"a":1}`, `{"b":1}`, on("postgres", rows.Differ)},
		"JSON of other types":                   {"type:jsonb", `[1]`, `["1"]`, on("postgres", rows.Differ)},
		"a JSON object and a list":              {"type:jsonb", `{}`, `[]`, on("postgres", rows.Differ)},
	})
}

func TestCompareRoundsTimesAsColumnsDo(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 3, 4, 5, 6, 123456789, time.UTC)
	digits := at.Truncate
	checkAll(t, map[string]comparison{
		"three digits of MySQL":         {"", digits(time.Millisecond), at, map[string]rows.Verdict{"mysql": rows.Equal, "postgres": rows.Differ, "sqlite": rows.Differ}},
		"rounded up":                    {"", digits(time.Microsecond).Add(time.Microsecond), at, on("postgres", rows.Equal)},
		"as a precision says":           {"precision:1", digits(100 * time.Millisecond), at, map[string]rows.Verdict{"mysql": rows.Equal, "postgres": rows.Equal}},
		"as a type says":                {"type:timestamp(0)", digits(time.Second), at, map[string]rows.Verdict{"mysql": rows.Equal, "postgres": rows.Equal}},
		"six digits of PostgreSQL":      {"type:timestamptz", digits(time.Millisecond), at, on("postgres", rows.Differ)},
		"none of MySQL's bare datetime": {"type:datetime", digits(time.Second), at, on("mysql", rows.Equal)},
		"a date has no time":            {"type:date", digits(24 * time.Hour), at, map[string]rows.Verdict{"mysql": rows.Equal, "postgres": rows.Equal, "sqlite": rows.Differ}},
		"another date":                  {"type:date", digits(24 * time.Hour), at.AddDate(0, 0, 2), on("postgres", rows.Differ)},
	})
}

func TestCompareInSQLiteKnowsWhichTextsBecomeNumbers(t *testing.T) {
	t.Parallel()
	checkAll(t, map[string]comparison{
		"in a column of numbers": {"type:numeric", "1.50", "1.5", on("sqlite", rows.Equal)},
		"of whole numbers":       {"type:integer", "01", "1", on("sqlite", rows.Equal)},
		"not in one of texts":    {"type:text", "1.50", "1.5", on("sqlite", rows.Differ)},
		"nor in a varchar":       {"type:varchar(10)", "01", "1", on("sqlite", rows.Differ)},
		"no numbers":             {"type:numeric", "a", "b", on("sqlite", rows.Differ)},
		"nearly the same":        {"type:numeric", "0.1", "0.10000000000000001", on("sqlite", rows.Unsure)},
	})
}

func TestCompareGoesByTheTypeThatTheColumnReallyHas(t *testing.T) {
	t.Parallel()
	type price struct {
		ID     uint
		Amount string // numeric in the table
	}
	m, db := model[price](t, open(t, "CREATE TABLE prices (id integer PRIMARY KEY, amount numeric)", "INSERT INTO prices VALUES (1, 'a')"))
	f := field(t, m, "amount")
	stored, now := price{1, "1.50"}, price{1, "1.5"}
	compare := func() rows.Verdict {
		return m.Compare(t.Context(), db, f, reflect.ValueOf(&stored).Elem(), reflect.ValueOf(&now).Elem())
	}
	assert.Equal(t, rows.Differ, compare(), "a text, as the model has it")
	_, err := m.Find(db, rows.Query{})
	require.NoError(t, err)
	assert.Equal(t, rows.Equal, compare(), "a number, as the table has it")
}

// document says itself which type its columns have.
type document string

// GormDBDataType is that of PostgreSQL alone.
func (document) GormDBDataType(db *gorm.DB, _ *schema.Field) string {
	if db.Name() == "postgres" {
		return "JSONB"
	}
	return ""
}

func TestCompareKnowsTheTypesOfColumns(t *testing.T) {
	t.Parallel()
	checkAll(t, map[string]comparison{
		"with what follows it in CREATE TABLE": {"type:jsonb not null default '[]'", `{"a": 1}`, `{"a":1}`, on("postgres", rows.Equal)},
		"of two words":                         {"type:character varying(9) NOT NULL", "a ", "a", on("postgres", rows.Differ)},
		"of one word that is padded":           {"type:character(9)", "a ", "a", on("postgres", rows.Equal)},
		"with blanks around it":                {"type: numeric ( 10 , 1 )", "1.10", "1.1", on("postgres", rows.Equal)},
	})
	type page struct {
		ID   uint
		Text document `gorm:"type:json"`
	}
	m, _ := model[page](t, open(t))
	stored, now := page{1, `{"a": 1}`}, page{1, `{"a":1}`}
	for name, want := range map[string]rows.Verdict{"postgres": rows.Equal, "mysql": rows.Unsure, "sqlite": rows.Differ} {
		got := m.Compare(t.Context(), dialect(name), field(t, m, "text"), reflect.ValueOf(&stored).Elem(), reflect.ValueOf(&now).Elem())
		assert.Equal(t, want, got, "%s: the Go type counts where it says one", name)
	}
}
