package signals

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAProgramThatHidesItsCallsIsRefused(t *testing.T) {
	t.Parallel()
	require.NoError(t, testSaved(calledBySave))
	require.ErrorIs(t, testSaved(func() bool { return false }), errSaveUnknown)
	require.ErrorIs(t, testSaved(func() bool { return true }), errSaveUnknown)
}
