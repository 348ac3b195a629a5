package statement

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

func TestWhatAnUpdateLeavesIsTakenOnce(t *testing.T) {
	t.Parallel()
	var u Unsaved
	update := &gorm.Statement{Selects: []string{"*"}}
	u.Leave(Names(update), &Leftover{Announced: true})
	insert := &gorm.Statement{Selects: update.Selects, SkipHooks: true}
	assert.Nil(t, u.Take(&gorm.Statement{Selects: []string{"*"}, SkipHooks: true}), "another Save")
	require.NotNil(t, u.Take(insert))
	assert.Nil(t, u.Take(insert))
}

func TestWhatNoInsertTakesIsForgotten(t *testing.T) {
	t.Parallel()
	var u Unsaved
	u.Leave(Names(&gorm.Statement{Selects: []string{"*"}}), &Leftover{})
	require.Eventually(t, func() bool {
		runtime.GC()
		empty := true
		u.left.Range(func(any, any) bool { empty = false; return false })
		return empty
	}, 10*time.Second, time.Millisecond)
}
