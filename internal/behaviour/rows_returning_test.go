package behaviour_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// When RETURNING is asked for.
const (
	byTheCaller = "by the caller"
	rightBefore = "right before the SQL"
)

func TestRowsOfAllStatementsOfAWriteAreReturned(t *testing.T) {
	t.Parallel()
	writes := map[string]func(db *gorm.DB, into *[]Product) *gorm.DB{
		"update": func(db *gorm.DB, into *[]Product) *gorm.DB {
			return db.Model(into).Where("price > 1").Update("stock", 7)
		},
		"update of given rows": func(db *gorm.DB, into *[]Product) *gorm.DB {
			*into = []Product{{ID: 2, Slug: "kept"}, {ID: 3, Slug: "kept"}, {ID: 4, Slug: "kept"}, {ID: 5, Slug: "kept"}}
			return db.Model(into).Update("stock", 7)
		},
		"delete": func(db *gorm.DB, into *[]Product) *gorm.DB { return db.Where("price > 1").Delete(into) },
		"one struct": func(db *gorm.DB, into *[]Product) *gorm.DB {
			*into = make([]Product, 1)
			return db.Model(&(*into)[0]).Where("price > 1").Update("stock", 7)
		},
	}
	for name, write := range writes {
		for _, asked := range []string{byTheCaller, rightBefore} {
			for _, columns := range [][]clause.Column{nil, {{Name: "id"}, {Name: "name"}}} {
				for _, changed := range []string{"", "b", "c"} {
					t.Run(fmt.Sprint(name, ", asked ", asked, ", columns ", len(columns), ", a receiver changes ", changed), func(t *testing.T) {
						t.Parallel()
						run := func(plugin bool) ([]Product, int64) {
							db := testkit.Open(t, &gorm.Config{}, &Product{})
							require.NoError(t, db.Create(&[]Product{{Name: "a", Price: 1}, {Name: "b", Price: 2}, {Name: "c", Price: 3}, {Name: "d", Price: 4}, {Name: "e", Price: 5}}).Error)
							if plugin {
								require.NoError(t, db.Use(signals.Plugin{BatchSize: 2}))
								signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
									if e.Instance.Name == changed {
										e.Instance.Price *= 10
									}
									return nil
								})
								signals.For[Product](db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil })
							}
							ask := func(tx *gorm.DB) { tx.Statement.AddClause(clause.Returning{Columns: columns}) }
							if asked == rightBefore {
								require.NoError(t, db.Callback().Update().Before("gorm:update").Register("ask", ask))
								require.NoError(t, db.Callback().Delete().Before("gorm:delete").Register("ask", ask))
							} else {
								db = db.Clauses(clause.Returning{Columns: columns})
							}
							var into []Product
							tx := write(db, &into)
							require.NoError(t, tx.Error)
							slices.SortFunc(into, func(a, b Product) int { return int(a.ID) - int(b.ID) })
							for i := range into {
								into[i].CreatedAt, into[i].UpdatedAt = into[0].CreatedAt, into[0].CreatedAt
								if into[i].Price > 5 {
									into[i].Price /= 10
								}
							}
							return into, tx.RowsAffected
						}
						want, n := run(false)
						got, affected := run(true)
						for i := range got {
							want[i].CreatedAt, want[i].UpdatedAt = got[i].CreatedAt, got[i].UpdatedAt
						}
						if name == "one struct" { // which row comes first is the database's
							assert.NotZero(t, got[0].ID)
							return
						}
						assert.Equal(t, want, got)
						assert.Equal(t, n, affected)
					})
				}
			}
		}
	}
}
