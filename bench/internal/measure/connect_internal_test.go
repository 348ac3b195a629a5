package measure

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetricsOfBenchmarksAreReadByUnit(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[string][]float64{"ns/connect": {4100, 8729}, "ns/more": {51365, 0.5}}, byUnit(`goos: linux
BenchmarkConnect-2   	    1000	      4100 ns/connect	     51365 ns/more
BenchmarkConnect-2   	    1000	      8729 ns/connect	     0.5 ns/more
PASS
`))
}
