package signals

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// ConnectAll connects the methods of a value that are named after signals, as Laravel's observers are: PreSave, PostSave, PreDelete, PostDelete,
// PostChange, M2MChanged and PostLoad, each with the signature of a receiver:
//
//	func (s *Search) PostSave(ctx context.Context, e signals.SaveEvent[*Product]) error
//
//	signals.ConnectAll[Product](db, &Search{index})
//
// A method that takes a slice of events is connected with ConnectBatch. M is a model, as in For, or an interface, as in Implementing. The options
// apply to all methods. A value that implements ReceiverOptions gives more options to single methods. The returned function disconnects all methods
// and reports whether one was still connected.
//
// ConnectAll panics if the value has no such method, if one has another signature, or if a name is nearly that of a signal. It also panics where
// Connect does. The text names the cure, and no method stays connected.
func ConnectAll[M any](db *gorm.DB, receivers any, opts ...ConnectOption) (disconnect func() bool) {
	return connectAll(db, reflect.TypeFor[M](), receivers, opts, location(2), faceSignals[M])
}

// ReceiverOptions is an interface for values of ConnectAll that give options to single methods.
type ReceiverOptions interface {
	// ConnectOptions returns the options of the method for a signal. The name is that of Signal.Name, such as "post_save".
	ConnectOptions(signal string) []ConnectOption
}

func connectAll(
	db *gorm.DB, m reflect.Type, receivers any, opts []ConnectOption, loc string, build func() (unsafe.Pointer, [dispatch.Kinds]*channel),
) (disconnect func() bool) {
	var channels [dispatch.Kinds]*channel
	if m.Kind() == reflect.Interface {
		reg, s := interfaceScope(db, m)
		channels = channelsOf(bind(reg, s, build))
	} else {
		reg, s := modelScope(db, m)
		channels = channelsOf(bind(reg, s, erasedSignals))
	}
	methods, problem := methodsOf(receivers, m)
	if problem != "" {
		panic(fmt.Sprintf("signals: ConnectAll[%s] at %s: %s", m, loc, problem))
	}
	var all Group
	whole := false
	defer func() {
		if !whole {
			all.Disconnect()
		}
	}()
	for _, method := range methods {
		options := opts
		if by, ok := receivers.(ReceiverOptions); ok {
			options = slices.Concat(opts, by.ConnectOptions(method.kind.String()))
		}
		c := channels[method.kind]
		all.Add(c.connectFrom(loc, c.method(method.of, method.code, method.batch), method.code, method.of, method.batch, options))
	}
	whole = true
	return all.Disconnect
}
