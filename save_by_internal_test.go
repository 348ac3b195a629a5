package signals

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/fault"
)

func TestAProgramThatHidesItsCallsIsRefused(t *testing.T) {
	t.Parallel()
	require.NoError(t, testSaved(calledBySave))
	require.ErrorIs(t, testSaved(func() bool { return false }), fault.ErrSaveUnknown)
	require.ErrorIs(t, testSaved(func() bool { return true }), fault.ErrSaveUnknown)
}
