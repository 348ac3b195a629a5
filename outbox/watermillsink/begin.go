package watermillsink

import (
	"fmt"
	"runtime/debug"

	"github.com/gorm-signals/signals/outbox"
)

// brokenError is the error of a function of the program that has not returned.
type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

// begin calls f, which runs code of the program, on a goroutine of its own, and returns a channel for its error. A panic of f, and a call of
// [runtime.Goexit], become errors.
func begin(what string, f func() error) <-chan error {
	result := make(chan error, 1)
	go func() {
		var err error = &brokenError{what + " has ended its goroutine with runtime.Goexit, as FailNow of a test does: return an error instead"}
		defer func() { result <- err }()
		defer func() {
			if v := recover(); v != nil {
				err = &brokenError{fmt.Sprintf("%s panicked: %v\n%s", what, v, debug.Stack())}
			}
		}()
		if err = f(); err != nil {
			_, _ = err.Error(), outbox.IsPermanent(err) // the methods of a nil pointer panic here, and not later
		}
	}()
	return result
}
