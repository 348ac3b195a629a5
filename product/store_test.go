package product_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/product"
)

func TestImageStoreKeepsFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "when missing")
	store, err := product.OpenImageStore(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()

	require.NoError(t, store.Save("b.png", strings.NewReader("two")))
	require.NoError(t, store.Save("a..b ü.png", strings.NewReader("one")))
	names, err := store.List()
	require.NoError(t, err)
	assert.Equal(t, []string{"a..b ü.png", "b.png"}, names)
	content, err := os.ReadFile(filepath.Join(dir, "b.png"))
	require.NoError(t, err)
	assert.Equal(t, "two", string(content))

	require.NoError(t, store.Remove("b.png"))
	there, err := store.Exists("b.png")
	require.NoError(t, err)
	assert.False(t, there)
	there, err = store.Exists("a..b ü.png")
	require.NoError(t, err)
	assert.True(t, there)
}

func TestRemovingAMissingFileIsNoError(t *testing.T) {
	t.Parallel()
	assert.NoError(t, openStore(t).Remove("never-there.png"))
}

func TestSaveDoesNotReplaceAFile(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	require.NoError(t, store.Save("a.png", picture()))
	require.ErrorIs(t, store.Save("a.png", strings.NewReader("other")), fs.ErrExist)
}

func TestAFileThatCannotBeReadWholeIsNotKept(t *testing.T) {
	t.Parallel()
	store, broken := openStore(t), errors.New("the line is dead")
	half := io.MultiReader(strings.NewReader("half a pic"), iotest.ErrReader(broken))
	require.ErrorIs(t, store.Save("a.png", half), broken)
	names, err := store.List()
	require.NoError(t, err)
	assert.Empty(t, names)
}

func TestNamesCannotLeaveTheDirectory(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	outside := filepath.Join(top, "x")
	require.NoError(t, os.WriteFile(outside, []byte("not yours"), 0o600))
	store, err := product.OpenImageStore(filepath.Join(top, "images"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })

	for _, name := range []string{
		"", ".", "..", "../x", "/etc/passwd", outside, "a/../../x", "a/b", `..\x`, `a\b`, "C:x", "a\x00b", "a\nb", "./x", "x/",
	} {
		t.Run("name "+name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, store.Save(name, picture()), product.ErrBadName)
			require.ErrorIs(t, store.Remove(name), product.ErrBadName)
			_, err := store.Exists(name)
			require.ErrorIs(t, err, product.ErrBadName)
			content, err := os.ReadFile(outside)
			require.NoError(t, err)
			assert.Equal(t, "not yours", string(content))
		})
	}
}

func TestASymbolicLinkCannotLeaveTheDirectory(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	outside := filepath.Join(top, "outside.png")
	dir := filepath.Join(top, "images")
	store, err := product.OpenImageStore(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.NoError(t, os.Symlink("../outside.png", filepath.Join(dir, "link.png")))

	require.Error(t, store.Save("link.png", picture()))
	require.NoFileExists(t, outside)
	require.NoError(t, os.WriteFile(outside, nil, 0o600))
	require.NoError(t, store.Remove("link.png"))
	assert.FileExists(t, outside, "removing the link leaves what it points to")
}

func TestAClosedStoreAnswersWithErrors(t *testing.T) {
	t.Parallel()
	store, err := product.OpenImageStore(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.ErrorIs(t, store.Save("a.png", picture()), fs.ErrClosed)
	require.ErrorIs(t, store.Remove("a.png"), fs.ErrClosed)
	_, err = store.List()
	require.ErrorIs(t, err, fs.ErrClosed)
}

func TestAFileIsNoDirectory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := product.OpenImageStore(file)
	require.ErrorContains(t, err, "image directory")
	_, err = product.OpenDirMailer(file)
	require.ErrorContains(t, err, "mail directory")
}
