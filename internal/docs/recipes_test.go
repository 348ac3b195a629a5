package docs_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/testkit"
)

// The pages for those who begin quote examples, and link to pages, headings and tests. These tests compare what is quoted
// with what is there.

// firstPages are those pages, with the least number of blocks of Go code in each.
var firstPages = map[string]int{
	"docs/from-django.md":  5,
	"docs/from-rails.md":   4,
	"docs/from-laravel.md": 5,
	"docs/compared.md":     0,
	"docs/limits.md":       0,
}

func TestTheGoCodeOfTheFirstPagesIsThatOfExamples(t *testing.T) {
	t.Parallel()
	all := bare(examples(t) + read(t, "outbox/example_test.go") + programsOf(t, "internal/docs/from/*/*/*.go") + programsOf(t, "outbox/internal/pages/index/*.go"))
	for page, least := range firstPages {
		blocks := testkit.Fenced(read(t, page), "go")
		assert.GreaterOrEqual(t, len(blocks), least, page)
		for _, block := range blocks {
			assert.Greater(t, strings.Count(bare(block), "\n"), 1, "a line alone may be found anywhere, in %s", page)
			assert.True(t, strings.Contains(all, bare(block)), "in no example, but in %s:\n%s", page, block)
		}
	}
}

// programsOf returns the text of the files with names of a pattern.
func programsOf(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(top, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}

func TestTheFirstPagesLinkToWhatExists(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("(?s)```.*?```|`.*?`")
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	target := regexp.MustCompile("`make ([a-z0-9-]+)`")
	makefile := read(t, "Makefile")
	for _, page := range append(slices.Collect(maps.Keys(firstPages)), "README.md", "docs/getting-started.md", "docs/mistakes.md", "docs/testing.md", "docs/goroutines.md",
		"docs/transactions.md", "docs/recipes.md") {
		text := read(t, page)
		links := link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1)
		assert.NotEmpty(t, links, page)
		for _, l := range links {
			if strings.Contains(l[1], ":") {
				assert.Regexp(t, `^https://`, l[1], page)
				continue
			}
			name, heading, hasHeading := strings.Cut(l[1], "#")
			name = filepath.Join(filepath.Dir(page), name)
			if name == filepath.Dir(page) {
				name = page
			}
			_, err := os.Stat(filepath.Join(top, name))
			assert.NoError(t, err, "linked from %s", page)
			if hasHeading {
				assert.Contains(t, headings(read(t, name)), heading, "linked from %s", page)
			}
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			assert.Contains(t, makefile, "\n"+m[1]+":", "named in %s", page)
		}
	}
}

// headings returns the anchors that a Markdown page has for its headings.
func headings(page string) []string {
	var anchors []string
	other := regexp.MustCompile(`[^a-z0-9_ -]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		anchors = append(anchors, strings.ReplaceAll(other.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return anchors
}

func TestEveryCellOfTheComparisonHasASource(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(read(t, "docs/compared.md"), "|---|---|---|---|---|\n")
	questions := 0
	for ; found; _, table, found = strings.Cut(table, "|---|---|---|---|---|\n") {
		for line := range strings.Lines(table) {
			cells := strings.Split(line, " | ")
			if len(cells) == 1 {
				break
			}
			questions++
			require.Len(t, cells, 5, line)
			for _, cell := range cells[1:] {
				assert.Contains(t, cell, "](", line)
			}
		}
	}
	assert.Equal(t, 20, questions, "ten questions, twice four columns")
}
