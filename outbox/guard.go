package outbox

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// errEnded is the error of a function of the program that has ended its goroutine.
var errEnded = errors.New("the function has ended its goroutine with runtime.Goexit, as FailNow of a test does: return an error instead")

// apart calls f on a goroutine of its own and waits. If f calls [runtime.Goexit], the caller's goroutine goes on.
func apart(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	<-ended
}

// guarded calls f, which runs code of the program, and waits. A panic of f, and a call of [runtime.Goexit], become errors.
func guarded(what string, f func()) (failure error) {
	apart(func() {
		failure = fmt.Errorf("%s: %w", what, errEnded)
		defer func() {
			if v := recover(); v != nil {
				failure = fmt.Errorf("%s panicked: %v\n%s", what, v, debug.Stack())
			}
		}()
		f()
		failure = nil
	})
	return failure
}

// sound returns err, or another error if a method of err panics. Those of a nil pointer do, and a nil pointer that became an error is a common
// mistake.
func sound(err error) (out error) {
	defer func() {
		if v := recover(); v != nil {
			out = fmt.Errorf("an error of type %T, whose methods panic: %v: was a nil pointer returned instead of nil?", err, v)
		}
	}()
	if err != nil {
		_, _, _, _ = err.Error(), IsPermanent(err), IsUnavailable(err), errors.Is(err, errTaken)
	}
	return err
}
