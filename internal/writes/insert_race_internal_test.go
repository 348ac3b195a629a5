package writes

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// answer is an error in the shape of MySQL's driver.
type answer struct {
	Number uint16
	text   string
}

// Error returns the text.
func (a *answer) Error() string { return a.text }

func TestOnlyAServerThatDoesNotUnderstandANoteRefusesIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"a parse error", &answer{1064, "You have an error in your SQL"}, true},
		{"a wrapped one", fmt.Errorf("a: %w", &answer{1064, "near ':='"}), true},
		{"a feature that is missing", &answer{1235, "This version does not support it"}, true},
		{"a proxy's error about the assignment", &answer{1105, "unexpected token :="}, true},
		{"a proxy's error about the syntax", &answer{1105, "Syntax error at position 20"}, true},
		{"a proxy's error about a feature", &answer{1105, "unsupported: assignment of a variable"}, true},
		{"another error of a proxy", &answer{1105, "no primary"}, false},
		{"a value that looks like a number of an error", &answer{1062, "Duplicate entry '1064' for key 'name'"}, false},
		{"a value with such words", &answer{3819, "Check constraint 'syntax' is violated: unsupported :="}, false},
		{"an error that is no answer", errors.New("connection refused: unsupported"), false},
	} {
		assert.Equal(t, c.want, refusesNotes(c.err), c.fact)
	}
}
