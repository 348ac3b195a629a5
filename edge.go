package signals

import (
	"context"
	"reflect"
	"unsafe"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
)

// The generic edge. Signal passes receivers and events to its channel as untyped pointers, and the channel has functions that know their type. These
// functions are made for *erased, once for all models; for face, once for all interfaces; and by New for each custom signal. Each model of a program
// compiles the methods of Signal and of the events again. So these methods hold one call and no more: more code would cost build time.
//
// This file has nearly all conversions of package unsafe; those of other files are of the same kinds. The comments name the rules of
// https://pkg.go.dev/unsafe#Pointer.

// erased stands for every model. All pointers have one size and one form, so signals, events and receivers of *erased have the memory layout of those
// of *Product. For makes signals of *erased and returns them under the caller's type. Signals of their own would cost a program 200 KB per model:
// GORM calls methods by name, so the linker keeps all methods of every type that a generic function has a variable of.
type erased struct{}

// erasedSignals makes the signals of a model: a *ModelSignals[*erased], which For converts to a type of the same layout (rule 1). The pointer to an
// instance comes from reflect (rule 5). An erased has no size, so it is no larger than a model (rule 1).
func erasedSignals() (unsafe.Pointer, [dispatch.Kinds]*channel) {
	return signalsOf(func(r *change.Row) *erased { return (*erased)(reflect.ValueOf(r.Instance).UnsafePointer()) })
}

// face stands for every interface: gc keeps an interface value as two pointers, to its type and to its data.
type face struct{ _, _ unsafe.Pointer }

// faceSignals makes the signals of an interface: a *ModelSignals[face], which Implementing converts (rule 1). Only gc says that an interface has the
// layout of two pointers; testEdge verifies it.
func faceSignals[I any]() (unsafe.Pointer, [dispatch.Kinds]*channel) {
	return signalsOf(func(r *change.Row) face {
		i, _ := r.Instance.(I)
		return *(*face)(unsafe.Pointer(&i))
	})
}

// instanceIn gives an *erased the type of its model back, and a face that of its interface. The memory was one of that type all along (rule 1).
func instanceIn(s dispatch.Scope, of any) any {
	switch p := of.(type) {
	case *erased:
		return reflect.NewAt(s.Type, unsafe.Pointer(p)).Interface()
	case face:
		return reflect.NewAt(s.Type, unsafe.Pointer(&p)).Elem().Interface()
	}
	return of
}

// instanceOf returns the instance of a row as M. A plan pairs a row only with receivers whose type its instance has.
type instanceOf[M any] func(r *change.Row) M

func (of instanceOf[M]) save(a answers) SaveEvent[M] {
	return SaveEvent[M]{Instance: of(a.row), Created: a.row.Created, answers: a}
}

func (of instanceOf[M]) remove(a answers) DeleteEvent[M] {
	return DeleteEvent[M]{Instance: of(a.row), Soft: a.facts.Soft, Cascade: a.facts.Cascade, answers: a}
}

func (of instanceOf[M]) change(a answers) ChangeEvent[M] {
	return ChangeEvent[M]{Instance: of(a.row), Kind: kindOf(a.row.Result(a.frame)), answers: a}
}

func (of instanceOf[M]) load(a answers) LoadEvent[M] {
	return LoadEvent[M]{Instance: of(a.row), answers: a}
}

func (of instanceOf[M]) links(a answers) M2MEvent[M] {
	l := a.row.Linked
	return M2MEvent[M]{Instance: of(a.row), Relation: l.Relation, Action: M2MAction(l.Action), Reverse: l.Reverse, PKs: l.Keys, answers: a}
}

// given is the data of an event that the program sends by hand.
type given struct {
	instance      any
	created       bool
	soft, cascade bool
	result        change.Result
	linked        *change.Linked // of m2m_changed
}

func givenSave[M any](e SaveEvent[M]) given { return given{instance: e.Instance, created: e.Created} }

func givenDelete[M any](e DeleteEvent[M]) given {
	return given{instance: e.Instance, result: change.Deleted, soft: e.Soft, cascade: e.Cascade}
}

func givenChange[M any](e ChangeEvent[M]) given {
	result, soft := e.Kind.result()
	return given{instance: e.Instance, created: e.Kind == Created, result: result, soft: soft}
}

func givenLoad[M any](e LoadEvent[M]) given { return given{instance: e.Instance} }

