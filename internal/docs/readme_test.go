package docs_test

import (
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/testkit"
)

// The documents quote programs, outputs, tests, files and make targets. These tests compare what is quoted with what is
// there.

// top is the top of the repository.
const top = "../.."

var pages = []string{
	"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "docs/compared.md", "docs/design.md", "docs/django.md", "docs/from-django.md",
	"docs/from-laravel.md", "docs/from-rails.md", "docs/getting-started.md", "docs/goroutines.md", "docs/limits.md", "docs/mistakes.md", "docs/options.md", "docs/outbox.md", "docs/performance.md", "docs/recipes.md", "docs/releasing.md",
	"docs/sent.md", "docs/testing.md", "docs/transactions.md",
}

func TestTheREADMEShowsAWholeProgramThatIsATestedExample(t *testing.T) {
	t.Parallel()
	program, output := asProgram(t, "example_test.go")
	readme := read(t, "README.md")
	blocks := testkit.Fenced(readme, "go")
	require.NotEmpty(t, blocks)
	assert.Equal(t, program, blocks[0])
	before, _, _ := strings.Cut(readme, "package main")
	assert.Less(t, strings.Count(before, "\n"), 10, "it is what a reader sees first")
	for _, block := range blocks[1:] {
		assert.Contains(t, bare(examples(t)), bare(block), "other code is part of an example")
	}
	assert.Equal(t, output, testkit.Fenced(readme, "")[0], "and what it prints is the example's output")
}

func TestTheCodeAndOutputOfThePackageDocumentationIsThatOfExamples(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, "doc.go"), nil, parser.ParseComments|parser.PackageClauseOnly)
	require.NoError(t, err)
	all := bare(examples(t))
	var parse comment.Parser
	blocks := 0
	for _, block := range parse.Parse(file.Doc.Text()).Content {
		if code, ok := block.(*comment.Code); ok {
			blocks++
			assert.Contains(t, all, bare(code.Text))
		}
	}
	assert.Greater(t, blocks, 5)
}

func TestEveryTestAndCaseThatDocsSentNamesExists(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/sent.md")
	require.Greater(t, len(namedTests(t, page)), 30)
	cases := namedCases(t, page)
	require.Greater(t, len(cases), 30)
	either := regexp.MustCompile(testLink().String() + "|" + caseLink().String())
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| call |") {
			assert.Regexp(t, either, line)
		}
	}
}

func TestEveryCaseThatDocsDjangoNamesExists(t *testing.T) {
	t.Parallel()
	assert.NotEmpty(t, namedCases(t, read(t, "docs/django.md")))
}

// testLink matches a link to a test or an example: its name and its file.
func testLink() *regexp.Regexp {
	return regexp.MustCompile(`\[((?:Test|Example)\w+)\]\(\.\./([\w/]+_test\.go)\)`)
}

// namedTests returns the links of a page to tests, and requires that each test stands in the file that its link leads to.
func namedTests(t *testing.T, page string) [][]string {
	t.Helper()
	links := testLink().FindAllStringSubmatch(page, -1)
	for _, l := range links {
		parameters := "(t *testing.T)"
		if strings.HasPrefix(l[1], "Example") {
			parameters = "()"
		}
		assert.True(t, strings.Contains(read(t, l[2]), "func "+l[1]+parameters), "%s is not in %s", l[1], l[2])
	}
	assert.Equal(t, len(links), strings.Count(page, "[Test")+strings.Count(page, "[Example"), "every test is named with its file")
	return links
}

// caseLink matches a link to a case of package conformance: its name and its file.
func caseLink() *regexp.Regexp {
	return regexp.MustCompile(`\[([^\]|]+)\]\(\.\./(internal/conformance/\w+\.go)\)`)
}

// namedCases returns the links of a page to cases, and requires that each case stands in the file that its link leads to.
func namedCases(t *testing.T, page string) [][]string {
	t.Helper()
	links := caseLink().FindAllStringSubmatch(page, -1)
	for _, l := range links {
		assert.Contains(t, read(t, l[2]), "\t{\""+l[1]+"\", \"", "%s is not in %s", l[1], l[2])
	}
	assert.Equal(t, len(links), strings.Count(page, "](../internal/conformance/"), "every case is named with its file")
	return links
}

func TestEveryFileAndMakeTargetThatTheDocumentsNameExists(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("(?s)```.*?```|`.*?`")
	file := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	target := regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9-]+)")
	makefile := read(t, "Makefile")
	for _, page := range pages {
		text := read(t, page)
		for _, m := range file.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			_, err := os.Stat(filepath.Join(top, filepath.Dir(page), m[1]))
			assert.NoError(t, err, "linked from %s", page)
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			assert.Contains(t, makefile, "\n"+m[1]+":", "named in %s", page)
		}
	}
}

// examples returns the text of all files with examples.
func examples(t *testing.T) string {
	t.Helper()
	return programsOf(t, "example*_test.go")
}

// read returns the text of a file, which is named as seen from the top of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	require.NoError(t, err)
	return string(text)
}

// bare returns lines without indentation, comment marks and blank lines.
func bare(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "// "); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
