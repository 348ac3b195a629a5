package rows

import (
	"database/sql"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// columnType is the type of a column. It decides in which form the database stores a value.
type columnType struct {
	name  string // in lower case, without arguments in parentheses
	scale int    // digits after the decimal point; anyScale if the column keeps all digits
}

const anyScale = -1

// typeOf parses a type as CREATE TABLE spells it.
func typeOf(text string) columnType {
	name, rest, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "(")
	t := columnType{name: firstWords(name), scale: anyScale}
	args, _, given := strings.Cut(rest, ")")
	if !given || !t.is("numeric", "decimal", "dec") {
		return t
	}
	t.scale = 0
	if _, scale, has := strings.Cut(args, ","); has {
		t.scale, _ = strconv.Atoi(strings.TrimSpace(scale))
	}
	return t
}

// firstWords cuts off the column constraints that follow a type in CREATE TABLE.
func firstWords(name string) string {
	words := strings.Fields(name)
	for i, w := range words {
		if slices.Contains([]string{"not", "null", "default", "unique", "primary", "check", "collate", "references", "unsigned", "zerofill"}, w) {
			words = words[:i]
			break
		}
	}
	return strings.Join(words, " ")
}

func (t columnType) is(names ...string) bool { return slices.Contains(names, t.name) }

// columnType returns the type of a field's column: the one that the database reports, or the model's one before the first read.
func (m *Model) columnType(db *gorm.DB, f *schema.Field) columnType {
	if known := m.types.Load(); known != nil {
		if t, ok := (*known)[f]; ok {
			return t
		}
	}
	if byDialect, ok := reflect.TypeAssert[interface {
		GormDBDataType(db *gorm.DB, f *schema.Field) string
	}](reflect.New(f.IndirectFieldType)); ok {
		if given := byDialect.GormDBDataType(db, f); given != "" {
			return typeOf(given)
		}
	}
	return typeOf(db.DataTypeOf(f))
}

// learnTypes stores the column types that the database reports with a result.
func (m *Model) learnTypes(stmt *gorm.Statement, s *scanner, result *sql.Rows) {
	if stmt.TableExpr != nil || (m.types.Load() != nil && stmt.Table != m.Schema.Table) {
		return
	}
	columns, err := result.ColumnTypes()
	if err != nil {
		return
	}
	types := make(map[*schema.Field]columnType, len(columns))
	for i, c := range columns {
		if s.columns[i].field == nil || c.DatabaseTypeName() == "" {
			continue
		}
		t := typeOf(c.DatabaseTypeName())
		if _, scale, ok := c.DecimalSize(); ok && t.is("numeric", "decimal") && t.scale == anyScale && scale < math.MaxInt8 {
			t.scale = int(scale)
		}
		types[s.columns[i].field] = t
	}
	m.types.Store(&types)
}

// compare judges whether a column of the type stores two different values alike.
func (t columnType) compare(dialect string, x, y any) Verdict {
	switch {
	case t.name == "":
		return Differ
	case number(x) && number(y):
		return t.compareNumbers(dialect, x, y)
	case dialect == "sqlite":
		return t.compareInSQLite(x, y)
	case t.asWritten():
		return differ(!sameBytes(x, y))
	case t.is("numeric", "decimal", "dec"):
		return t.compareNumbers(dialect, x, y)
	case t.is("char", "character", "bpchar"):
		return t.comparePadded(dialect, strings.TrimRight(string(textOf(x)), " "), strings.TrimRight(string(textOf(y)), " "))
	case t.is("binary"):
		return differ(strings.TrimRight(string(textOf(x)), "\x00") != strings.TrimRight(string(textOf(y)), "\x00"))
	}
	return t.compareForms(dialect, string(textOf(x)), string(textOf(y)))
}

// asWritten reports whether columns of the type store texts and bytes unchanged.
func (t columnType) asWritten() bool {
	return t.is("text", "varchar", "character varying", "citext", "name", "bytea", "bool", "boolean", "tinytext", "mediumtext", "longtext",
		"varbinary", "blob", "tinyblob", "mediumblob", "longblob")
}

// comparePadded compares texts without their padding. Drivers of MariaDB also report char for columns of type uuid and inet6.
func (t columnType) comparePadded(dialect, x, y string) Verdict {
	if x != y && dialect == "mysql" && (judge(uuidOf(x), uuidOf(y)) == Equal || judge(inetOf(x), inetOf(y)) == Equal) {
		return Unsure
	}
	return differ(x != y)
}