func givenLinks[M any](e M2MEvent[M]) given {
	return given{instance: e.Instance, linked: &change.Linked{Relation: e.Relation, Action: change.Action(e.Action), Reverse: e.Reverse, Keys: e.PKs}}
}

// signalsOf makes signals whose instances have the type M. It returns the *ModelSignals[M] and its channels in the order of kinds.
func signalsOf[M any](of instanceOf[M]) (unsafe.Pointer, [dispatch.Kinds]*channel) {
	m := &ModelSignals[M]{
		PreSave:    modelSignal(of.save, givenSave[M]),
		PostSave:   modelSignal(of.save, givenSave[M]),
		PreDelete:  modelSignal(of.remove, givenDelete[M]),
		PostDelete: modelSignal(of.remove, givenDelete[M]),
		M2MChanged: modelSignal(of.links, givenLinks[M]),
		PostLoad:   modelSignal(of.load, givenLoad[M]),
		PostChange: modelSignal(of.change, givenChange[M]),
	}
	return unsafe.Pointer(m), channelsOf(unsafe.Pointer(m))
}

// channelsOf returns the channels of a *ModelSignals of any type. A Signal begins with its channel, whatever its events are (rule 1).
func channelsOf(made unsafe.Pointer) [dispatch.Kinds]*channel {
	m := (*ModelSignals[*erased])(made)
	return [dispatch.Kinds]*channel{
		&m.PreSave.channel, &m.PostSave.channel, &m.PreDelete.channel, &m.PostDelete.channel, &m.PostLoad.channel, &m.M2MChanged.channel,
		&m.PostChange.channel,
	}
}

func modelSignal[E any](event func(answers) E, from func(E) given) *Signal[E] {
	s := &Signal[E]{}
	// E is an event of a model, or one of *erased, which has the same layout. It is only read (rule 1).
	s.channel.given = func(event unsafe.Pointer) given { return from(*(*E)(event)) }
	s.channel.method = methodCall[E]
	s.channel.receive = func(e *dispatch.Entry, receiver unsafe.Pointer, batch bool) {
		if batch {
			e.Batch = batchCall(e, typed[BatchReceiver[E]](&receiver), event)
			return
		}
		r := typed[Receiver[E]](&receiver)
		e.Call = func(f *dispatch.Frame, row *change.Row) error { return r(f, event(answersOf(row, f, e.Info.Needs))) }
	}
	return s
}

// methodCall makes a Receiver[E] or a BatchReceiver[E] of a method. code is its code, and of, a pointer, is the first argument.
func methodCall[E any](of, code unsafe.Pointer, batch bool) unsafe.Pointer {
	if batch {
		call := typed[func(unsafe.Pointer, context.Context, []E) error](&code)
		r := BatchReceiver[E](func(ctx context.Context, events []E) error { return call(of, ctx, events) })
		return function(unsafe.Pointer(&r))
	}
	call := typed[func(unsafe.Pointer, context.Context, E) error](&code)
	r := Receiver[E](func(ctx context.Context, event E) error { return call(of, ctx, event) })
	return function(unsafe.Pointer(&r))
}

func batchCall[E any](e *dispatch.Entry, r BatchReceiver[E], event func(answers) E) func(*dispatch.Frame, []*change.Row) error {
	return func(f *dispatch.Frame, rows []*change.Row) error {
		events := make([]E, len(rows))
		for i, row := range rows {
			events[i] = event(answersOf(row, f, e.Info.Needs))
		}
		return r(f, events)
	}
}

// function returns the function in a variable as gc keeps it: one pointer to the code and the captured variables. of points to a variable of a
// function type. Only gc says that a function has the layout of one pointer; otherwise this is rule 1.
func function(of unsafe.Pointer) unsafe.Pointer { return *(*unsafe.Pointer)(of) }

// codeOf returns the address of a function's code, which gc keeps first in what a function points to. Given that layout, this is rule 1.
func codeOf(function unsafe.Pointer) uintptr { return *(*uintptr)(function) }

// typed gives a function its type back. F is the type that it had, or that type for *erased in place of *Product (rule 1). No rule covers the call of
// a function for *Product as one for *erased. There the code relies on gc, which passes arguments by their kinds, sizes and pointers, and never by
// what they point to. testEdge verifies it.
func typed[F any](function *unsafe.Pointer) F { return *(*F)(unsafe.Pointer(function)) }

// reflected is typed for reflect. typ is the type that the function had.
func reflected(typ reflect.Type, function *unsafe.Pointer) reflect.Value {
	return reflect.NewAt(typ, unsafe.Pointer(function)).Elem()
}
