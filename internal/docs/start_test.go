package docs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/testkit"
)

// The page for the first program shows the files of package start, under the import path of a program.

func TestTheFirstProgramIsTheOneThatTheTestsRun(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/getting-started.md")
	blocks := testkit.Fenced(page, "go")
	require.Len(t, blocks, 4)
	assert.Equal(t, copied(t, "internal/docs/start/orders/orders.go"), blocks[0])
	assert.Equal(t, copied(t, "internal/docs/start/mail/mail.go"), blocks[1])

	program, output := asProgram(t, "internal/docs/start/main_test.go")
	assert.Equal(t, program, blocks[2])
	assert.Contains(t, testkit.Fenced(page, ""), output)

	assert.Equal(t, copied(t, "internal/docs/start/mail/mail_test.go"), blocks[3])
}
