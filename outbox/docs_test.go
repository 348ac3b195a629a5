package outbox_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheCodeOfThePageIsThatOfExamples(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/outbox.md")
	require.NoError(t, err)
	var examples strings.Builder
	for _, name := range []string{"example_test.go", "natsjs/example_test.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		examples.Write(text)
	}
	blocks := 0
	for i, part := range strings.Split(string(page), "```") {
		if code, ok := strings.CutPrefix(part, "go\n"); ok && i%2 == 1 {
			blocks++
			assert.Contains(t, flush(examples.String()), flush(code))
		}
	}
	assert.Greater(t, blocks, 5)
}

func TestTheScenariosOfOthersAreTested(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/compared.md")
	require.NoError(t, err)
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var tests strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		tests.Write(text)
	}
	named := regexp.MustCompile("`(Test\\w+)` \\|").FindAllStringSubmatch(string(page), -1)
	assert.Greater(t, len(named), 20)
	for _, test := range named {
		assert.Contains(t, tests.String(), "func "+test[1]+"(t *testing.T)")
	}
}

// flush removes the indentation.
func flush(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
