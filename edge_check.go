package signals

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"unsafe"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

// sameLayout reports whether memory of one type can be used as memory of the other: both have fields of the same kinds at the same places. Names, and
// the types that pointers point to, may differ.
func sameLayout(a, b reflect.Type) bool {
	if a == b || (a == reflect.TypeFor[face]() && b.Kind() == reflect.Interface && a.Size() == b.Size()) {
		return true
	}
	if a.Kind() != b.Kind() || a.Size() != b.Size() || a.Align() != b.Align() {
		return false
	}
	switch a.Kind() {
	case reflect.Struct:
		return sameFields(a, b)
	case reflect.Func:
		return sameArguments(a, b)
	case reflect.Slice:
		return sameLayout(a.Elem(), b.Elem())
	case reflect.Array:
		return a.Len() == b.Len() && sameLayout(a.Elem(), b.Elem())
	case reflect.Pointer, reflect.String:
		return true
	default:
		return a.Kind() < reflect.Array // a number; an interface, a map or a channel of another type is nothing that events have
	}
}

func sameFields(a, b reflect.Type) bool {
	if a.NumField() != b.NumField() {
		return false
	}
	for i := range a.NumField() {
		if a.Field(i).Offset != b.Field(i).Offset || !sameLayout(a.Field(i).Type, b.Field(i).Type) {
			return false
		}
	}
	return true
}

func sameArguments(a, b reflect.Type) bool {
	if a.NumIn() != b.NumIn() || a.NumOut() != b.NumOut() || a.IsVariadic() != b.IsVariadic() {
		return false
	}
	for i := range a.NumIn() {
		if !sameLayout(a.In(i), b.In(i)) {
			return false
		}
	}
	for i := range a.NumOut() {
		if !sameLayout(a.Out(i), b.Out(i)) {
			return false
		}
	}
	return true
}

// layouts lists the types whose layouts must agree. For uses memory made for *erased as memory for *Product, and Implementing uses memory made for
// face as memory for an interface.
func layouts[M any]() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[ModelSignals[M]](),
		reflect.TypeFor[Signal[SaveEvent[M]]](), reflect.TypeFor[Receiver[SaveEvent[M]]](), reflect.TypeFor[BatchReceiver[SaveEvent[M]]](),
		reflect.TypeFor[Signal[DeleteEvent[M]]](), reflect.TypeFor[Receiver[DeleteEvent[M]]](), reflect.TypeFor[BatchReceiver[DeleteEvent[M]]](),
		reflect.TypeFor[Signal[LoadEvent[M]]](), reflect.TypeFor[Receiver[LoadEvent[M]]](), reflect.TypeFor[BatchReceiver[LoadEvent[M]]](),
		reflect.TypeFor[Signal[ChangeEvent[M]]](), reflect.TypeFor[Receiver[ChangeEvent[M]]](), reflect.TypeFor[BatchReceiver[ChangeEvent[M]]](),
		reflect.TypeFor[Signal[M2MEvent[M]]](), reflect.TypeFor[Receiver[M2MEvent[M]]](), reflect.TypeFor[BatchReceiver[M2MEvent[M]]](),
	}
}

// other is a model that *erased has to stand for. another is an interface that face has to stand for.
type other struct{ ID uint }

type another interface{ is() *other }

func (o *other) is() *other { return o }

// testEdge finds out whether, in this program, *erased can stand for a model and face for an interface: receivers for events of the one are called
// as receivers for events of the other. made makes the signals of *erased. The test needs no database. It calls receivers as a write does: with one
// event, and with a batch of two.
func testEdge(made func() (unsafe.Pointer, [dispatch.Kinds]*channel)) error {
	if !slices.EqualFunc(layouts[*erased](), layouts[*other](), sameLayout) || !slices.EqualFunc(layouts[face](), layouts[another](), sameLayout) ||
		!slices.EqualFunc(layouts[face](), layouts[any](), sameLayout) {
		return fault.ErrEdge
	}
	_, models := made()
	_, interfaces := faceSignals[another]()
	_, everything := faceSignals[any]()
	if !edgeHolds(models, func(m *other) any { return m }) || !edgeHolds(interfaces, func(m another) any { return m.is() }) ||
		!edgeHolds(everything, func(m any) any { return m }) {
		return fault.ErrEdge
	}
	return nil
}

