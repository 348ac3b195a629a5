package fuzzwrites_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// fuzzRow is a row as small numbers, one for each column. Text n is stored as "s<n>", and 0 as "". In deleted_at, 0 means NULL, 1 fuzzThen and 2
// fuzzNow.
type fuzzRow [4]int

var (
	fuzzThen = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	fuzzNow  = time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
)

type fuzzProduct struct {
	ID           uint
	Slug         string `gorm:"uniqueIndex"`
	Price, Stock int
	UpdatedAt    time.Time
}

type fuzzPage struct {
	ID        uint
	Title     string
	Views     int
	DeletedAt gorm.DeletedAt
}

type fuzzLine struct {
	OrderID uint `gorm:"primaryKey;autoIncrement:false"`
	Pos     uint `gorm:"primaryKey;autoIncrement:false"`
	Qty     int
}

type fuzzOwner struct {
	ID   uint
	Name string
	Pets []fuzzPet `gorm:"foreignKey:OwnerID"`
}

type fuzzPet struct {
	ID      uint
	Name    string
	OwnerID uint
	Owner   *fuzzOwner
}

func (p *fuzzProduct) row() fuzzRow {
	return fuzzRow{int(p.ID), fuzzNumber(p.Slug), p.Price, p.Stock}
}

func (p *fuzzProduct) fill(r fuzzRow) {
	p.ID, p.Slug, p.Price, p.Stock = uint(r[0]), fuzzText(r[1]), r[2], r[3]
}

func (p *fuzzPage) row() fuzzRow {
	return fuzzRow{int(p.ID), fuzzNumber(p.Title), p.Views, fuzzMark(p.DeletedAt)}
}

func (p *fuzzPage) fill(r fuzzRow) {
	p.ID, p.Title, p.Views, p.DeletedAt = uint(r[0]), fuzzText(r[1]), r[2], fuzzDeleted(r[3])
}

func (l *fuzzLine) row() fuzzRow   { return fuzzRow{int(l.OrderID), int(l.Pos), l.Qty} }
func (l *fuzzLine) fill(r fuzzRow) { l.OrderID, l.Pos, l.Qty = uint(r[0]), uint(r[1]), r[2] }

func (o *fuzzOwner) row() fuzzRow   { return fuzzRow{int(o.ID), fuzzNumber(o.Name)} }
func (o *fuzzOwner) fill(r fuzzRow) { o.ID, o.Name = uint(r[0]), fuzzText(r[1]) }

func (p *fuzzPet) row() fuzzRow   { return fuzzRow{int(p.ID), fuzzNumber(p.Name), int(p.OwnerID)} }
func (p *fuzzPet) fill(r fuzzRow) { p.ID, p.Name, p.OwnerID = uint(r[0]), fuzzText(r[1]), uint(r[2]) }

func fuzzText(n int) string {
	if n == 0 {
		return ""
	}
	return "s" + strconv.Itoa(n)
}

func fuzzNumber(text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text[1:])
	if err != nil {
		return -1
	}
	return n
}

func fuzzDeleted(n int) gorm.DeletedAt {
	switch n {
	case 0:
		return gorm.DeletedAt{}
	case 1:
		return gorm.DeletedAt{Time: fuzzThen, Valid: true}
	}
	return gorm.DeletedAt{Time: fuzzNow, Valid: true}
}

func fuzzMark(at gorm.DeletedAt) int {
	switch {
	case !at.Valid:
		return 0
	case at.Time.Equal(fuzzThen):
		return 1
	case at.Time.Equal(fuzzNow):
		return 2
	}
	return -1
}

// fuzzTable describes a model and its table. Columns that a table does not have are -1.
type fuzzTable struct {
	name               string
	fields, columns    []string
	keys               int  // number of first columns that are the key
	auto               bool // the database generates the key
	times              bool // GORM sets UpdatedAt, so no update is empty
	text, unique, soft int
	kit                fuzzKit
}

// fuzzKit makes values of a model.
type fuzzKit interface {
	one(fuzzRow) any
	slice(rows []fuzzRow, form int) any
	rows(dest any) []fuzzRow
	connect(*gorm.DB, *fuzzRecorder, *fuzzTable)
	generic(*gorm.DB, *fuzzOp, *fuzzTable) (affected int64, err error)
}

const (
	fuzzProducts = iota
	fuzzPages
	fuzzLines
	fuzzOwners
	fuzzPets
)

var fuzzDDL = []string{
	`CREATE TABLE fuzz_products (id INTEGER PRIMARY KEY, slug TEXT NOT NULL DEFAULT '' UNIQUE,
		price INTEGER NOT NULL DEFAULT 0, stock INTEGER NOT NULL DEFAULT 0, updated_at datetime)`,
	`CREATE TABLE fuzz_pages (id INTEGER PRIMARY KEY, title TEXT NOT NULL DEFAULT '', views INTEGER NOT NULL DEFAULT 0,
		deleted_at datetime)`,
	`CREATE TABLE fuzz_lines (order_id INTEGER, pos INTEGER, qty INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (order_id, pos))`,
	`CREATE TABLE fuzz_owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '')`,
	`CREATE TABLE fuzz_pets (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '', owner_id INTEGER NOT NULL DEFAULT 0)`,
}

