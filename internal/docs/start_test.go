package docs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page for the first program shows the files of package start, under the import path of a program.

func TestTheFirstProgramIsTheOneThatTheTestsRun(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/getting-started.md")
	blocks := fenced(page, "go")
	require.Len(t, blocks, 4)
	assert.Equal(t, started(t, "orders/orders.go"), blocks[0])
	assert.Equal(t, started(t, "mail/mail.go"), blocks[1])

	before, rest, found := strings.Cut(started(t, "main_test.go"), "\n\n\t// Output:\n")
	require.True(t, found, "the program has an output")
	output, after, _ := strings.Cut(rest, "}\n")
	program := strings.NewReplacer("package start_test", "package main", "func Example()", "func main()").Replace(before + "\n}\n" + after)
	assert.Equal(t, program, blocks[2])
	assert.Contains(t, fenced(page, ""), strings.ReplaceAll(output, "\t// ", ""))

	assert.Contains(t, started(t, "mail/mail_test.go"), blocks[3])
}

// started returns the text of a file of package start as a program of its own would have it.
func started(t *testing.T, name string) string {
	t.Helper()
	return strings.ReplaceAll(read(t, "internal/docs/start/"+name), "github.com/gorm-signals/signals/internal/docs/start/", "shop.example/")
}
