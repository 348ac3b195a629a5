package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const changelog = `# Changelog

## [Unreleased]

### Added

- More.

## [0.1.0] - 2026-11-29

- All.

[Unreleased]: https://example.com/shop/compare/v0.1.0...HEAD
[0.1.0]: https://example.com/shop/releases/tag/v0.1.0
`

// write makes a repository of two modules, of which example.com/shop/box requires the other one at a version.
func write(t *testing.T, requires string) *repository {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"CHANGELOG.md":    changelog,
		"go.mod":          "module example.com/shop\n\ngo 1.26\n",
		"shop.go":         "package shop\n\n// Name is the name.\nconst Name = \"shop\"\n",
		"example_test.go": "package shop_test\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/shop\"\n)\n\nfunc Example() {\n\tfmt.Println(shop.Name)\n\t// Output: shop\n}\n",
		"box/go.mod": "module example.com/shop/box\n\ngo 1.26\n\nrequire example.com/shop " + requires +
			" // as it is released\n\nreplace example.com/shop => ../\n",
		"box/box.go":          "package box\n\nimport \"example.com/shop\"\n\n// Name is the name.\nconst Name = shop.Name + \" in a box\"\n",
		"box/example_test.go": "package box_test\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/shop/box\"\n)\n\nfunc Example() {\n\tfmt.Println(box.Name)\n\t// Output: shop in a box\n}\n",
	} {
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
	}
	r, err := open(dir)
	require.NoError(t, err)
	return r
}

func TestModulesThatRequireEachOtherAtTheirVersionCanBeUsedByOthers(t *testing.T) {
	t.Parallel()
	r := write(t, "v0.1.0")
	require.NoError(t, r.check())
	require.NoError(t, consume(r, "off"))
}

func TestAWrongRequireIsFound(t *testing.T) {
	t.Parallel()
	r := write(t, "v0.0.0")
	require.ErrorContains(t, r.check(), "box/go.mod requires example.com/shop v0.0.0, and CHANGELOG.md is at v0.1.0")
	err := consume(r, "off")
	require.ErrorContains(t, err, "example.com/shop/box@v0.1.0 cannot be used by others")
	assert.NotContains(t, err.Error(), "example.com/shop@v0.1.0 cannot be used", "the other module is all right")
}

func TestAModuleThatIsNotReplacedIsFound(t *testing.T) {
	t.Parallel()
	r := write(t, "v0.1.0")
	require.NoError(t, r.own("example.com/shop/box").file.DropReplace("example.com/shop", ""))
	r.own("example.com/shop/box").file.Cleanup()
	require.ErrorContains(t, r.check(), "box/go.mod needs a line that replaces example.com/shop")
}

func TestAReleaseSetsTheVersionEverywhere(t *testing.T) {
	t.Parallel()
	r := write(t, "v0.1.0")
	require.NoError(t, release(r, "0.2.0"))
	r, err := open(r.dir)
	require.NoError(t, err)
	assert.Equal(t, "v0.2.0", r.version)
	require.NoError(t, r.check())
	require.NoError(t, consume(r, "off"))
	text, err := os.ReadFile(filepath.Join(r.dir, "box/go.mod"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "require example.com/shop v0.2.0 // as it is released")
	var tags []string
	for _, m := range r.public() {
		tags = append(tags, m.tag(r.version))
	}
	assert.Equal(t, []string{"v0.2.0", "box/v0.2.0"}, tags)
}

func TestAReleaseMovesWhatIsUnreleased(t *testing.T) {
	t.Parallel()
	r := write(t, "v0.1.0")
	require.NoError(t, r.setChangelog("0.2.0", time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)))
	text, err := os.ReadFile(filepath.Join(r.dir, "CHANGELOG.md"))
	require.NoError(t, err)
	assert.Equal(t, `# Changelog

## [Unreleased]

## [0.2.0] - 2027-01-02

### Added

- More.

## [0.1.0] - 2026-11-29

- All.

[Unreleased]: https://example.com/shop/compare/v0.2.0...HEAD
[0.2.0]: https://example.com/shop/compare/v0.1.0...v0.2.0
[0.1.0]: https://example.com/shop/releases/tag/v0.1.0
`, string(text))
	require.ErrorContains(t, r.setChangelog("0.1.5", time.Now()), "older")
	require.ErrorContains(t, r.setChangelog("next", time.Now()), "no version")
}

func TestToolsAndProgramsAreNotPublic(t *testing.T) {
	t.Parallel()
	r, err := open("../..")
	require.NoError(t, err)
	require.NoError(t, r.check())
	var folders []string
	for _, m := range r.public() {
		folders = append(folders, m.folder)
	}
	assert.Subset(t, folders, []string{".", "outbox", "outbox/kafka", "otelsignals", "product/smtpmail"})
	assert.NotContains(t, folders, "internal/dbtest")
	assert.NotContains(t, folders, "product/distributed")
}

func TestOnlyAnotherMajorVersionMayBreakPrograms(t *testing.T) {
	t.Parallel()
	assert.True(t, mayBreak("v0.1.3", "v0.2.0"), "or another minor one before 1.0")
	assert.False(t, mayBreak("v0.1.3", "v0.1.4"))
	assert.False(t, mayBreak("v1.1.0", "v1.2.0"))
	assert.True(t, mayBreak("v1.1.0", "v2.0.0"))
}
