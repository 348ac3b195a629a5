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
)

// Writer has fields that the table has no column for.
type Writer struct {
	ID        uint
	Name      string
	Books     int `gorm:"->;-:migration"`       // filled by a SELECT with a subquery
	Rank      int `gorm:"<-:false;-:migration"` // the same in other words
	Secret    string
	DeletedAt gorm.DeletedAt
}

// Future is a model that is ahead of its migration.
type Future struct {
	Name  string
	ID    uint
	Motto string // the table has no such column yet
}

func traceWriters(db *gorm.DB) *trace {
	return traceOf(db, func(w *Writer) string { return fmt.Sprintf("%d %s %d", w.ID, w.Name, w.Books) })
}

func TestAFieldWithoutAColumnBreaksNoWrite(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(db *gorm.DB) error{
		"update by key":       func(db *gorm.DB) error { return db.Model(&Writer{ID: 1}).Update("name", "b").Error },
		"update by condition": func(db *gorm.DB) error { return db.Model(&Writer{}).Where("id > 0").Update("name", "b").Error },
		"update with an expression": func(db *gorm.DB) error {
			return db.Model(&Writer{ID: 1}).Update("name", gorm.Expr("name || ?", "b")).Error
		},
		"save":     func(db *gorm.DB) error { return db.Save(&Writer{ID: 1, Name: "c"}).Error },
		"save all": func(db *gorm.DB) error { return db.Save(&[]Writer{{ID: 1, Name: "c"}, {ID: 7}}).Error },
		"upsert": func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Writer{ID: 1, Name: "d"}).Error
		},
		"insert or nothing": func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Writer{{ID: 1}, {ID: 2}}).Error
		},
		"soft delete": func(db *gorm.DB) error { return db.Delete(&Writer{}, 1).Error },
		"delete":      func(db *gorm.DB) error { return db.Unscoped().Where("name = ?", "a").Delete(&Writer{}).Error },
		"joined update": func(db *gorm.DB) error {
			return db.Model(&Writer{}).Clauses(clause.From{Tables: []clause.Table{{Name: "other"}}}).
				Where("other.writer_id = writers.id").Update("name", "j").Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Writer{})
			require.NoError(t, db.Exec("CREATE TABLE other (writer_id, name)").Error)
			require.NoError(t, db.Exec("INSERT INTO other VALUES (1, 'o'), (1, 'p')").Error)
			require.NoError(t, db.Create(&Writer{Name: "a", Secret: "s"}).Error)
			tr := traceWriters(db)
			for range 2 { // the second read knows the table
				require.NoError(t, call(db))
			}
			assert.NotEmpty(t, tr.take())
		})
	}
}

func TestAFieldAheadOfItsMigrationIsReadOnceItsColumnIsThere(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.Exec("CREATE TABLE futures (extra BLOB, id INTEGER PRIMARY KEY, name TEXT, futures TEXT)").Error)
	require.NoError(t, db.Exec("INSERT INTO futures VALUES (x'00', 1, 'a', 'x')").Error)
	tr := traceOf(db, func(f *Future) string { return fmt.Sprintf("%d %s %q", f.ID, f.Name, f.Motto) })
	update := func(name string) {
		require.NoError(t, db.Model(&Future{ID: 1}).Update("name", name).Error)
	}
	update("b")
	assert.Equal(t, []string{`pre_save update 1 b ""`, `post_save update 1 b ""`}, tr.take())
	require.NoError(t, db.Exec("ALTER TABLE futures ADD COLUMN motto TEXT DEFAULT 'go on'").Error)
	update("c")
	assert.Equal(t, []string{`pre_save update 1 c "go on"`, `post_save update 1 c "go on"`}, tr.take())
	require.NoError(t, db.Exec("ALTER TABLE futures DROP COLUMN motto").Error)
	update("d")
	assert.Equal(t, []string{`pre_save update 1 d ""`, `post_save update 1 d ""`}, tr.take())
	require.NoError(t, db.Model(&Future{}).Where("name = ?", "d").Update("name", "e").Error)
	assert.Equal(t, []string{`pre_save update 1 e ""`, `post_save update 1 e ""`}, tr.take())
}

func TestAnotherTableMayLackWhatTheOwnOneHas(t *testing.T) {
	t.Parallel()
	db := open(t, &Future{})
	require.NoError(t, db.Exec("CREATE TABLE old_futures (id INTEGER PRIMARY KEY, name TEXT)").Error)
	require.NoError(t, db.Exec("INSERT INTO old_futures VALUES (1, 'old')").Error)
	require.NoError(t, db.Create(&Future{Name: "new", Motto: "m"}).Error)
	tr := traceOf(db, func(f *Future) string { return fmt.Sprintf("%d %s %q", f.ID, f.Name, f.Motto) })
	for range 2 {
		require.NoError(t, db.Delete(&Future{}, 2).Error)
		require.NoError(t, db.Table("old_futures").Model(&Future{ID: 1}).Update("name", "b").Error)
		assert.Equal(t, []string{`pre_save update 1 b ""`, `post_save update 1 b ""`}, tr.take())
		require.NoError(t, db.Table("old_futures AS o").Model(&Future{}).Where("o.id = 1").Update("name", "b").Error)
		assert.Equal(t, []string{`pre_save update 1 b ""`, `post_save update 1 b ""`}, tr.take())
		require.NoError(t, db.Model(&Future{ID: 1}).Update("name", "b").Error)
		assert.Equal(t, []string{`pre_save update 1 b "m"`, `post_save update 1 b "m"`}, tr.take())
	}
}

func TestChangesOfACreatedRowNameNoFieldThatIsNotInserted(t *testing.T) {
	t.Parallel()
	db := open(t, &Writer{})
	var columns []string
	signals.For[Writer](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Writer]) error {
		for _, c := range e.Changes() {
			columns = append(columns, c.Column)
		}
		return nil
	})
	require.NoError(t, db.Create(&Writer{Name: "a", Books: 3, Rank: 1}).Error)
	assert.Equal(t, []string{"id", "name"}, columns)
}
