package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTellsTheStory(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(&out, t.TempDir()))
	for _, line := range []string{
		`signal  pre_save        Product Blue mug, created`,
		`mail    "New product: Blue mug" to customers@example.com`,
		`mail    "Now 9.99: Blue mug"`,
		`mail    "Now 8.99: Blue mug"`,
		`mail    "Now 10.00: Red mug"`,
		`signal  product_viewed  Product Desk lamp, by ann`,
		`signal  pre_delete      Product Poster, softly`,
		`file    red-mug-1.png is gone`,
		`file    old-chair-1.png is gone`,
		`file    old-vase-2.png is gone`,
		`there are still lamps in stock`,
		`inside  blue-mug-1.png lies aside`,
		`no mail; the picture of the mug is back`,
		`file    desk-lamp-1.png is gone`,
		`All is as it must be`,
	} {
		assert.Contains(t, out.String(), line)
	}
	assert.NotContains(t, out.String(), "OFF")
	assert.NotContains(t, out.String(), "poster-1.png is gone")
	assert.NotContains(t, out.String(), "blue-mug-1.png is gone")
	_, end, _ := strings.Cut(out.String(), "COMMIT\n")
	assert.Contains(t, end, `mail    "New product: Teapot"`, "mails come after the commit")
	assert.Contains(t, end, `mail    "Now 39.00: Desk lamp"`)
}

func TestRunsTwiceInOneDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a shop? of 100% mine")
	require.NoError(t, run(io.Discard, dir))
	var out strings.Builder
	require.NoError(t, run(&out, dir))
	assert.Contains(t, out.String(), "An earlier run left 4 products.")
	mails, err := os.ReadDir(mailDir(dir))
	require.NoError(t, err)
	assert.Len(t, mails, 2*len(expected().mails))
	assert.FileExists(t, filepath.Join(dir, dbFile))
}

func TestATemporaryDirectoryIsRemoved(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, inDir(&out, ""))
	_, rest, found := strings.Cut(out.String(), "A shop in ")
	require.True(t, found)
	dir, _, _ := strings.Cut(rest, ":")
	assert.NoDirExists(t, dir)
}

func TestTheCheckFindsWhatIsOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ tamper, says string }{
		"image file lost":    {"images/poster-1.png", "images in the directory"},
		"image file broken":  {"images/poster-1.png=no picture", "poster-1.png is broken"},
		"image file left":    {"images/red-mug-1.png=images/poster-1.png", "images in the directory"},
		"image left aside":   {"images/.trash/1-1-x-a.png=images/poster-1.png", "images lying aside"},
		"mail lost":          {"mails/0007-now-9-99-blue-mug.eml", "mails in the directory"},
		"mail too many":      {"mails/0010-x.eml=mails/0007-now-9-99-blue-mug.eml", "mails in the directory"},
		"mail broken":        {"mails/0010-x.eml=no mail", "0010-x.eml is broken"},
		"image row lost":     {"DELETE FROM images WHERE file = 'poster-2.png'", "images in the database"},
		"price wrong":        {"UPDATE products SET price = 1 WHERE name = 'Blue mug'", "products for sale"},
		"product lost":       {"UPDATE products SET deleted_at = 1 WHERE name = 'Blue mug'", "products archived"},
		"view not counted":   {"UPDATE products SET views = 2 WHERE name = 'Desk lamp'", "views counted"},
		"view not recorded":  {"DELETE FROM product_views WHERE user = 'bob'", "views recorded"},
		"table lost":         {"DROP TABLE product_views", "cannot read the views"},
		"image directory":    {"images", "cannot list the images"},
		"nothing tampered":   {"", ""},
		"too many products":  {"INSERT INTO products (name, price, stock) VALUES ('Ghost', 1, 1)", "Ghost"},
		"everything deleted": {"DELETE FROM images; DELETE FROM products", "products for sale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, run(io.Discard, dir))
			tamper(t, dir, c.tamper)
			var out strings.Builder
			err := check(&out, dir, expected(), 0)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			assert.NotContains(t, out.String(), "All is as it must be")
		})
	}
}

// tamper changes a shop behind its back: it runs SQL, removes "path", or writes "path=content", where the content may be
// the path of another file.
func tamper(t *testing.T, dir, what string) {
	t.Helper()
	path, content, write := strings.Cut(what, "=")
	switch {
	case what == "":
	case strings.Contains(what, " products") || strings.Contains(what, "product_views") || strings.Contains(what, " images"):
		db, err := openDB(dir)
		require.NoError(t, err)
		require.NoError(t, db.Exec(what).Error)
		require.NoError(t, closeDB(db))
	case write:
		data := []byte(content)
		if other, err := os.ReadFile(filepath.Join(dir, content)); err == nil {
			data = other
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), data, 0o600))
	default:
		require.NoError(t, os.RemoveAll(filepath.Join(dir, path)))
	}
}

func TestADirectoryThatCannotBeUsedIsAClearError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorContains(t, run(io.Discard, file), "cannot use")

	foreign := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, dbFile), []byte(strings.Repeat("no database ", 100)), 0o600))
	require.ErrorContains(t, run(io.Discard, foreign), "not a database")

	stray := t.TempDir()
	require.NoError(t, os.MkdirAll(imageDir(stray), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(imageDir(stray), "blue-mug-1.png"), nil, 0o600))
	require.ErrorContains(t, run(io.Discard, stray), "blue-mug-1.png")
}
