package pool

import (
	"errors"
	"slices"
	"strings"
)

// refused reports whether the error of a COMMIT is the database's word that it has rolled back. Any other error leaves open what
// happened. Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
func refused(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		code := state.SQLState()
		return len(code) == 5 && code != "40003" && slices.Contains([]string{"22", "23", "25", "40", "44", "P0"}, code[:2])
	}
	// PostgreSQL answers COMMIT of an aborted transaction with ROLLBACK, which pgx puts in these words.
	return deadlocked(err) || strings.Contains(err.Error(), "commit unexpectedly resulted in rollback")
}

// deadlocked reports whether MySQL has rolled the whole transaction back because of a deadlock, and goes on outside it.
func deadlocked(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "Error 1213") }

// Saw looks at the error of a statement of the transaction: a deadlock takes along all that was done in it.
func (t *Tx) Saw(err error) {
	if deadlocked(err) {
		t.Queue.Executed("ROLLBACK")
	}
}
