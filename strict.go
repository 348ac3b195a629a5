package signals

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// origin says where a receiver comes from, so that Connect recognizes a receiver that is connected again.
type origin struct {
	value unsafe.Pointer // the function with what it has captured, or the value whose method it is
	code  uintptr        // address of the function's code
	calls [12]uintptr    // the calls that led to Connect
	round uint64         // of the registry, when the receiver was connected
}

// originOf returns the origin of a receiver that is being connected.
func (c *channel) originOf(code, value unsafe.Pointer) (o origin) {
	o.value, o.code = value, codeOf(code)
	runtime.Callers(3, o.calls[:])
	o.round = c.reg.Round()
	return o
}

// again reports whether other is the same receiver, connected earlier with the same options. The function may be the very same. Or the same calls
// have made a function of the same code, and statements have run in between: loops at start-up may connect a function for each line of a table.
func (r *receiver) again(other *receiver) bool {
	a, b := &r.origin, &other.origin
	if a.code != b.code || r.public != other.public || r.UID != "" || r.Once != nil || !slices.Equal(r.Fields, other.Fields) || r.Only.Differs(other.Only) {
		return false
	}
	return a.value == b.value || (a.calls == b.calls && a.round != b.round)
}

// doubt returns what is probably wrong with a receiver that is being connected to a model signal, "" for nothing.
func (c *channel) doubt(r, replaced *receiver) string {
	if replaced != nil && replaced.public.Location != r.public.Location {
		return fmt.Sprintf("the UID %q replaces the receiver that was connected at %s: choose another UID, or disconnect that receiver first",
			r.UID, replaced.public.Location)
	}
	if replaced == nil && slices.ContainsFunc(c.List.Items(), func(e *dispatch.Entry) bool { return r.again(receiverOf(e)) }) {
		return "this line has connected the function before, and it is still connected, so that it is called twice: connect it once, when the program " +
			"starts, or give it a UID, or disconnect it first"
	}
	return ""
}

// mustBeSure panics in strict mode if a receiver is probably wrong, and warns otherwise.
func (c *channel) mustBeSure(r, replaced *receiver) {
	problem := c.doubt(r, replaced)
	if problem == "" {
		return
	}
	text := fmt.Sprintf("signals: Connect to %s at %s: %s", c.Name, r.public.Location, problem)
	if err := c.reg.Doubt(context.Background(), text, func() string { return text }); err != nil {
		panic(err.Error())
	}
}

// holderOf returns the connected receiver with a UID, nil if there is none.
func (c *channel) holderOf(uid string) *receiver {
	items := c.List.Items()
	at := slices.IndexFunc(items, func(e *dispatch.Entry) bool { return uid != "" && e.UID == uid })
	if at < 0 {
		return nil
	}
	return receiverOf(items[at])
}
