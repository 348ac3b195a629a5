package bare_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/bench/programs/internal/bare"
)

type model struct{ ID uint }

// The comparison is fair only if package bare has all methods and signals of the library.
func TestBareHasTheSignalsAndMethodsOfTheLibrary(t *testing.T) {
	t.Parallel()
	assert.Equal(t, surface(reflect.TypeFor[signals.ModelSignals[*model]]()), surface(reflect.TypeFor[bare.ModelSignals[*model]]()))
}

// surface lists the signals of a model with their methods, and the methods of the events.
func surface(signals reflect.Type) (lines []string) {
	for field := range signals.Fields() {
		connect, _ := field.Type.MethodByName("Connect")
		event := connect.Type.In(1).In(1)
		for _, of := range []reflect.Type{field.Type, event} {
			for method := range of.Methods() {
				lines = append(lines, fmt.Sprint(field.Name, " ", method.Name, sizes(method.Type.NumIn, method.Type.In), sizes(method.Type.NumOut, method.Type.Out)))
			}
		}
	}
	return lines
}

// sizes returns the sizes of parameters or results in bytes. For an event that is a parameter, the size of the event counts.
func sizes(n func() int, of func(int) reflect.Type) (sizes []uintptr) {
	for i := range n() {
		sizes = append(sizes, of(i).Size())
	}
	return sizes
}