// edgeHolds reports whether receivers for instances of type M get the events that signals send. back returns the model of an instance.
func edgeHolds[M any](channels [dispatch.Kinds]*channel, back func(M) any) bool {
	row := &change.Row{
		Instance: &other{ID: 1}, Created: true, Facts: &change.Facts{Soft: true},
		Linked: &change.Linked{Relation: "a", Action: change.PostAdd, Reverse: true, Keys: []any{2}},
	}
	wanted := answersOf(row, &dispatch.Frame{}, dispatch.Original)
	passed := 0
	pass := func(instance M, got answers, others bool) {
		if back(instance) == row.Instance && got == wanted && others {
			passed++
		}
	}
	err := errors.Join(
		testReceiver(channels[dispatch.PreSave], wanted, func(e SaveEvent[M]) { pass(e.Instance, e.answers, e.Created) }),
		testReceiver(channels[dispatch.PreDelete], wanted, func(e DeleteEvent[M]) { pass(e.Instance, e.answers, e.Soft && !e.Cascade) }),
		testReceiver(channels[dispatch.PostChange], wanted, func(e ChangeEvent[M]) { pass(e.Instance, e.answers, e.Kind == Created) }),
		testReceiver(channels[dispatch.PostLoad], wanted, func(e LoadEvent[M]) { pass(e.Instance, e.answers, true) }),
		testReceiver(channels[dispatch.M2mChanged], wanted, func(e M2MEvent[M]) {
			pass(e.Instance, e.answers, e.Relation == "a" && e.Action == PostAdd && e.Reverse && len(e.PKs) == 1 && e.PKs[0] == 2)
		}),
	)
	receivers := &methods[M]{func(e SaveEvent[M]) { pass(e.Instance, e.answers, e.Created) }}
	err = errors.Join(err, testMethod(channels[dispatch.PreSave], wanted, unsafe.Pointer(receivers), (*methods[M]).one, (*methods[M]).batch))
	return err == nil && passed == 6*3
}

// methods has methods that are receivers.
type methods[M any] struct{ receive func(SaveEvent[M]) }

func (o *methods[M]) one(_ context.Context, e SaveEvent[M]) error {
	o.receive(e)
	return nil
}

func (o *methods[M]) batch(_ context.Context, events []SaveEvent[M]) error {
	for _, e := range events {
		o.receive(e)
	}
	return nil
}

// testMethod connects two methods of a value to a signal of *erased or of face, and calls them.
func testMethod[T, E any](c *channel, a answers, of unsafe.Pointer, one func(T, context.Context, E) error, batch func(T, context.Context, []E) error) error {
	e := &dispatch.Entry{Info: dispatch.Info{Needs: a.need}}
	c.receive(e, c.method(of, function(unsafe.Pointer(&one)), false), false)
	c.receive(e, c.method(of, function(unsafe.Pointer(&batch)), true), true)
	return errors.Join(e.Call(a.frame, a.row), e.Batch(a.frame, []*change.Row{a.row, a.row}))
}

// testReceiver connects two receivers to a signal of *erased and calls them.
func testReceiver[E any](c *channel, a answers, receive func(E)) error {
	one := Receiver[E](func(_ context.Context, event E) error { receive(event); return nil })
	batch := BatchReceiver[E](func(_ context.Context, events []E) error {
		for _, event := range events {
			receive(event)
		}
		return nil
	})
	e := &dispatch.Entry{Info: dispatch.Info{Needs: a.need}}
	c.receive(e, function(unsafe.Pointer(&one)), false)
	c.receive(e, function(unsafe.Pointer(&batch)), true)
	return errors.Join(e.Call(a.frame, a.row), e.Batch(a.frame, []*change.Row{a.row, a.row}))
}
