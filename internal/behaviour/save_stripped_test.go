package behaviour_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSaveIsRecognizedInAStrippedProgram builds a program without names and paths of functions. It saves a row that is not stored:
// a Save inserts it, an Updates of all columns does not.
func TestSaveIsRecognizedInAStrippedProgram(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./testdata/saves")
	built, err := build.CombinedOutput()
	require.NoError(t, err, string(built))
	said, err := exec.CommandContext(t.Context(), program, filepath.Join(t.TempDir(), "test.db")).CombinedOutput()
	require.NoError(t, err, string(said))
	assert.Equal(t, "save: pre_save created=true, post_save created=true, 1 row\nupdates: 0 rows\n", string(said))
}
