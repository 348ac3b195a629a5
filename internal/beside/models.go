package beside

import (
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Base has the columns of every model of the suite. Others filter by Tenant and set By.
type Base struct {
	ID     uint `gorm:"primaryKey"`
	Name   string
	Tenant uint
	By     string
	Price  int
	Slot   *int `gorm:"unique"`
}

func (b *Base) base() *Base { return b }

// Item is a plain model.
type Item struct {
	Base

	UpdatedAt time.Time
}

// Page has a soft delete and GORM's hooks.
type Page struct {
	Base
	Hooks

	DeletedAt gorm.DeletedAt
}

// Doc has an optimistic lock.
type Doc struct {
	Base

	Version Lock
}

// Note has a field type that filters rows in every statement.
type Note struct {
	Base

	Hidden Hidden
}

// Seat has a key of two columns and GORM's hooks.
type Seat struct {
	Base
	Hooks

	Room string `gorm:"primaryKey;size:20"`
}

// Owner has relations of every kind.
type Owner struct {
	Base
	Hooks

	ChiefID  *uint
	Chief    *Item
	Children []Child `gorm:"constraint:OnDelete:CASCADE"`
	Tags     []Tag   `gorm:"many2many:owner_tags;constraint:OnDelete:CASCADE"`
}

// Child has an owner.
type Child struct {
	Base

	OwnerID *uint
}

// Tag has links to owners.
type Tag struct{ Base }

// Audit is the row that others write beside a write.
type Audit struct {
	ID   uint
	Line string
}

// Lock is a version: every update increments it, and an update with an old version matches no row.
type Lock int64

// CreateClauses starts the version of a new row at 1.
func (Lock) CreateClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{lockCreate{silent{}, f}}
}

// UpdateClauses adds the version to the condition and to the assignments.
func (Lock) UpdateClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{lockUpdate{silent{}, f}}
}

// silent is a clause that writes nothing by itself.
type silent struct{}

// Name returns nothing, because the clause has no place of its own.
func (silent) Name() string { return "" }

// Build writes nothing.
func (silent) Build(clause.Builder) {}

// MergeClause merges nothing.
func (silent) MergeClause(*clause.Clause) {}

type lockCreate struct {
	silent

	field *schema.Field
}

// ModifyStatement sets the version of the new rows.
func (l lockCreate) ModifyStatement(stmt *gorm.Statement) {
	switch v := stmt.ReflectValue; v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if row := reflect.Indirect(v.Index(i)); row.Kind() == reflect.Struct {
				_ = stmt.AddError(l.field.Set(stmt.Context, row, Lock(1)))
			}
		}
	case reflect.Struct:
		_ = stmt.AddError(l.field.Set(stmt.Context, v, Lock(1)))
	default:
	}
}

type lockUpdate struct {
	silent

	field *schema.Field
}

// ModifyStatement makes the statement write the next version of rows with the version of the model.
func (l lockUpdate) ModifyStatement(stmt *gorm.Statement) {
	if _, done := stmt.Clauses["lock"]; done || stmt.Unscoped {
		return
	}
	stmt.Clauses["lock"] = clause.Clause{}
	if stmt.ReflectValue.Kind() == reflect.Struct {
		if version, zero := l.field.ValueOf(stmt.Context, stmt.ReflectValue); !zero {
			stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: l.field.DBName}, Value: version}}})
		}
	}
	if _, isMap := stmt.Dest.(map[string]any); !isMap {
		stmt.Dest = assignments(stmt)
	}
	stmt.SetColumn(l.field.DBName, clause.Expr{SQL: stmt.Quote(l.field.DBName) + " + 1"}, true)
}

// assignments turns the struct that an update writes into a map.
func assignments(stmt *gorm.Statement) map[string]any {
	row, set := reflect.Indirect(reflect.ValueOf(stmt.Dest)), map[string]any{}
	chosen, restricted := stmt.SelectAndOmitColumns(false, true)
	for _, f := range stmt.Schema.Fields {
		if f.DBName == "" || f.PrimaryKey || !f.Updatable || row.Kind() != reflect.Struct {
			continue
		}
		value, zero := f.ValueOf(stmt.Context, row)
		if on, named := chosen[f.DBName]; (named && on) || (!named && !restricted && !zero) {
			set[f.DBName] = value
		}
	}
	return set
}

// Hidden is a flag, which is 1 for hidden rows. Statements without Unscoped leave these rows out.
type Hidden int

// QueryClauses leaves hidden rows out of queries.
func (Hidden) QueryClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{hides{silent{}, f}}
}

// UpdateClauses leaves hidden rows out of updates.
func (Hidden) UpdateClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{hides{silent{}, f}}
}

// DeleteClauses leaves hidden rows out of deletes, which stay hard.
func (Hidden) DeleteClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{hides{silent{}, f}}
}

type hides struct {
	silent

	field *schema.Field
}

// ModifyStatement adds the condition once.
func (h hides) ModifyStatement(stmt *gorm.Statement) {
	if _, done := stmt.Clauses["hides"]; done || stmt.Unscoped {
		return
	}
	stmt.Clauses["hides"] = clause.Clause{}
	stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: h.field.DBName}, Value: 0}}})
}

// Hooks has all hooks that GORM calls around a write. Others can run in each of them.
type Hooks struct{}

type worldKey struct{}

func hooked(tx *gorm.DB, hook string) error {
	if w, ok := tx.Statement.Context.Value(worldKey{}).(*world); ok {
		w.hook(tx, hook)
	}
	return nil
}

// BeforeSave runs others.
func (*Hooks) BeforeSave(tx *gorm.DB) error { return hooked(tx, "BeforeSave") }

// BeforeCreate runs others.
func (*Hooks) BeforeCreate(tx *gorm.DB) error { return hooked(tx, "BeforeWrite") }

// BeforeUpdate runs others.
func (*Hooks) BeforeUpdate(tx *gorm.DB) error { return hooked(tx, "BeforeWrite") }

// BeforeDelete runs others.
func (*Hooks) BeforeDelete(tx *gorm.DB) error { return hooked(tx, "BeforeWrite") }

// AfterCreate runs others.
func (*Hooks) AfterCreate(tx *gorm.DB) error { return hooked(tx, "AfterWrite") }

// AfterUpdate runs others.
func (*Hooks) AfterUpdate(tx *gorm.DB) error { return hooked(tx, "AfterWrite") }

// AfterDelete runs others.
func (*Hooks) AfterDelete(tx *gorm.DB) error { return hooked(tx, "AfterWrite") }

// AfterSave runs others.
func (*Hooks) AfterSave(tx *gorm.DB) error { return hooked(tx, "AfterSave") }
