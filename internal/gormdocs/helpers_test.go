package gormdocs_test

import (
	"fmt"
)

// trace records what is sent, one line per event.
type trace struct{ lines []string }

func (tr *trace) add(format string, args ...any) {
	tr.lines = append(tr.lines, fmt.Sprintf(format, args...))
}

// take returns the lines so far and forgets them.
func (tr *trace) take() []string {
	lines := tr.lines
	tr.lines = nil
	return lines
}
