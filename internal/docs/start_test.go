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
	assert.Equal(t, copied(t, "internal/docs/start/orders/orders.go"), blocks[0])
	assert.Equal(t, copied(t, "internal/docs/start/mail/mail.go"), blocks[1])

	before, rest, found := strings.Cut(copied(t, "internal/docs/start/main_test.go"), "\n\n\t// Output:\n")
	require.True(t, found, "the program has an output")
	output, after, _ := strings.Cut(rest, "}\n")
	program := strings.NewReplacer("package start_test", "package main", "func Example()", "func main()").Replace(before + "\n}\n" + after)
	assert.Equal(t, program, blocks[2])
	assert.Contains(t, fenced(page, ""), strings.ReplaceAll(output, "\t// ", ""))

	assert.Equal(t, copied(t, "internal/docs/start/mail/mail_test.go"), blocks[3])
}
