package product

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAStoreThatFoldsNamesKeepsThePlaceOfAFileThatLiesAside(t *testing.T) {
	t.Parallel()
	store, err := OpenImageStore(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	store.folds = true // as on macOS and Windows
	require.NoError(t, store.Save("Logo.PNG", strings.NewReader("1")))
	aside, moved, err := store.moveAside("Logo.PNG", 1)
	require.NoError(t, err)
	require.True(t, moved)
	require.ErrorIs(t, store.Save("logo.png", strings.NewReader("2")), fs.ErrExist)
	require.NoError(t, store.putBack(aside, false))
	there, err := store.Exists("Logo.PNG")
	require.NoError(t, err)
	assert.True(t, there)
	require.NoError(t, store.listed("Logo.PNG"))
	require.ErrorIs(t, store.listed("logo.png"), fs.ErrNotExist)
}
