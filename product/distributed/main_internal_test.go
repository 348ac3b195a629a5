package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorm-signals/signals/product"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// build builds the command, as it starts itself.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "distributed")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// outcome runs the command and returns what it says and its exit code.
func outcome(t *testing.T, program string, args ...string) (said string, code int) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode()
	}
	require.NoError(t, err)
	return string(out), 0
}

func TestShopAndSearchAgreeAfterTheRelayWasKilled(t *testing.T) {
	t.Parallel()
	said, code := outcome(t, build(t))
	require.Zero(t, code, said)
	for _, line := range []string{
		"search  Poster is in the index for 15.00\n",
		"search  Blue mug is in the index for 11.00\n",
		"search  Poster is taken out of the index\n",
		"shop    ROLLBACK, because the shop changes its mind\n",
		"result  6 changes are committed by the shop, 6 are handled by search\n",
		"relay   is killed\n",
		"result  606 changes are committed by the shop, 606 are handled by search\n",
		"Shop and search agree.\n",
	} {
		assert.Contains(t, said, line)
	}
	assert.NotContains(t, said, "Teapot")
	assert.NotContains(t, said, "OFF")
	_, rest, _ := strings.Cut(said, "search index in ")
	dir, _, _ := strings.Cut(rest, ": ")
	assert.NoDirExists(t, dir, "a temporary directory must be removed")
}

func TestADirectoryIsUsedAgainAndTheExitCodeTellsOfADisagreement(t *testing.T) {
	t.Parallel()
	program, dir := build(t), filepath.Join(t.TempDir(), "a shop? of 100% mine")
	for range 2 {
		said, code := outcome(t, program, "-dir", dir)
		require.Zero(t, code, said)
	}
	tamper(t, dir, searchFile, "DELETE FROM search_index WHERE name = 'Desk lamp'")
	said, code := outcome(t, program, "-dir", dir)
	assert.Equal(t, 1, code)
	assert.Contains(t, said, "OFF")
	assert.Contains(t, said, errDisagree.Error())
	assert.NotContains(t, said, "Shop and search agree.")
}

func TestWhatCannotWorkIsAClearError(t *testing.T) {
	t.Parallel()
	program := build(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{args: []string{"-dir", file}, code: 1, says: "not a directory"},
		{args: []string{"shop"}, code: 2, says: `unknown argument "shop"`},
		{args: []string{"-role", "cook"}, code: 1, says: `no role "cook"`},
	} {
		said, code := outcome(t, program, c.args...)
		assert.Equal(t, c.code, code, c.args)
		assert.Contains(t, said, c.says)
	}
	foreign := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, shopFile), []byte(strings.Repeat("no database ", 100)), 0o600))
	said, code := outcome(t, program, "-dir", foreign)
	assert.Equal(t, 1, code)
	assert.Contains(t, said, "not a database")
}

// tamper changes a file behind everybody's back.
func tamper(t *testing.T, dir, file, sql string) {
	t.Helper()
	db, err := openDB(dir, file)
	require.NoError(t, err)
	require.NoError(t, db.Exec(sql).Error)
	require.NoError(t, closeDB(db))
}

func TestTheCheckFindsWhatIsOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, sql, off string }{
		"nothing":           {file: shopFile, sql: "SELECT 1"},
		"change lost":       {file: searchFile, sql: "UPDATE totals SET changes = 1", off: "changes"},
		"change twice":      {file: searchFile, sql: "UPDATE totals SET changes = 3", off: "changes"},
		"product lost":      {file: searchFile, sql: "DELETE FROM search_index", off: "products"},
		"product left":      {file: shopFile, sql: "UPDATE products SET deleted_at = '2030-01-01'", off: "products"},
		"price stale":       {file: searchFile, sql: "UPDATE search_index SET price = 1", off: "sum of prices"},
		"name of the other": {file: searchFile, sql: "UPDATE search_index SET name = 'Ghost'", off: "with the same content"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			agreeing(t, dir)
			tamper(t, dir, c.file, c.sql)
			var out strings.Builder
			err := check(&out, dir)
			if c.off == "" {
				require.NoError(t, err)
				require.Contains(t, out.String(), "Shop and search agree.")
				return
			}
			require.ErrorIs(t, err, errDisagree)
			assert.Regexp(t, c.off+` .*OFF\n`, out.String())
		})
	}
}

// agreeing makes two files that agree.
func agreeing(t *testing.T, dir string) {
	t.Helper()
	shopDB, ob, err := openShop(dir)
	require.NoError(t, err)
	searchDB, err := openDB(dir, searchFile)
	require.NoError(t, err)
	require.NoError(t, migrate(t.Context(), shopDB, searchDB, ob))
	require.NoError(t, shopDB.Create(&product.Product{ID: 1, Name: "Mug", Price: 1200}).Error)
	require.NoError(t, searchDB.Create(&found{ID: 1, Name: "Mug", Price: 1200}).Error)
	require.NoError(t, errors.Join(shopDB.Exec("UPDATE totals SET changes = 2").Error, searchDB.Exec("UPDATE totals SET changes = 2").Error))
	require.NoError(t, errors.Join(closeDB(shopDB), closeDB(searchDB)))
	require.NoError(t, check(io.Discard, dir))
}
