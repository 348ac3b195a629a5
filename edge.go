package signals

import (
	"context"
	"reflect"
	"unsafe"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
)

// The generic edge. Signal hands receivers and events to its channel as untyped pointers, and the channel has functions that know their type. For a
// model these functions are made for *erased, once for all models; for an interface for face, once for all interfaces; for a custom signal by New. Each method of
// Signal and of the events is compiled for each model of a program, so that they hold a call and no more: what is in them costs build time.
//
// All conversions of package unsafe stand in this file, but for the addresses of variables that Connect and New pass, and one in the loop of Send. Rules are those of
// https://pkg.go.dev/unsafe#Pointer.

// erased stands for every model. Pointers have one size and one form, so signals, events and receivers of *erased have the memory layout of those
// of *Product: For makes signals of *erased and returns them under the type that the caller asked for. Made for each model, they would
// cost a program 200 KB a model: GORM calls methods by name, so the linker keeps all methods of every type that a generic function has a
// variable of.
type erased struct{}

// erasedSignals makes the signals of a model, a *ModelSignals[*erased] that For converts: rule 1, a conversion between types of one layout.
// The pointer to an instance is one that reflect returned, rule 5, and an erased has no size, so that it is no larger than a model: rule 1.
func erasedSignals() (unsafe.Pointer, [dispatch.Kinds]*channel) {
	return signalsOf(func(r *change.Row) *erased { return (*erased)(reflect.ValueOf(r.Instance).UnsafePointer()) })
}

// face stands for every interface: a value of one is two pointers, to its type and to what it holds.
type face struct{ _, _ unsafe.Pointer }

// faceSignals makes the signals of an interface, a *ModelSignals[face] that Implementing converts: rule 1, but that the layout of an interface is that
// of two pointers is gc's. testEdge sees to that.
func faceSignals[I any]() (unsafe.Pointer, [dispatch.Kinds]*channel) {
	return signalsOf(func(r *change.Row) face {
		i, _ := r.Instance.(I)
		return *(*face)(unsafe.Pointer(&i))
	})
}

// instanceIn gives an instance of *erased the type of its model back, and a face that of its interface. The memory is that of a model or of an
// interface: rule 1.
func instanceIn(s dispatch.Scope, of any) any {
	switch p := of.(type) {
	case *erased:
		return reflect.NewAt(s.Type, unsafe.Pointer(p)).Interface()
	case face:
		return reflect.NewAt(s.Type, unsafe.Pointer(&p)).Elem().Interface()
	}
	return of
}

// instanceOf returns the instance of a row as M. A plan only pairs a row with receivers that its type satisfies.
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

// given is an event that is sent by hand, without its type.
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

// signalsOf makes signals whose instances are of type M, and returns the *ModelSignals[M] and their channels in the order of kinds.
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

// channelsOf returns the channels of a *ModelSignals of any type: rule 1, as a Signal begins with its channel whatever its events are.
func channelsOf(made unsafe.Pointer) [dispatch.Kinds]*channel {
	m := (*ModelSignals[*erased])(made)
	return [dispatch.Kinds]*channel{
		&m.PreSave.channel, &m.PostSave.channel, &m.PreDelete.channel, &m.PostDelete.channel, &m.PostLoad.channel, &m.M2MChanged.channel,
		&m.PostChange.channel,
	}
}

func modelSignal[E any](event func(answers) E, from func(E) given) *Signal[E] {
	s := &Signal[E]{}
	// The event is one of a model. Rule 1, as it is read only: an event of *erased has its layout.
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

// methodCall makes a Receiver[E] or a BatchReceiver[E] of a method: of code that gets of as its first argument, which is a pointer.
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

// function takes a function out of a variable, as what gc makes of it: one pointer to its code and what it has captured. Of is a pointer to a
// variable of a function type. Rule 1, but that the layout of a function is that of one pointer is gc's.
func function(of unsafe.Pointer) unsafe.Pointer { return *(*unsafe.Pointer)(of) }

// codeOf returns where the code of a function is: gc keeps that first in what a function points to. Rule 1, but for that layout.
func codeOf(function unsafe.Pointer) uintptr { return *(*uintptr)(function) }

// typed gives a function its type back: the one that it had, or the one for *erased of a function for *Product. F is a function type. Rule 1 too.
// No rule covers the call of a function for *Product as one for *erased. There gc is
// relied on: it passes arguments by their kinds, sizes and pointers, never by what they point to. testEdge sees to that.
func typed[F any](function *unsafe.Pointer) F { return *(*F)(unsafe.Pointer(function)) }

// reflected is typed for reflect, of a type that the function had.
func reflected(typ reflect.Type, function *unsafe.Pointer) reflect.Value {
	return reflect.NewAt(typ, unsafe.Pointer(function)).Elem()
}
