package dbtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// ahead has a field that its table gets later, and one that it never gets.
type ahead struct {
	ID    uint
	Name  string
	Motto string
	Count int `gorm:"->;-:migration"`
}

func (ahead) TableName() string { return "ahead" }

// TestATableMayLackColumnsAndHaveOthers: the table has neither all fields nor their order, and a column that no field is for.
func TestATableMayLackColumnsAndHaveOthers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1) // which keeps its prepared statements
		require.NoError(t, db.Exec("CREATE TABLE ahead (extra int, name varchar(20), id int PRIMARY KEY)").Error)
		require.NoError(t, db.Exec("INSERT INTO ahead VALUES (5, 'a', 1)").Error)
		require.NoError(t, db.Use(signals.Plugin{}))
		var heard string
		signals.For[ahead](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*ahead]) error {
			heard = fmt.Sprintf("%s %q", e.Instance.Name, e.Instance.Motto)
			return nil
		})
		signals.For[ahead](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*ahead]) error {
			heard = "deleted " + e.Instance.Name
			return nil
		})
		for _, name := range []string{"b", "c"} {
			require.NoError(t, db.Model(&ahead{ID: 1}).Update("name", name).Error)
			assert.Equal(t, name+` ""`, heard)
			require.NoError(t, db.Model(&ahead{}).Where("name = ?", name).Update("name", name+name).Error)
			assert.Equal(t, name+name+` ""`, heard)
		}
		require.NoError(t, db.Where("id = 1").Delete(&ahead{}).Error)
		assert.Equal(t, "deleted cc", heard)
	})
}

// TestAColumnMoreEndsNoPreparedStatement adds a column that the model does not know: PostgreSQL refuses a prepared SELECT * afterwards.
func TestAColumnMoreEndsNoPreparedStatement(t *testing.T) {
	t.Parallel()
	type steady struct {
		ID   uint
		Name string
	}
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		require.NoError(t, db.AutoMigrate(&steady{}))
		require.NoError(t, db.Create(&steady{Name: "a"}).Error)
		require.NoError(t, db.Use(signals.Plugin{}))
		heard := 0
		signals.For[steady](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*steady]) error { heard++; return nil })
		for i := range 6 {
			if i == 3 {
				require.NoError(t, db.Exec("ALTER TABLE steadies ADD COLUMN more int").Error)
			}
			require.NoError(t, db.Model(&steady{ID: 1}).Update("name", fmt.Sprint(i)).Error)
		}
		assert.Equal(t, 6, heard)
	})
}
