// Package callers tells which functions a goroutine is in. GORM does not say which of its methods made a statement.
package callers

import (
	"reflect"
	"runtime"
)

// most is how far down the stack anybody looks. GORM's own calls take four frames; other plugins may wrap callbacks.
const most = 64

// Frames returns the stack from the caller on, the innermost frame first.
func Frames() *runtime.Frames {
	pcs := make([]uintptr, most)
	return runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
}

// Function is a function as the stack shows it. Its name differs in obfuscated programs, and can be empty there.
type Function struct {
	entry uintptr
	name  string // in this program
}

// Of returns what a function or method expression is on the stack.
func Of(f any) Function {
	entry := reflect.ValueOf(f).Pointer()
	if found := runtime.FuncForPC(entry); found != nil {
		return Function{found.Entry(), found.Name()}
	}
	return Function{entry: entry}
}

// Runs reports whether a frame belongs to the function. A frame of its own has the function's address. A frame that the compiler
// inlined into another function has only the name.
func (f Function) Runs(frame runtime.Frame) bool {
	if frame.Func != nil {
		return frame.Func.Entry() == f.entry
	}
	return f.name != "" && frame.Function == f.name
}
