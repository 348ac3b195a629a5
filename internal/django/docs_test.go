package django_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// page returns docs/django.md and the tests that it names: name and path.
func page(t *testing.T) (text string, links [][]string) {
	t.Helper()
	raw, err := os.ReadFile("../../docs/django.md")
	require.NoError(t, err)
	text = string(raw)
	return text, link().FindAllStringSubmatch(text, -1)
}

func link() *regexp.Regexp { return regexp.MustCompile(`\[(Test\w+)\]\(([\w./]+_test\.go)\)`) }

// testsOf returns the names of the tests in a file.
func testsOf(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var names []string
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

func TestEveryTestThatThePageNamesExists(t *testing.T) {
	t.Parallel()
	text, links := page(t)
	require.NotEmpty(t, links)
	for _, l := range links {
		assert.Contains(t, testsOf(t, filepath.Join("../../docs", l[2])), l[1], "%s is not in %s", l[1], l[2])
	}
	assert.Equal(t, len(links), strings.Count(text, "[Test"), "every test is named with its file")
}

func TestEveryLineOfATableOnThePageNamesATest(t *testing.T) {
	t.Parallel()
	text, _ := page(t)
	either := regexp.MustCompile(link().String() + `|\]\(\.\./internal/conformance/`) // a test or a case, which internal/docs looks up
	previous := ""
	for line := range strings.Lines(text) {
		if header := !strings.HasPrefix(previous, "|"); strings.HasPrefix(line, "| ") && !header {
			assert.Regexp(t, either, line)
		}
		previous = line
	}
}

func TestEveryTestOfThePackageIsOnThePage(t *testing.T) {
	t.Parallel()
	_, links := page(t)
	named := map[string]bool{}
	for _, l := range links {
		named[filepath.Join("../../docs", l[2])+" "+l[1]] = true
	}
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	for _, file := range files {
		for _, name := range testsOf(t, file) {
			assert.True(t, named[filepath.Join("../../internal/django", file)+" "+name], "%s of %s is not on the page", name, file)
		}
	}
}