// compareForms compares texts that the database parses before it stores them.
func (t columnType) compareForms(dialect, x, y string) Verdict {
	switch {
	case t.is("json", "jsonb"):
		switch {
		case !sameJSON(x, y):
			return Differ
		case t.name == "jsonb":
			return Equal
		case dialect == "postgres":
			return Differ // json keeps the text
		}
		return Unsure // MySQL keeps values, MariaDB texts
	case t.is("uuid"):
		return judge(uuidOf(x), uuidOf(y))
	case t.is("inet", "inet4", "inet6"):
		return judge(inetOf(x), inetOf(y))
	case t.is("interval"):
		return judge(intervalOf(x), intervalOf(y))
	}
	return Unsure
}

// judge compares the canonical forms of two texts. An empty form is unknown.
func judge(x, y string) Verdict {
	if x == "" || y == "" {
		return Unsure
	}
	return differ(x != y)
}

// convertsInSQLite reports whether a column of the type has a numeric affinity, with which SQLite stores texts that look like numbers as numbers. The
// first rule that applies decides: https://www.sqlite.org/datatype3.html#determination_of_column_affinity
func (t columnType) convertsInSQLite() bool {
	for _, rule := range []struct {
		part    string
		numeric bool
	}{{"int", true}, {"char", false}, {"clob", false}, {"text", false}, {"blob", false}} {
		if strings.Contains(t.name, rule.part) {
			return rule.numeric
		}
	}
	return true // REAL and NUMERIC
}

// compareInSQLite compares values that SQLite may convert.
func (t columnType) compareInSQLite(x, y any) Verdict {
	if !t.convertsInSQLite() {
		return Differ
	}
	a, b := decimalOf(x), decimalOf(y)
	switch {
	case a == nil || b == nil:
		return Differ
	case a.Cmp(b) == 0:
		return Equal
	case storage(x) == reflect.String || storage(y) == reflect.String:
		return near(a, b, 1e-14)
	}
	return Differ
}

// compareNumbers compares numbers. The column may store fewer digits.
func (t columnType) compareNumbers(dialect string, x, y any) Verdict {
	a, b := decimalOf(x), decimalOf(y)
	switch {
	case a == nil || b == nil:
		return Unsure // one could not be parsed
	case t.is("real", "float4", "float") && dialect != "sqlite" && (t.name != "float" || dialect == "mysql"):
		if f, _ := a.Float32(); f == second(b.Float32()) {
			return Equal
		}
		return near(a, b, 1e-5)
	case t.is("numeric", "decimal", "dec") && dialect != "sqlite":
		return t.compareDecimals(a, b)
	case a.Cmp(b) == 0:
		return Equal
	}
	return Differ
}

func second(f float32, _ bool) float32 { return f }

// compareDecimals compares numbers after rounding them to the column's scale.
func (t columnType) compareDecimals(a, b *big.Rat) Verdict {
	switch {
	case a.Cmp(b) == 0:
		return Equal
	case t.scale == anyScale:
		return Differ
	case a.FloatString(t.scale) == b.FloatString(t.scale): // FloatString rounds halves away from zero, as databases do
		return Equal
	}
	return near(a, b, 2*math.Pow10(-t.scale)/math.Max(1, math.Abs(floatOf(a))))
}

// near returns Unsure for numbers that the database may round to the same value. within is relative.
func near(a, b *big.Rat, within float64) Verdict {
	x, y := floatOf(a), floatOf(b)
	if math.Abs(x-y) <= within*math.Max(math.Abs(x), 1) {
		return Unsure
	}
	return Differ
}

func floatOf(r *big.Rat) float64 {
	f, _ := r.Float64()
	return f
}

func number(v any) bool {
	rv := reflect.ValueOf(v)
	return rv.CanInt() || rv.CanUint() || rv.CanFloat()
}

// decimalOf parses a number. It returns nil if it cannot.
func decimalOf(v any) *big.Rat {
	var text string
	switch rv := reflect.ValueOf(v); {
	case rv.CanFloat():
		text = strconv.FormatFloat(rv.Float(), 'g', -1, rv.Type().Bits())
	default:
		text = strings.TrimSpace(string(textOf(v)))
	}
	if strings.ContainsAny(text, "/_xXpPbBoO") || len(text) > 400 || exponent(text) > 400 {
		return nil
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return r
}

// exponent returns the absolute value of a number's exponent: a Rat of 1e999999 would fill the memory.
func exponent(text string) int {
	_, digits, has := strings.Cut(strings.ToLower(text), "e")
	if !has {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return math.MaxInt
	}
	return max(n, -n)
}
