package rows_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// clauses is what a field type gives to GORM, in one function.
type clauses func(*gorm.Statement)

func (clauses) Name() string                           { return "" }
func (clauses) Build(clause.Builder)                   {}
func (clauses) MergeClause(*clause.Clause)             {}
func (c clauses) ModifyStatement(stmt *gorm.Statement) { c(stmt) }
func give(do func(*gorm.Statement)) []clause.Interface { return []clause.Interface{clauses(do)} }
func where(e clause.Expression) []clause.Interface {
	return give(func(stmt *gorm.Statement) { stmt.AddClause(clause.Where{Exprs: []clause.Expression{e}}) })
}

// turn turns a DELETE into an UPDATE.
func turn(f *schema.Field, value any) []clause.Interface {
	return give(func(stmt *gorm.Statement) {
		stmt.AddClause(clause.Set{{Column: clause.Column{Name: f.DBName}, Value: value}})
		stmt.SetColumn(f.DBName, value, true)
		stmt.AddClauseIfNotExists(clause.Update{})
		stmt.Build("UPDATE", "SET", "WHERE")
	})
}

// tenant only adds a condition.
type tenant int

func (tenant) QueryClauses(f *schema.Field) []clause.Interface {
	return where(clause.Eq{Column: f.DBName, Value: 1})
}

func (tenant) DeleteClauses(f *schema.Field) []clause.Interface {
	return where(clause.Eq{Column: f.DBName, Value: 1})
}

// status keeps deleted rows under a word.
type status string

func (status) QueryClauses(f *schema.Field) []clause.Interface {
	return where(clause.And(clause.Neq{Column: clause.Column{Table: clause.CurrentTable, Name: f.DBName}, Value: "gone"}))
}
func (status) DeleteClauses(f *schema.Field) []clause.Interface { return turn(f, "gone") }

// active is false for deleted rows; its condition is SQL text.
type active bool

func (active) QueryClauses(f *schema.Field) []clause.Interface {
	return where(clause.Expr{SQL: f.DBName + " IS TRUE"})
}
func (active) DeleteClauses(f *schema.Field) []clause.Interface { return turn(f, false) }

// broken panics when GORM applies its clauses.
type broken int

func (broken) DeleteClauses(*schema.Field) []clause.Interface {
	return give(func(*gorm.Statement) { panic("no tenant") })
}

type around struct{ gorm.DeletedAt }

func hidden(m *rows.Model, db *gorm.DB, row any) bool {
	return m.Hidden(db, func(f *schema.Field) any {
		return f.ReflectValueOf(db.Statement.Context, reflect.ValueOf(row).Elem()).Interface()
	})
}

type filtered struct {
	ID uint
	V  tenant
}
type strange struct {
	ID uint
	V  broken
}
type plain struct {
	ID uint
	V  gorm.DeletedAt
}
type behind struct {
	ID uint
	V  *gorm.DeletedAt
}
type inside struct {
	ID uint
	V  around
}
type embedded struct {
	ID uint
	around
}
type dated struct {
	ID uint
	V  gorm.DeletedAt `gorm:"zeroValue:1970-01-01 00:00:01"`
}
type worded struct {
	ID uint
	V  status
}
type flagged struct {
	ID uint
	V  active
}

func TestAColumnIsOneOfSoftDeleteByWhatItsTypeDoes(t *testing.T) {
	t.Parallel()
	now := gorm.DeletedAt{Time: time.Now(), Valid: true}
	db := open(t)
	check := func(name string, m *rows.Model, soft bool, live, deleted any) {
		assert.Equal(t, soft, len(m.Soft(db)) == 1, name)
		assert.False(t, hidden(m, db, live), name)
		assert.Equal(t, soft, hidden(m, db, deleted), name)
	}
	m, _ := model[filtered](t, db)
	check("a condition alone", m, false, &filtered{}, &filtered{V: 2})
	m, _ = model[strange](t, db)
	check("a type that panics", m, false, &strange{}, &strange{V: 2})
	m, _ = model[plain](t, db)
	check("gorm.DeletedAt", m, true, &plain{}, &plain{V: now})
	m, _ = model[behind](t, db)
	check("a pointer", m, true, &behind{}, &behind{V: &now})
	check("a pointer to NULL", m, true, &behind{V: &gorm.DeletedAt{}}, &behind{V: &now})
	m, _ = model[inside](t, db)
	check("a struct around it", m, true, &inside{}, &inside{V: around{now}})
	m, _ = model[embedded](t, db)
	check("embedded", m, len(m.Soft(db)) == 1, &embedded{}, &embedded{around: around{now}})
	m, _ = model[dated](t, db)
	zero := gorm.DeletedAt{Time: time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC), Valid: true}
	check("a zero value of its own", m, true, &dated{V: zero}, &dated{V: now})
	assert.True(t, hidden(m, db, &dated{}), "NULL is not that value")
	m, _ = model[worded](t, db)
	check("a word", m, true, &worded{V: "new"}, &worded{V: "gone"})
	m, _ = model[flagged](t, db)
	check("a condition in SQL", m, true, &flagged{V: true}, &flagged{})
}
