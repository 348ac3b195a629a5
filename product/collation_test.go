package product_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/product"
)

// underCollations runs a test on shops whose database takes both names for one.
func underCollations(t *testing.T, test func(s *testShop, one, other string)) {
	t.Helper()
	for collation, other := range map[string]string{"NOCASE": "logo.png", "RTRIM": "Logo.PNG  "} {
		t.Run(collation, func(t *testing.T) {
			t.Parallel()
			db := openDB(t)
			require.NoError(t, db.Exec("DROP TABLE images").Error)
			require.NoError(t, db.Exec("CREATE TABLE images (id INTEGER PRIMARY KEY AUTOINCREMENT, product_id INTEGER, "+
				"file TEXT COLLATE "+collation+", thumb TEXT COLLATE "+collation+")").Error)
			test(connect(t, db), "Logo.PNG", other)
		})
	}
}

func TestNamesThatACollationTakesForOneAreTwoFiles(t *testing.T) {
	t.Parallel()
	underCollations(t, func(s *testShop, one, other string) {
		t := s.t
		first := s.mug(one)
		second, err := product.AddImage(s.db, s.store, first.ProductID, other, strings.NewReader(other))
		require.NoError(t, err)
		for _, image := range []*product.Image{first, second} {
			rolledBack(t, s.db, func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
			s.agree(one, other)
			s.crashed(func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
			assert.Equal(t, product.Swept{PutBack: []string{image.File}}, s.sweep())
			s.agree(one, other)
		}
		require.NoError(t, s.db.Delete(second).Error)
		s.agree(one)
		assert.Equal(t, one, s.content(one))
		require.NoError(t, s.db.Model(first).Update("thumb", one).Error)
		require.NoError(t, product.ReplaceImage(s.db, s.store, first, other, strings.NewReader("again")))
		s.agree(one, other) // the thumb still names the old one
		require.NoError(t, s.db.Model(first).Update("thumb", "").Error)
		s.agree(other)
		assert.Equal(t, "again", s.content(other))
	})
}

func TestSweepKeepsTheFilesThatACollationTakesForOne(t *testing.T) {
	t.Parallel()
	underCollations(t, func(s *testShop, one, other string) {
		t := s.t
		first := s.mug(one)
		_, err := product.AddImage(s.db, s.store, first.ProductID, other, strings.NewReader(other))
		require.NoError(t, err)
		assert.Zero(t, s.sweep())
		s.agree(one, other)
		require.NoError(t, s.db.Exec("DELETE FROM images WHERE id = ?", first.ID).Error)
		assert.Equal(t, product.Swept{Strays: []string{one}}, s.sweep())
		s.agree(other)
	})
}

func TestARowThatNamesAFolderIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	folder := filepath.Join(s.dir, "folder")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "full"), 0o755))
	require.NoError(t, os.Symlink("a.png", filepath.Join(s.dir, "link")))
	for _, name := range []string{"folder", "link"} {
		require.ErrorIs(t, s.db.Create(&product.Image{ProductID: 1, File: name}).Error, fs.ErrInvalid)
		require.ErrorIs(t, s.db.Create(&product.Image{ProductID: 1, File: "a.png", Thumb: name}).Error, fs.ErrInvalid)
		require.ErrorIs(t, s.db.Model(image).Update("file", name).Error, fs.ErrInvalid)
		_, err := product.AddImage(s.db, s.store, 1, name, picture())
		require.ErrorIs(t, err, fs.ErrExist)
		there, err := s.store.Exists(name)
		require.NoError(t, err)
		assert.False(t, there)
	}
	require.ErrorIs(t, s.store.Remove("folder"), fs.ErrInvalid)
	assert.DirExists(t, folder)
	s.sweep()
	assert.DirExists(t, folder)
}

func TestARowThatNamesAFolderGoesWithoutIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	folder := filepath.Join(s.dir, "folder")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "full"), 0o755))
	require.NoError(t, s.db.Exec("UPDATE images SET thumb = 'folder' WHERE id = ?", image.ID).Error)
	rolledBack(t, s.db, func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
	s.crashed(func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
	s.sweep()
	require.NoError(t, s.db.Delete(image).Error)
	require.NoError(t, s.handled.take())
	assert.Zero(t, s.sweep())
	assert.DirExists(t, filepath.Join(folder, "full"))
	s.agree()
}

func TestAFolderInTheTrashFailsNoSweep(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.NoError(t, os.MkdirAll(filepath.Join(s.dir, ".trash", "1700000000000000000-1-abcdefgh-folder", "full"), 0o755))
	assert.Zero(t, s.sweep())
}

func TestANameThatIsNoUTF8FailsNoSweep(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.ErrorIs(t, s.store.Save("a\xff.png", picture()), product.ErrBadName)
	if err := os.WriteFile(filepath.Join(s.dir, "a\xff.png"), nil, 0o600); err != nil {
		t.Skip("the file system takes no such name: ", err)
	}
	assert.Zero(t, s.sweep())
}
