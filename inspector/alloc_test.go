package inspector_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
)

//nolint:paralleltest // AllocsPerRun counts what the whole process allocates.
func TestAnInspectorThatIsOffAllocatesNothing(t *testing.T) {
	ins := inspector.New()
	step := func() {
		o := signals.Observed{Step: signals.Sending, Signal: "post_save", Sender: "Lamp", Phase: "send", Events: 1}
		ins.ObserveEnd(ins.ObserveStart(t.Context(), o), o, nil)
	}
	assert.Zero(t, testing.AllocsPerRun(100, step))
	ins.Start()
	assert.LessOrEqual(t, testing.AllocsPerRun(100, step), 1.0, "the context of the step")
}
