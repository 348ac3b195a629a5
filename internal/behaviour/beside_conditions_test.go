package behaviour_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// TenantItem is a row of a tenant.
type TenantItem struct {
	ID     uint
	Name   string
	Tenant uint
	By     string
	Stock  int
}

// TenantPage is a TenantItem with soft delete.
type TenantPage struct {
	TenantItem
	DeletedAt gorm.DeletedAt
}

// openTenants returns a database with rows of two tenants and another program's callbacks, registered before the plugin or after it; without the
// plugin for nil.
func openTenants(t *testing.T, first *bool, register func(db *gorm.DB)) *gorm.DB {
	t.Helper()
	db := testkit.Open(t, &gorm.Config{}, &TenantItem{}, &TenantPage{})
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		s := TenantItem{Name: name, Tenant: uint(1 + i%2)}
		require.NoError(t, db.Create(&s).Error)
		require.NoError(t, db.Create(&TenantPage{TenantItem: s}).Error)
	}
	if first == nil || *first {
		register(db)
	}
	if first != nil {
		require.NoError(t, db.Use(signals.Plugin{BatchSize: 2}))
	}
	if first != nil && !*first {
		register(db)
	}
	return db
}

func TestAConditionThatAnotherCallbackAddsHoldsForEveryFormOfWrite(t *testing.T) {
	t.Parallel()
	filter := func(tx *gorm.DB) {
		tx.Statement.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: "tenant", Value: 1}}})
	}
	places := map[string]func(db *gorm.DB){
		"before the statement": func(db *gorm.DB) {
			_ = db.Callback().Update().Before("gorm:update").Register("tenant", filter)
			_ = db.Callback().Delete().Before("gorm:delete").Register("tenant", filter)
		},
		"before everything": func(db *gorm.DB) {
			_ = db.Callback().Update().Before("*").Register("tenant", filter)
			_ = db.Callback().Delete().Before("*").Register("tenant", filter)
		},
		"after the hooks": func(db *gorm.DB) {
			_ = db.Callback().Update().After("gorm:before_update").Register("tenant", filter)
			_ = db.Callback().Delete().After("gorm:before_delete").Register("tenant", filter)
		},
	}
	writes := map[string]func(db *gorm.DB) *gorm.DB{
		"by condition": func(db *gorm.DB) *gorm.DB { return db.Model(&TenantItem{}).Where("name <> ?", "").Update("stock", 7) },
		"by alternatives": func(db *gorm.DB) *gorm.DB {
			return db.Model(&TenantItem{}).Where("name = ?", "a").Or("name = ?", "b").Update("stock", 7)
		},
		"by an expression": func(db *gorm.DB) *gorm.DB {
			return db.Model(&TenantItem{}).Where("id > 0").Update("stock", gorm.Expr("stock + 7"))
		},
		"without a condition":    func(db *gorm.DB) *gorm.DB { return db.Model(&TenantItem{}).Update("stock", 7) },
		"by key":                 func(db *gorm.DB) *gorm.DB { return db.Model(&TenantItem{ID: 2}).Update("stock", 7) },
		"several by key":         func(db *gorm.DB) *gorm.DB { return db.Model(&[]TenantItem{{ID: 1}, {ID: 2}}).Update("stock", 7) },
		"delete":                 func(db *gorm.DB) *gorm.DB { return db.Where("id > 0").Delete(&TenantItem{}) },
		"delete by key":          func(db *gorm.DB) *gorm.DB { return db.Delete(&TenantItem{}, 2) },
		"delete of everything":   func(db *gorm.DB) *gorm.DB { return db.Delete(&TenantItem{}) },
		"delete of structs":      func(db *gorm.DB) *gorm.DB { return db.Delete(&[]TenantItem{{ID: 1}, {ID: 2}, {ID: 3}}) },
		"soft delete":            func(db *gorm.DB) *gorm.DB { return db.Where("id > 0").Delete(&TenantPage{}) },
		"soft delete by key":     func(db *gorm.DB) *gorm.DB { return db.Delete(&TenantPage{TenantItem: TenantItem{ID: 2}}) },
		"delete for good":        func(db *gorm.DB) *gorm.DB { return db.Unscoped().Where("id > 0").Delete(&TenantPage{}) },
		"scoped update":          func(db *gorm.DB) *gorm.DB { return db.Model(&TenantPage{}).Where("id > 1").Update("stock", 7) },
		"with a condition of OR": func(db *gorm.DB) *gorm.DB { return db.Where("id = 1").Or("id = 2").Delete(&TenantPage{}) },
	}
	for place, register := range places {
		for name, write := range writes {
			for _, first := range []bool{true, false} {
				t.Run(fmt.Sprint(name, ", ", place, ", registered first: ", first), func(t *testing.T) {
					t.Parallel()
					plain := openTenants(t, nil, register)
					tx := write(plain)
					want := []any{tx.RowsAffected, tx.Error, tablesOf(t, plain)}
					db := openTenants(t, &first, register)
					heard := hearIDs(db)
					tx = write(db)
					assert.Equal(t, want, []any{tx.RowsAffected, tx.Error, tablesOf(t, db)})
					assert.Len(t, heard(), int(tx.RowsAffected), "post signals of %v", heard())
				})
			}
		}
	}
}

