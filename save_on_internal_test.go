package signals

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
	var u unsaved
	update := &gorm.Statement{Selects: []string{"*"}}
	u.leave(namesOf(update), &leftover{announced: true})
	insert := &gorm.Statement{Selects: update.Selects, SkipHooks: true}
	assert.Nil(t, u.take(&gorm.Statement{Selects: []string{"*"}, SkipHooks: true}), "another Save")
	require.NotNil(t, u.take(insert))
	assert.Nil(t, u.take(insert))
}

func TestWhatNoInsertTakesIsForgotten(t *testing.T) {
	t.Parallel()
	var u unsaved
	u.leave(namesOf(&gorm.Statement{Selects: []string{"*"}}), &leftover{})
	require.Eventually(t, func() bool {
		runtime.GC()
		empty := true
		u.left.Range(func(any, any) bool { empty = false; return false })
		return empty
	}, 10*time.Second, time.Millisecond)
}
