package callers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/internal/callers"
)

func TestTheStackShowsWhoCallsWhom(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"inner", "outer"}, outer(), "the innermost first")
	assert.Equal(t, []string{"inner"}, inner())
}

//go:noinline
func outer() []string { return inner() }

func inner() (found []string) {
	functions := map[string]callers.Function{"inner": callers.Of(inner), "outer": callers.Of(outer)}
	frames := callers.Frames()
	for {
		frame, more := frames.Next()
		for name, f := range functions {
			if f.Runs(frame) {
				found = append(found, name)
			}
		}
		if !more {
			return found
		}
	}
}