// hearIDs connects to the post signals of both models. It returns the keys of which they were sent.
func hearIDs(db *gorm.DB) func() []uint {
	var ids []uint
	items, pages := signals.For[TenantItem](db), signals.For[TenantPage](db)
	items.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*TenantItem]) error {
		ids = append(ids, e.Instance.ID)
		return nil
	})
	items.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*TenantItem]) error {
		ids = append(ids, e.Instance.ID)
		return nil
	})
	pages.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*TenantPage]) error {
		ids = append(ids, e.Instance.ID)
		return nil
	})
	pages.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*TenantPage]) error {
		ids = append(ids, e.Instance.ID)
		return nil
	})
	return func() []uint { return ids }
}

// tablesOf shows both tables.
func tablesOf(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	var lines []string
	for _, table := range []string{"tenant_items", "tenant_pages"} {
		columns := "id, name, tenant, by, stock"
		if table == "tenant_pages" {
			columns += ", deleted_at IS NOT NULL AS gone"
		}
		rows, err := db.Session(&gorm.Session{NewDB: true}).Table(table).Select(columns).Order("id").Rows()
		require.NoError(t, err)
		for rows.Next() {
			values := make([]any, 6)
			dest := []any{&values[0], &values[1], &values[2], &values[3], &values[4], &values[5]}
			if table == "tenant_items" {
				dest = dest[:5]
			}
			require.NoError(t, rows.Scan(dest...))
			lines = append(lines, fmt.Sprint(table, values))
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close()) //nolint:sqlclosecheck // a test that fails here ends
	}
	return lines
}

func TestAColumnThatAnotherCallbackSetsIsWrittenAndShown(t *testing.T) {
	t.Parallel()
	set := func(tx *gorm.DB) { tx.Statement.SetColumn("by", "root") }
	writes := map[string]func(db *gorm.DB) *gorm.DB{
		"by key":    func(db *gorm.DB) *gorm.DB { return db.Model(&TenantItem{ID: 1}).Update("stock", 7) },
		"by struct": func(db *gorm.DB) *gorm.DB { return db.Model(&TenantItem{ID: 1}).Updates(TenantItem{Stock: 7}) },
		"by condition": func(db *gorm.DB) *gorm.DB {
			return db.Model(&TenantItem{}).Where("id > 0").Updates(map[string]any{"stock": 7})
		},
		"by expression": func(db *gorm.DB) *gorm.DB {
			return db.Model(&TenantItem{}).Where("id > 0").Update("stock", gorm.Expr("stock + 7"))
		},
		"Save": func(db *gorm.DB) *gorm.DB { return db.Save(&TenantItem{ID: 1, Name: "a", Tenant: 1, Stock: 7}) },
	}
	for name, write := range writes {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", registered first: ", first), func(t *testing.T) {
				t.Parallel()
				register := func(db *gorm.DB) { _ = db.Callback().Update().Before("gorm:update").Register("who", set) }
				plain := openTenants(t, nil, register)
				require.NoError(t, write(plain).Error)
				db := openTenants(t, &first, register)
				told := 0
				signals.For[TenantItem](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*TenantItem]) error {
					told++
					assert.Equal(t, "root", e.Instance.By)
					assert.True(t, e.Changed("By"))
					return nil
				})
				tx := write(db)
				require.NoError(t, tx.Error)
				assert.Equal(t, tablesOf(t, plain), tablesOf(t, db))
				assert.EqualValues(t, tx.RowsAffected, told)
			})
		}
	}
}

