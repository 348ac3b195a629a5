package product

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNotesOfFailedWritesAreForgotten(t *testing.T) {
	t.Parallel()
	watch := &priceWatch{}
	noted := func() (n int) {
		watch.noted.Range(func(any, any) bool {
			n++
			return true
		})
		return n
	}
	rows := make([]Product, 10) // as the library holds the rows of a batch
	for i := range rows {
		watch.note(&rows[i])
	}
	runtime.GC()
	assert.Equal(t, len(rows), noted())
	runtime.KeepAlive(rows)
	require.Eventually(t, func() bool {
		runtime.GC()
		return noted() == 0
	}, 10*time.Second, time.Millisecond)
}
