package mistakes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/testkit"
)

// sources returns the text of the tests of the page without indentation. Those of the outbox are in its module.
func sources(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var all strings.Builder
	for _, name := range append(names, "testdata/value/main.go", filepath.Join(top, "outbox/internal/pages/mistakes_test.go")) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		all.WriteString(flush(string(text)))
	}
	return all.String()
}

// flush takes the indentation away.
func flush(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

func TestThePageHasTwentyMistakesWithTestsThatMakeThem(t *testing.T) {
	t.Parallel()
	all, sections := sources(t), page(t)
	assert.Len(t, sections, 20)
	for title, section := range sections {
		assert.True(t, strings.Contains(all, `"`+title+`"`), "no test names the section %s", title)
		assert.Equal(t, len(testkit.Fenced(section, "")) == 0, strings.Contains(section, "No message:"), "%s has a message, or says that there is none", title)
		code := testkit.Fenced(section, "go")
		require.NotEmpty(t, code, title)
		for _, block := range code {
			assert.True(t, strings.Contains(all, flush(block)), "in no test, but in %s:\n%s", title, block)
		}
		assert.Contains(t, code[0], "// wrong", title)
		assert.NotContains(t, code[len(code)-1], "// wrong", "%s ends with the cure", title)
	}
}
