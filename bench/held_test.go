//go:build !race

package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/bench/internal/measure"
)

// TestAQueuedEventHoldsFewBytes shows that an event which waits for a commit does not keep its statement in memory.
//
//nolint:paralleltest // The heap is that of the whole process.
func TestAQueuedEventHoldsFewBytes(t *testing.T) {
	held, err := measure.HeldByEvents()
	require.NoError(t, err)
	t.Logf("a write of one row holds %.0f bytes, a row of many %.0f, of which %.0f are its copy", held.One, held.Bulk, held.Copy)
	require.LessOrEqual(t, held.One, 500.0)
	require.LessOrEqual(t, held.Bulk, 197.0, "docs/performance.md shows 194, the same in every run")
	require.InDelta(t, 112, held.Copy, 1, "a product of 104 bytes")
}
