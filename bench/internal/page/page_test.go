package page_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/bench/internal/page"
)

func TestWriteReplacesWhatIsBetweenTheMarkers(t *testing.T) {
	t.Parallel()
	begin, end := page.Markers("bench")
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte("head\n"+begin+"old\n"+end+"tail\n"), 0o600))
	for range 2 { // a second Rewrite finds the markers again
		require.NoError(t, page.Rewrite(file, "bench", "new\n"))
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "head\n"+begin+"\nnew\n\n"+end+"tail\n", string(got))
	}
	require.NoError(t, os.WriteFile(file, []byte("head\n"), 0o600))
	require.ErrorContains(t, page.Rewrite(file, "bench", "new\n"), "lacks the markers")
}
