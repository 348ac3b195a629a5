package behaviour_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Moved is a model whose hook runs when a row has got another key.
type Moved struct {
	ID   uint
	Name string
	N    int
	Said func(string) `gorm:"-"`
}

// AfterUpdate is GORM's hook.
func (m *Moved) AfterUpdate(*gorm.DB) error {
	if m.Said != nil {
		m.Said("AfterUpdate")
	}
	return nil
}

func TestAnUpdateOfTheKeySendsPostSaveAtItsEndWithTheStoredKey(t *testing.T) {
	t.Parallel()
	type form func(db *gorm.DB, m *Moved) *gorm.DB
	forms := map[string]form{
		"Update":   func(db *gorm.DB, m *Moved) *gorm.DB { return db.Model(m).Update("id", 9) },
		"a text":   func(db *gorm.DB, m *Moved) *gorm.DB { return db.Model(m).Update("id", "9") },
		"Updates":  func(db *gorm.DB, m *Moved) *gorm.DB { return db.Model(m).Updates(map[string]any{"ID": 9, "n": 5}) },
		"a struct": func(db *gorm.DB, m *Moved) *gorm.DB { return db.Model(m).Updates(Moved{ID: 9, N: 5}) },
		"condition": func(db *gorm.DB, m *Moved) *gorm.DB {
			return db.Model(&Moved{Said: m.Said}).Where("name = ?", "a").Update("id", 9)
		},
		"looks at more": func(db *gorm.DB, m *Moved) *gorm.DB { return db.Model(m).Where("n < (SELECT 7)").Update("id", 9) },
		"expression":    func(db *gorm.DB, m *Moved) *gorm.DB { return db.Model(m).Update("id", gorm.Expr("id + ?", 8)) },
		"expression by condition": func(db *gorm.DB, m *Moved) *gorm.DB {
			return db.Model(&Moved{Said: m.Said}).Where("name = ?", "a").Update("id", gorm.Expr("id + 8"))
		},
	}
	for name, write := range forms {
		for _, size := range []int{0, 1} {
			for _, changes := range []bool{false, true} {
				t.Run(fmt.Sprint(name, ", batches of ", size, ", a receiver changes it: ", changes), func(t *testing.T) {
					t.Parallel()
					db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Moved{})
					require.NoError(t, db.Create(&[]Moved{{Name: "a"}, {Name: "b"}}).Error)
					var said []string
					moved := signals.For[Moved](db)
					if changes {
						moved.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Moved]) error { e.Instance.Name = "changed"; return nil })
					}
					moved.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Moved]) error {
						was, err := e.Original()
						require.NoError(t, err)
						if strings.HasPrefix(name, "expression") { // only the database knows the key
							said = append(said, fmt.Sprintf("post_save %d -> 9", was.ID))
							return nil
						}
						assert.True(t, e.Changed("ID"))
						said = append(said, fmt.Sprintf("post_save %d -> %d", was.ID, e.Instance.ID))
						return nil
					})
					m := Moved{ID: 1, Name: "a", Said: func(s string) { said = append(said, s) }}
					tx := write(db, &m)
					require.NoError(t, tx.Error)
					assert.EqualValues(t, 1, tx.RowsAffected)
					assert.Equal(t, []string{"AfterUpdate", "post_save 1 -> 9"}, said)
					assert.Equal(t, map[bool]string{false: "a", true: "changed"}[changes], find[Moved](t, db, 9).Name)
					if changes && m.ID == 9 {
						assert.Equal(t, "changed", m.Name)
					}
				})
			}
		}
	}
}
