package files_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/files"
	"github.com/gorm-signals/signals/internal/testkit"
)

var errNo = errors.New("no")

func TestAFileGoesWithTheLastRowThatNamesIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write func(db *gorm.DB) error
		left  []string
	}{
		"an update": {func(db *gorm.DB) error {
			return db.Model(&files.Picture{}).Where("file = ?", "a").Update("file", "new").Error
		}, []string{"b", "both", "new"}},
		"an update of something else": {func(db *gorm.DB) error {
			return db.Model(&files.Picture{}).Where("file = ?", "a").Update("id", 70).Error
		}, []string{"a", "b", "both", "new"}},
		"an update and back": {func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Model(&files.Picture{ID: 1}).Update("file", "new").Error, tx.Model(&files.Picture{ID: 1}).Update("file", "a").Error)
			})
		}, []string{"a", "b", "both"}},
		"an update that is rolled back": {func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Model(&files.Picture{ID: 1}).Update("file", "new").Error, errNo)
			})
		}, []string{"a", "b", "both"}},
		"a soft delete": {func(db *gorm.DB) error { return db.Delete(&files.Picture{}, 1).Error }, []string{"a", "b", "both", "new"}},
		"a delete":      {func(db *gorm.DB) error { return db.Unscoped().Delete(&files.Picture{}, 1).Error }, []string{"b", "both", "new"}},
		"a delete that is rolled back": {func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return errors.Join(tx.Unscoped().Delete(&files.Picture{}, 1).Error, errNo) })
		}, []string{"a", "b", "both", "new"}},
		"a delete of one of two": {func(db *gorm.DB) error { return db.Unscoped().Delete(&files.Picture{}, 3).Error }, []string{"a", "b", "both", "new"}},
		"a delete of all":        {func(db *gorm.DB) error { return db.Unscoped().Where("1 = 1").Delete(&files.Picture{}).Error }, []string{"new"}},
		"a create":               {func(db *gorm.DB) error { return db.Create(&files.Picture{File: "new"}).Error }, []string{"a", "b", "both", "new"}},
		"a create that is rolled back": {func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return errors.Join(tx.Create(&files.Picture{File: "new"}).Error, errNo) })
		}, []string{"a", "b", "both"}},
		"a create that the database refuses": {func(db *gorm.DB) error { return db.Create(&files.Picture{ID: 1, File: "new"}).Error }, []string{"a", "b", "both"}},
		"a create and a delete": {func(db *gorm.DB) error {
			p := files.Picture{File: "new"}
			return db.Transaction(func(tx *gorm.DB) error { return errors.Join(tx.Create(&p).Error, tx.Unscoped().Delete(&p).Error) })
		}, []string{"a", "b", "both"}},
		"an update that a receiver refuses": {func(db *gorm.DB) error {
			return db.WithContext(context.WithValue(context.Background(), refuse{}, true)).Model(&files.Picture{ID: 2}).Update("file", "new").Error
		}, []string{"a", "b", "both"}},
		"a delete that a receiver refuses": {func(db *gorm.DB) error {
			return db.WithContext(context.WithValue(context.Background(), refuse{}, true)).Unscoped().Delete(&files.Picture{}, 2).Error
		}, []string{"a", "b", "both", "new"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, dir := open(t)
			_ = c.write(db)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			var left []string
			for _, e := range entries {
				left = append(left, e.Name())
			}
			assert.Equal(t, c.left, left)
		})
	}
}

func TestAFileThatIsGoneAlreadyIsNoError(t *testing.T) {
	t.Parallel()
	db, dir := open(t)
	require.NoError(t, os.Remove(dir+"/a"))
	require.NoError(t, db.Unscoped().Delete(&files.Picture{}, 1).Error)
}

type refuse struct{}

// open returns a database with pictures a and b, two pictures of the file both, and a directory that has the file new too.
func open(t *testing.T) (db *gorm.DB, dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, root.Close()) })
	db = testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true, ErrorHandler: func(_ context.Context, err error) { assert.NoError(t, err) }},
		&files.Picture{})
	for _, name := range []string{"a", "b", "both", "new"} {
		require.NoError(t, root.WriteFile(name, nil, 0o600))
	}
	require.NoError(t, db.Create(&[]files.Picture{{File: "a"}, {File: "b"}, {File: "both"}, {File: "both"}}).Error)
	files.Connect(db, root)
	no := func(ctx context.Context) error {
		if ctx.Value(refuse{}) != nil {
			return errNo
		}
		return nil
	}
	signals.For[files.Picture](db).PreSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*files.Picture]) error { return no(ctx) })
	signals.For[files.Picture](db).PreDelete.Connect(func(ctx context.Context, _ signals.DeleteEvent[*files.Picture]) error { return no(ctx) })
	return db, dir
}