func TestOtherCallbacksRunAsOftenAsWithoutThePluginAndSeeTheWholeStatement(t *testing.T) {
	t.Parallel()
	calls := func(plugin bool) (seen []string) {
		db := testkit.Open(t, &gorm.Config{}, &TenantItem{})
		require.NoError(t, db.CreateInBatches(make([]TenantItem, 7), 3).Error)
		if plugin {
			require.NoError(t, db.Use(signals.Plugin{BatchSize: 2}))
			signals.For[TenantItem](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*TenantItem]) error {
				e.Instance.Name = fmt.Sprint("row ", e.Instance.ID) // each row has a statement of its own
				return nil
			})
			hearShelves(db)
		}
		note := func(tx *gorm.DB) { seen = append(seen, fmt.Sprint(tx.Statement.RowsAffected, tx.RowsAffected)) }
		_ = db.Callback().Update().After("gorm:after_update").Register("count", note)
		_ = db.Callback().Delete().Before("gorm:after_delete").Register("count", note)
		_ = db.Callback().Raw().Before("gorm:raw").Register("count", note)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Model(&TenantItem{}).Where("id > 0").Update("stock", 1).Error)
			return tx.Where("id > 0").Delete(&TenantItem{}).Error
		}))
		return seen
	}
	assert.Equal(t, calls(false), calls(true))
}

func hearShelves(db *gorm.DB) {
	signals.For[TenantItem](db).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*TenantItem]) error { return nil })
}

func TestASavepointKeepsNothingOfAWriteThatFailsHalfway(t *testing.T) {
	t.Parallel()
	refuse := fmt.Errorf("no more")
	for name, write := range map[string]func(db *gorm.DB) error{
		"update": func(db *gorm.DB) error { return db.Model(&TenantItem{}).Where("id > 0").Update("stock", 7).Error },
		"delete": func(db *gorm.DB) error { return db.Where("id > 0").Delete(&TenantItem{}).Error },
	} {
		for _, prepared := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " prepared ", prepared), func(t *testing.T) {
				t.Parallel()
				db := testkit.OpenWith(t, &gorm.Config{PrepareStmt: prepared}, signals.Plugin{BatchSize: 2}, &TenantItem{})
				require.NoError(t, db.Create(&[]TenantItem{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}}).Error)
				var told []string
				s := signals.For[TenantItem](db)
				s.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*TenantItem]) error {
					told = append(told, e.Instance.Name)
					return nil
				}, signals.AfterCommit())
				s.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*TenantItem]) error {
					told = append(told, e.Instance.Name)
					return nil
				}, signals.AfterCommit())
				fail := func(p *TenantItem) error {
					if p.Name == "d" {
						return refuse
					}
					return nil
				}
				s.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*TenantItem]) error { return fail(e.Instance) })
				s.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*TenantItem]) error { return fail(e.Instance) })
				before := find[TenantItem](t, db, 1)
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					require.ErrorIs(t, write(tx), refuse)
					return nil // the program has dealt with it
				}))
				assert.Equal(t, before, find[TenantItem](t, db, 1))
				assert.Empty(t, told)
			})
		}
	}
}
