package outbox_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/outbox"
)

// TestNothingIsKeptForARowThatATriggerKeeps has a trigger that silently leaves one of two rows unchanged.
func TestNothingIsKeptForARowThatATriggerKeeps(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(db *gorm.DB) *gorm.DB{
		"updated": func(db *gorm.DB) *gorm.DB { return db.Model(&Product{}).Where("id > 0").Update("price", 7) },
		"deleted": func(db *gorm.DB) *gorm.DB { return db.Where("id > 0").Delete(&Product{}) },
		"saved": func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Product{{ID: 1, Name: "a", Price: 7}, {ID: 2, Name: "b", Price: 7}})
		},
		"by key": func(db *gorm.DB) *gorm.DB { return db.Model(&[]Product{{ID: 1}, {ID: 2}}).Update("price", 7) },
		"created": func(db *gorm.DB) *gorm.DB {
			return db.Create(&[]Product{{ID: 3, Name: "c"}, {ID: 4, Name: "kept out"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			require.NoError(t, db.Create(&[]Product{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}).Error)
			for _, trigger := range []string{
				"CREATE TRIGGER keep_update BEFORE UPDATE ON products WHEN OLD.id = 2 BEGIN SELECT RAISE(IGNORE); END",
				"CREATE TRIGGER keep_delete BEFORE DELETE ON products WHEN OLD.id = 2 BEGIN SELECT RAISE(IGNORE); END",
				"CREATE TRIGGER keep_out BEFORE INSERT ON products WHEN NEW.id = 4 BEGIN SELECT RAISE(IGNORE); END",
			} {
				require.NoError(t, db.Exec(trigger).Error)
			}
			ob := install(t, db, outbox.Config{})
			outbox.Publish[Product](ob)
			products := signals.For[Product](db)
			products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, outbox.Durable(ob, "search"))
			products.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil }, outbox.Durable(ob, "search"))
			tx := write(db)
			require.NoError(t, tx.Error)
			lines := kept(t, db)
			assert.Len(t, lines, 2, "one published, one for the receiver: %q", lines)
			for _, line := range lines {
				assert.NotContains(t, line, "products/2")
				assert.NotContains(t, line, "products/4")
			}
		})
	}
}
