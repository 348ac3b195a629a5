package nulldb_test

import (
	"database/sql/driver"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/nulldb"
)

type product struct {
	ID    uint
	Name  string
	Price int64
}

func open(t *testing.T, config *gorm.Config) *gorm.DB {
	t.Helper()
	pool := nulldb.Open(nulldb.Row{Columns: []string{"id", "name", "price"}, Values: []driver.Value{int64(7), "tea", int64(250)}})
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), config)
	require.NoError(t, err)
	return db
}

func TestSelectFindsTheRow(t *testing.T) {
	t.Parallel()
	db := open(t, &gorm.Config{})
	var found []product
	require.NoError(t, db.Where("price > ?", 1).Find(&found).Error)
	require.Equal(t, []product{{ID: 7, Name: "tea", Price: 250}}, found)
}

func TestSelectAnswersTheColumnsItNames(t *testing.T) {
	t.Parallel()
	db := open(t, &gorm.Config{})
	for range 2 { // the second time from what is kept
		var price, id int64
		row := db.Raw("SELECT `products`.`price`, id FROM products").Row()
		require.NoError(t, row.Scan(&price, &id))
		require.Equal(t, []int64{250, 7}, []int64{price, id})
	}
}

func TestInsertGivesEveryRowAnID(t *testing.T) {
	t.Parallel()
	db := open(t, &gorm.Config{})
	rows := []product{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	created := db.Create(&rows)
	require.NoError(t, created.Error)
	require.EqualValues(t, 3, created.RowsAffected)
	require.Equal(t, []uint{1, 2, 3}, []uint{rows[0].ID, rows[1].ID, rows[2].ID})
}

func TestUpdateAndDeleteAffectOneRow(t *testing.T) {
	t.Parallel()
	db := open(t, &gorm.Config{})
	p := product{ID: 7}
	updated := db.Model(&p).Update("price", 300)
	require.NoError(t, updated.Error)
	require.EqualValues(t, 1, updated.RowsAffected)
	deleted := db.Delete(&p)
	require.NoError(t, deleted.Error)
	require.EqualValues(t, 1, deleted.RowsAffected)
}

func TestPrepareStmtIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, &gorm.Config{PrepareStmt: true, DisableAutomaticPing: true})
	require.ErrorContains(t, db.Create(&product{}).Error, "open GORM without PrepareStmt")
}
