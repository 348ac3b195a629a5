package docs_test

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/testkit"
)

// The recipes and the page of the outbox show whole files, each below a line that links to the file. A reader copies them into a module
// shop.example. These tests compare page and file, and build what the reader then has.

// shown finds a file on a page: the name in the reader's module, the file here, and the text.
var shown = regexp.MustCompile("(?m)^\\[`([^`]+)`\\]\\(\\.\\./([^)]+)\\):\n\n```go\n((?s:.*?))^```$")

// renamed replaces the import paths of the files by those of the reader's module.
var renamed = strings.NewReplacer(
	"github.com/gorm-signals/signals/internal/docs/start/", "shop.example/",
	"github.com/gorm-signals/signals/internal/docs/recipes/", "shop.example/",
	"github.com/gorm-signals/signals/outbox/internal/pages/", "shop.example/",
	"github.com/gorm-signals/signals/outbox/internal/recipes/", "shop.example/",
	"github.com/gorm-signals/signals/outbox/natsjs/internal/programs/", "shop.example/",
)

// copied returns the text of a file as the reader's module has it, with its imports in order.
func copied(t *testing.T, name string) string {
	t.Helper()
	text, err := format.Source([]byte(renamed.Replace(read(t, name))))
	require.NoError(t, err, name)
	return string(text)
}

// asProgram returns the first example of a file as a program of its own, and its output.
func asProgram(t *testing.T, name string) (program, output string) {
	t.Helper()
	before, rest, found := strings.Cut(copied(t, name), "\n\n\t// Output:\n")
	require.True(t, found, "%s has an output", name)
	output, after, _ := strings.Cut(rest, "}\n")
	program = regexp.MustCompile(`(?m)^package .*$`).ReplaceAllString(before+"\n}\n"+after, "package main")
	return strings.Replace(program, "func Example()", "func main()", 1), strings.ReplaceAll(output, "\t// ", "")
}

func TestThePagesShowWholeFiles(t *testing.T) {
	t.Parallel()
	for page, least := range map[string]int{"docs/recipes.md": 15, "docs/outbox.md": 7} {
		text := read(t, page)
		files := shown.FindAllStringSubmatch(text, -1)
		assert.GreaterOrEqual(t, len(files), least, page)
		assert.Len(t, testkit.Fenced(text, "go"), len(files), "%s shows nothing but whole files", page)
		for _, f := range files {
			assert.True(t, copied(t, f[2]) == f[3], "%s does not show %s as it is", page, f[2])
			assert.True(t, strings.HasSuffix(f[2], "/"+f[1]), "%s is another file than %s", f[1], f[2])
		}
	}
}

func TestTheOutputOfARecipeIsThatOfItsExample(t *testing.T) {
	t.Parallel()
	_, output := asProgram(t, "internal/docs/recipes/audit/audit_test.go")
	assert.Contains(t, testkit.Fenced(read(t, "docs/recipes.md"), ""), output)
}

func TestTheFilesOfThePagesBuildAsAReaderCopiesThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repository, err := filepath.Abs(top)
	require.NoError(t, err)
	for _, page := range []string{"docs/recipes.md", "docs/outbox.md"} {
		for _, f := range shown.FindAllStringSubmatch(read(t, page), -1) {
			name := filepath.Join(dir, filepath.FromSlash(f[1]))
			require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o750))
			require.NoError(t, os.WriteFile(name, []byte(f[3]), 0o600))
		}
	}
	// The module has the versions of module natsjs, which needs all that the pages need.
	module := read(t, "outbox/natsjs/go.mod")
	module = strings.ReplaceAll(module, "=> ../natsembed", "=> "+repository+"/outbox/natsembed")
	module = strings.ReplaceAll(module, "=> ../../\n", "=> "+repository+"\n")
	module = strings.ReplaceAll(module, "=> ../\n", "=> "+repository+"/outbox\n")
	module = strings.Replace(module, "module github.com/gorm-signals/signals/outbox/natsjs", "module shop.example", 1)
	module += "\nrequire github.com/gorm-signals/signals/outbox/natsjs v0.1.0\n\nreplace github.com/gorm-signals/signals/outbox/natsjs => " + repository + "/outbox/natsjs\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), []byte(read(t, "outbox/natsjs/go.sum")), 0o600))

	vet := exec.CommandContext(t.Context(), "go", "vet", "-mod=mod", "./...")
	vet.Dir = dir
	out, err := vet.CombinedOutput()
	assert.NoError(t, err, string(out))
}
