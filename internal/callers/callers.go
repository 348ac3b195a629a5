// Package callers finds functions on a goroutine's call stack, because GORM does not say which of its methods made a statement.
package callers

import (
	"reflect"
	"runtime"
)

// most is the number of frames to look at. GORM's own calls take four; other plugins may wrap callbacks.
const most = 64

// Frames returns the stack from the caller on, the innermost frame first.
func Frames() *runtime.Frames {
	pcs := make([]uintptr, most)
	return runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
}

// Function is a function on the stack. In obfuscated programs its name differs, and may be empty.
type Function struct {
	entry uintptr
	name  string // in this program
}

// Of returns the Function for a function or method expression.
func Of(f any) Function {
	entry := reflect.ValueOf(f).Pointer()
	if found := runtime.FuncForPC(entry); found != nil {
		return Function{found.Entry(), found.Name()}
	}
	return Function{entry: entry}
}

// Runs reports whether a frame belongs to the function. A frame of its own has the function's address; a frame that the compiler has inlined into
// another function has only the name.
func (f Function) Runs(frame runtime.Frame) bool {
	if frame.Func != nil {
		return frame.Func.Entry() == f.entry
	}
	return f.name != "" && frame.Function == f.name
}
