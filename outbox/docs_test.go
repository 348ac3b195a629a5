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