func fuzzTables() []*fuzzTable {
	return []*fuzzTable{
		{
			name: "fuzz_products", fields: []string{"ID", "Slug", "Price", "Stock"},
			columns: []string{"id", "slug", "price", "stock"}, keys: 1, auto: true, times: true, text: 1, unique: 1, soft: -1,
			kit: fuzzKitOf[fuzzProduct, *fuzzProduct]{},
		},
		{
			name: "fuzz_pages", fields: []string{"ID", "Title", "Views", "DeletedAt"},
			columns: []string{"id", "title", "views", "deleted_at"}, keys: 1, auto: true, text: 1, unique: -1, soft: 3,
			kit: fuzzKitOf[fuzzPage, *fuzzPage]{},
		},
		{
			name: "fuzz_lines", fields: []string{"OrderID", "Pos", "Qty"}, columns: []string{"order_id", "pos", "qty"},
			keys: 2, text: -1, unique: -1, soft: -1, kit: fuzzKitOf[fuzzLine, *fuzzLine]{},
		},
		{
			name: "fuzz_owners", fields: []string{"ID", "Name"}, columns: []string{"id", "name"}, keys: 1, auto: true,
			text: 1, unique: -1, soft: -1, kit: fuzzKitOf[fuzzOwner, *fuzzOwner]{},
		},
		{
			name: "fuzz_pets", fields: []string{"ID", "Name", "OwnerID"}, columns: []string{"id", "name", "owner_id"},
			keys: 1, auto: true, text: 1, unique: -1, soft: -1, kit: fuzzKitOf[fuzzPet, *fuzzPet]{},
		},
	}
}

// value returns the value of column c for the number n.
func (t *fuzzTable) value(c, n int) any {
	switch c {
	case t.text:
		return fuzzText(n)
	case t.soft:
		return fuzzDeleted(n)
	}
	return n
}

// fuzzStruct is a pointer to a model.
type fuzzStruct[T any] interface {
	*T
	row() fuzzRow
	fill(fuzzRow)
}

type fuzzKitOf[T any, P fuzzStruct[T]] struct{}

func (fuzzKitOf[T, P]) one(r fuzzRow) any {
	v := new(T)
	P(v).fill(r)
	return v
}

// slice returns a *[]T, *[]*T or []T.
func (fuzzKitOf[T, P]) slice(rows []fuzzRow, form int) any {
	values, pointers := make([]T, len(rows)), make([]*T, len(rows))
	for i, r := range rows {
		P(&values[i]).fill(r)
		pointers[i] = &values[i]
	}
	switch form {
	case 0:
		return &values
	case 1:
		return &pointers
	}
	return values
}

// openFuzz returns a database in memory with the tables.
func openFuzz(tb testing.TB, script *fuzzScript) *gorm.DB {
	tb.Helper()
	pool, err := sql.Open(sqlite.DriverName, ":memory:")
	require.NoError(tb, err)
	pool.SetMaxOpenConns(1)
	tb.Cleanup(func() { _ = pool.Close() })
	for _, ddl := range fuzzDDL {
		_, err = pool.ExecContext(tb.Context(), ddl)
		require.NoError(tb, err)
	}
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), &gorm.Config{
		Logger: logger.Discard, NowFunc: func() time.Time { return fuzzNow },
		SkipDefaultTransaction: script.Plain, PrepareStmt: script.Prepare,
	})
	require.NoError(tb, err)
	for i, table := range fuzzTables() {
		if rows := script.start()[i]; len(rows) > 0 {
			require.NoError(tb, db.Create(table.kit.slice(rows, 0)).Error)
		}
	}
	return db
}

// start returns the rows before the first call, table by table.
func (s *fuzzScript) start() [5][]fuzzRow {
	if !s.Filled {
		return [5][]fuzzRow{}
	}
	return [5][]fuzzRow{
		fuzzProducts: {{1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 1, 3}, {5, 5, 5, 5}},
		fuzzPages:    {{1, 1, 1, 0}, {2, 1, 2, 0}, {3, 2, 3, 1}, {5, 3, 1, 0}},
		fuzzLines:    {{1, 0, 3}, {1, 1, 1}, {1, 2, 2}, {2, 1, 1}},
		fuzzOwners:   {{1, 1}, {2, 2}},
		fuzzPets:     {{1, 1, 1}, {2, 2, 1}, {3, 1, 2}, {4, 3}},
	}
}

// dumpFuzz reads all tables without GORM.
func dumpFuzz(tb testing.TB, db *gorm.DB, tables []*fuzzTable) string {
	tb.Helper()
	pool, err := db.DB()
	require.NoError(tb, err)
	var dump string
	for _, table := range tables {
		text, err := table.dump(tb.Context(), pool)
		require.NoError(tb, err)
		dump += text
	}
	return dump
}

func (t *fuzzTable) dump(ctx context.Context, pool *sql.DB) (text string, err error) {
	found, err := pool.QueryContext(ctx, "SELECT "+strings.Join(t.columns, ",")+",0 FROM "+t.name+" ORDER BY 1,2")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var row fuzzRow
		if err := t.scan(found, &row); err != nil {
			return "", err
		}
		text += fmt.Sprintln(t.name, row)
	}
	return text, found.Err()
}

func (t *fuzzTable) scan(found *sql.Rows, row *fuzzRow) error {
	var text sql.NullString
	var at gorm.DeletedAt
	var zero int
	dest := make([]any, len(t.columns), len(t.columns)+1)
	for c := range t.columns {
		switch c {
		case t.text:
			dest[c] = &text
		case t.soft:
			dest[c] = &at
		default:
			dest[c] = &row[c]
		}
	}
	if err := found.Scan(append(dest, &zero)...); err != nil {
		return err
	}
	if t.text >= 0 {
		row[t.text] = fuzzNumber(text.String)
	}
	if t.soft >= 0 {
		row[t.soft] = fuzzMark(at)
	}
	return nil
}
