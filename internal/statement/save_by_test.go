package statement_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/statement"
)

func TestAProgramThatHidesItsCallsIsRefused(t *testing.T) {
	t.Parallel()
	require.NoError(t, statement.Check(statement.CalledBySave))
	require.ErrorIs(t, statement.Check(func() bool { return false }), fault.ErrSaveUnknown)
	require.ErrorIs(t, statement.Check(func() bool { return true }), fault.ErrSaveUnknown)
}
