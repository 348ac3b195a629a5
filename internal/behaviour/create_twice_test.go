package behaviour_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// Twin is a model whose hook counts.
type Twin struct {
	ID    uint
	Name  string
	Hooks int `gorm:"-"`
}

// AfterCreate is GORM's hook.
func (w *Twin) AfterCreate(*gorm.DB) error { w.Hooks++; return nil }

// counting is a dialect that returns no rows: GORM counts the keys of a slice on from the last one, as from the first one on MySQL.
type counting struct{ *sqlite.Dialector }

// Initialize registers GORM's callbacks without RETURNING.
func (c counting) Initialize(db *gorm.DB) error {
	if err := c.Dialector.Initialize(db); err != nil {
		return err
	}
	without := &callbacks.Config{CreateClauses: []string{"INSERT", "VALUES", "ON CONFLICT"}}
	db.Callback().Create().Clauses = without.CreateClauses
	return db.Callback().Create().Replace("gorm:create", callbacks.Create(without))
}

func TestAPointerThatIsTwiceInAnInsertSendsTheKeysOfBothRows(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]clause.Expression{
		"plain": nil, "returning all": {clause.Returning{}}, "DO NOTHING": {clause.OnConflict{DoNothing: true}},
	} {
		for _, returns := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", keys are returned: ", returns), func(t *testing.T) {
				t.Parallel()
				run := func(use bool) (given []*Twin, p, q *Twin, heard []string) {
					file := &sqlite.Dialector{DSN: filepath.Join(t.TempDir(), "test.db")}
					var dialect gorm.Dialector = file
					if !returns {
						dialect = counting{file}
					}
					db, err := gorm.Open(dialect, &gorm.Config{Logger: logger.Discard})
					require.NoError(t, err)
					require.NoError(t, db.AutoMigrate(&Twin{}))
					if use {
						require.NoError(t, db.Use(signals.Plugin{}))
						signals.For[Twin](db).PreSave.Connect(func(context.Context, signals.SaveEvent[*Twin]) error { return nil })
						signals.For[Twin](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Twin]) error {
							heard = append(heard, fmt.Sprint(e.Created, e.Instance.ID, e.Instance.Name))
							return nil
						})
					}
					p, q = &Twin{Name: "p"}, &Twin{Name: "q"}
					given = []*Twin{p, q, p, p}
					require.NoError(t, db.Clauses(opts...).Create(&given).Error)
					assert.EqualValues(t, 4, count[Twin](t, db))
					return given, p, q, heard
				}
				want, p, q, _ := run(false)
				got, p2, q2, heard := run(true)
				if returns {
					assert.Equal(t, []string{"true 1p", "true 2q", "true 3p", "true 4p"}, heard)
				}
				assert.Equal(t, want, got)
				assert.Equal(t, []Twin{*p, *q}, []Twin{*p2, *q2})
				same := func(all []*Twin, p *Twin) (at []int) {
					for i := range all {
						if all[i] == p {
							at = append(at, i)
						}
					}
					return at
				}
				assert.Equal(t, same(want, p), same(got, p2), "the caller's pointers are where they were")
			})
		}
	}
}
