package relations_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/relations"
)

func TestADatabaseHasACascadeIfItHasTheForeignKey(t *testing.T) {
	t.Parallel()
	const child, key = "CREATE TABLE both_children (id INTEGER PRIMARY KEY, both_id INTEGER", " REFERENCES boths(id)"
	for _, c := range []struct {
		name   string
		tables []string
		has    bool
	}{
		{"as declared", []string{child + key + " ON DELETE CASCADE)"}, true},
		{"whatever the case of its names", []string{"CREATE TABLE BOTH_CHILDREN (id INTEGER, BOTH_ID INTEGER REFERENCES Boths(id) ON DELETE CASCADE)"}, true},
		{"not without a foreign key", []string{child + ")"}, false},
		{"not with another action", []string{child + key + " ON DELETE SET NULL)"}, false},
		{"not over another column", []string{child + ", other INTEGER" + key + " ON DELETE CASCADE)"}, false},
		{"also if the session does not obey it", []string{child + key + " ON DELETE CASCADE)", "PRAGMA foreign_keys = OFF"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			pool, err := db.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(1)
			for _, sql := range append([]string{"CREATE TABLE boths (id INTEGER PRIMARY KEY)"}, c.tables...) {
				require.NoError(t, db.Exec(sql).Error)
			}
			edges := graphOf(t, db, &both{}).Below(schemaOf(t, db, &both{}))
			require.Len(t, edges, 1)
			var catalog relations.Catalog
			for range 2 { // the second answer is remembered
				has, err := catalog.Has(db, edges[0])
				require.NoError(t, err)
				assert.Equal(t, c.has, has)
			}
		})
	}
}

func TestWhetherAForeignKeyIsObeyedIsAMatterOfTheSession(t *testing.T) {
	t.Parallel()
	db := open(t)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	for _, want := range []bool{true, false, true} {
		require.NoError(t, db.Exec(map[bool]string{true: "PRAGMA foreign_keys = ON", false: "PRAGMA foreign_keys = OFF"}[want]).Error)
		var obeyed bool
		require.NoError(t, db.Raw("SELECT ?", relations.Obeyed("sqlite")).Scan(&obeyed).Error)
		assert.Equal(t, want, obeyed)
	}
	assert.Nil(t, relations.Obeyed("sqlserver"), "this package cannot ask")
}
