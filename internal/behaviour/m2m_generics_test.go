package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/testkit"
)

// setGenres runs an association operation of the generics API on the song a.
func setGenres(op clause.Association) func(*gorm.DB) error {
	op.Association = "Genres"
	return func(db *gorm.DB) error {
		_, err := gorm.G[Song](db).Where("id = ?", 1).Set(op).Update(context.Background())
		return err
	}
}

// genericLinks are operations of the generics API, with the call of Association that makes the same change. GORM's Unlink and Delete are
// about all stored owners, whatever the conditions of the call.
func genericLinks() map[string]struct{ generic, classic func(*gorm.DB) error } {
	named := []clause.Expression{clause.Eq{Column: clause.Column{Table: "genres", Name: "name"}, Value: "rock"}}
	songs := func(db *gorm.DB) *gorm.DB { return db.Model(&[]Song{{ID: 1}, {ID: 2}, {ID: 3}}) }
	return map[string]struct{ generic, classic func(*gorm.DB) error }{
		"create with values": {
			setGenres(clause.Association{Type: clause.OpCreate, Values: []any{&Genre{ID: 3}, &Genre{Name: "new"}}}),
			func(db *gorm.DB) error {
				return db.Model(&Song{ID: 1}).Association("Genres").Append(&Genre{ID: 3}, &Genre{Name: "new"})
			},
		},
		"create with a value that is linked already": {
			setGenres(clause.Association{Type: clause.OpCreate, Values: []any{&Genre{ID: 1}}}),
			func(db *gorm.DB) error { return db.Model(&Song{ID: 1}).Association("Genres").Append(&Genre{ID: 1}) },
		},
		"create with assignments": {
			setGenres(clause.Association{Type: clause.OpCreate, Set: []clause.Assignment{
				{Column: clause.Column{Name: "id"}, Value: 9}, {Column: clause.Column{Name: "name"}, Value: "new"},
			}}),
			func(db *gorm.DB) error {
				return db.Model(&Song{ID: 1}).Association("Genres").Append(map[string]any{"id": 9, "name": "new"})
			},
		},
		"unlink everything": {
			setGenres(clause.Association{Type: clause.OpUnlink}),
			func(db *gorm.DB) error { return songs(db).Association("Genres").Clear() },
		},
		"delete everything": {
			setGenres(clause.Association{Type: clause.OpDelete}),
			func(db *gorm.DB) error { return songs(db).Association("Genres").Clear() },
		},
		"unlink some": {
			setGenres(clause.Association{Type: clause.OpUnlink, Conditions: named}),
			func(db *gorm.DB) error { return songs(db).Association("Genres").Delete(&Genre{ID: 2}) },
		},
		"delete some": {
			setGenres(clause.Association{Type: clause.OpDelete, Conditions: named}),
			func(db *gorm.DB) error { return songs(db).Association("Genres").Delete(&Genre{ID: 2}) },
		},
		"unlink none": {
			setGenres(clause.Association{Type: clause.OpUnlink, Conditions: []clause.Expression{clause.Eq{Column: "name", Value: "none"}}}),
			func(db *gorm.DB) error { return songs(db).Association("Genres").Delete(&Genre{ID: 77}) },
		},
	}
}

func TestLinksChangedByTheGenericsAPISendWhatAssociationSends(t *testing.T) {
	t.Parallel()
	for name, c := range genericLinks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, heard := music(t)
			plain := seedMusic(t, testkit.Open(t, &gorm.Config{}, &Song{}, &Genre{}))
			require.NoError(t, c.generic(db))
			require.NoError(t, c.generic(plain))
			assert.Equal(t, storedLinks(t, plain), storedLinks(t, db))
			sent := heard.take()
			classic, heardClassic := music(t)
			require.NoError(t, c.classic(classic))
			assert.Equal(t, storedLinks(t, db), storedLinks(t, classic), "the calls are not the same change")
			assert.Equal(t, heardClassic.take(), sent)
			assert.Equal(t, name == "unlink none" || name == "create with a value that is linked already", len(sent) == 0)
		})
	}
}

func storedLinks(t *testing.T, db *gorm.DB) (links []string) {
	t.Helper()
	require.NoError(t, db.Raw("SELECT song_id || '-' || genre_id FROM song_genres ORDER BY 1").Scan(&links).Error)
	return links
}

// TestAnUpdateOfLinkedRowsByTheGenericsAPISendsNothing: GORM names a table there and no model, and runs no hook. No link changes.
func TestAnUpdateOfLinkedRowsByTheGenericsAPISendsNothing(t *testing.T) {
	t.Parallel()
	db, heard := music(t)
	genres := traceOf(db, func(g *Genre) string { return g.Name })
	before := storedLinks(t, db)
	require.NoError(t, setGenres(clause.Association{Type: clause.OpUpdate, Set: []clause.Assignment{{Column: clause.Column{Name: "name"}, Value: "new"}}})(db))
	assert.Equal(t, before, storedLinks(t, db))
	assert.Empty(t, heard.take())
	assert.Empty(t, genres.take())
	var renamed int64
	require.NoError(t, db.Raw("SELECT COUNT(*) FROM genres WHERE name = 'new'").Scan(&renamed).Error)
	assert.NotZero(t, renamed)
}
