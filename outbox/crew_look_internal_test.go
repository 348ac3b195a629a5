package outbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestALookWaitsForTheNextOneUnlessABatchIsThereOrTheWriteWaits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact         string
		next         time.Time
		events, some int
		eager, waits bool
	}{
		{"a look after a pause takes what is there", time.Time{}, 3, 3, false, false},
		{"a look right after another one waits", time.Now().Add(time.Hour), 3, 0, false, true},
		{"a batch does not wait", time.Now().Add(time.Hour), batch + 1, batch, false, false},
		{"the event of a write that waits does not wait", time.Now().Add(time.Hour), 1, 1, true, false},
	} {
		crew := &crew{ob: &Outbox{Config: Config{Eager: c.eager}}, looking: looking{next: c.next}, unlooked: unlooked{events: make([]*held, c.events)}}
		some, pause := crew.nextLook()
		assert.Len(t, some, c.some, c.fact)
		assert.Len(t, crew.unlooked.events, c.events-c.some, c.fact)
		assert.Equal(t, c.waits, pause > 0, c.fact)
	}
}
