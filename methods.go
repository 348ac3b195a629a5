package signals

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// method is a method of a value of ConnectAll that is named after a signal.
type method struct {
	kind  dispatch.Kind
	of    unsafe.Pointer // the value that the method is called on
	code  unsafe.Pointer // a function whose first argument is of
	batch bool           // it takes a slice of events
}

// named is the name of the method for a signal, with the kind of the signal and the type of its events.
type named struct {
	name  string
	kind  dispatch.Kind
	event string
}

// methodNames lists the methods that ConnectAll connects, in this order.
func methodNames() []named {
	return []named{
		{"PreSave", dispatch.PreSave, "SaveEvent"},
		{"PostSave", dispatch.PostSave, "SaveEvent"},
		{"PreDelete", dispatch.PreDelete, "DeleteEvent"},
		{"PostDelete", dispatch.PostDelete, "DeleteEvent"},
		{"PostChange", dispatch.PostChange, "ChangeEvent"},
		{"M2MChanged", dispatch.M2mChanged, "M2MEvent"},
		{"PostLoad", dispatch.PostLoad, "LoadEvent"},
	}
}

// methodsOf finds the methods of a value that are named after signals. If something is wrong with the value, problem says what. m is the model or the
// interface.
func methodsOf(receivers any, m reflect.Type) (methods []method, problem string) {
	v := reflect.ValueOf(receivers)
	if !v.IsValid() || (v.Kind() == reflect.Pointer && v.IsNil()) {
		return nil, "the receivers are nil: pass a value that has methods such as PostSave"
	}
	instance := m
	if m.Kind() != reflect.Interface {
		instance = reflect.PointerTo(m)
	}
	s := search{of: v.Type(), pointer: v.Type(), instance: instance}
	if v.Kind() != reflect.Pointer {
		copied := reflect.New(v.Type())
		copied.Elem().Set(v)
		v, s.pointer = copied, copied.Type()
	}
	for _, n := range methodNames() {
		found, ok := s.pointer.MethodByName(n.name)
		if !ok {
			continue
		}
		if _, own := s.of.MethodByName(n.name); !own {
			return nil, fmt.Sprintf("%s is a method of %s and not of %s: pass a pointer", n.name, s.pointer, s.of)
		}
		one, batch := s.takes(found.Type, n)
		if !one && !batch {
			return nil, fmt.Sprintf("%s has the signature %s: it must be %s, or take a slice of these events", n.name, signature(found.Type), s.wanted(n))
		}
		code := reflect.New(found.Type)
		code.Elem().Set(found.Func)
		methods = append(methods, method{kind: n.kind, of: v.UnsafePointer(), code: function(code.UnsafePointer()), batch: batch})
	}
	if problem = s.slips(); problem == "" && len(methods) == 0 {
		problem = fmt.Sprintf("%s has no exported method that is named after a signal: write %s, or PreSave, PreDelete, PostDelete, PostChange, M2MChanged or PostLoad",
			s.of, s.wanted(methodNames()[1]))
	}
	return methods, problem
}

// search looks for receivers among the methods of a type.
type search struct {
	of, pointer reflect.Type // the type, and a pointer to it
	instance    reflect.Type // the type of Instance in the events
}

// takes reports whether a method has the signature for a signal: with one event, or with a batch. The first argument of t is the value.
func (s *search) takes(t reflect.Type, n named) (one, batch bool) {
	if t.NumIn() != 3 || t.IsVariadic() || t.In(1) != reflect.TypeFor[context.Context]() || t.NumOut() != 1 || t.Out(0) != reflect.TypeFor[error]() {
		return false, false
	}
	if event := t.In(2); event.Kind() == reflect.Slice && event.Name() == "" {
		return false, s.isEvent(event.Elem(), n.event)
	}
	return s.isEvent(t.In(2), n.event), false
}

// isEvent reports whether a type is the named event of this package with the right instance. The name "" stands for every event with any instance.
func (s *search) isEvent(t reflect.Type, name string) bool {
	if t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[Plugin]().PkgPath() {
		return false
	}
	if name == "" {
		return strings.Contains(t.Name(), "Event[")
	}
	held, ok := t.FieldByName("Instance")
	return ok && held.Type == s.instance && strings.HasPrefix(t.Name(), name+"[")
}

// wanted returns the signature that the method for a signal must have.
func (s *search) wanted(n named) string {
	return fmt.Sprintf("func (r %s) %s(ctx context.Context, e signals.%s[%s]) error", s.pointer, n.name, n.event, s.instance)
}

// signature returns the type of a method as text, without its receiver.
func signature(t reflect.Type) string {
	in, out := make([]reflect.Type, 0, t.NumIn()), make([]reflect.Type, 0, t.NumOut())
	for i := 1; i < t.NumIn(); i++ {
		in = append(in, t.In(i))
	}
	for o := range t.Outs() {
		out = append(out, o)
	}
	return reflect.FuncOf(in, out, t.IsVariadic()).String()
}

// slips returns what is wrong with a method that seems to be meant for ConnectAll, "" for nothing.
func (s *search) slips() string {
	for found := range s.pointer.Methods() {
		switch {
		case slices.ContainsFunc(methodNames(), func(n named) bool { return n.name == found.Name }):
		case found.Name == "ConnectOptions":
			if !s.pointer.Implements(reflect.TypeFor[ReceiverOptions]()) {
				return fmt.Sprintf("ConnectOptions has the signature %s: it must be func (r %s) ConnectOptions(signal string) []signals.ConnectOption", signature(found.Type), s.pointer)
			}
			if !s.of.Implements(reflect.TypeFor[ReceiverOptions]()) {
				return fmt.Sprintf("ConnectOptions is a method of %s and not of %s: pass a pointer", s.pointer, s.of)
			}
		default:
			if n, ok := s.meant(found); ok {
				return fmt.Sprintf("no signal is named %s: did you mean %s? Write %s", found.Name, n.name, s.wanted(n))
			}
		}
	}
	return ""
}

// meant returns the method for a signal that m is probably meant to be. A value may have methods of any name. So a method that takes no event is a
// slip only if its name has no other meaning.
func (s *search) meant(m reflect.Method) (named, bool) {
	takesEvent, ofGORM := false, m.Type.NumIn() == 2 && m.Type.In(1) == reflect.TypeFor[*gorm.DB]()
	for i := 1; i < m.Type.NumIn(); i++ {
		in := m.Type.In(i)
		takesEvent = takesEvent || s.isEvent(in, "") || (in.Kind() == reflect.Slice && s.isEvent(in.Elem(), ""))
	}
	word := strings.ToLower(strings.ReplaceAll(m.Name, "_", ""))
	all := methodNames()
	for _, n := range all {
		if own := strings.ToLower(n.name); word == own || word == own+"d" || word+"d" == own {
			return n, true
		}
	}
	name, hook := wordsOfOthers(word)
	if !hook && takesEvent && name == "" {
		known := make([]string, len(all))
		for i := range all {
			known[i] = all[i].name
		}
		name = rows.Nearest(word, known...)
	}
	at := slices.IndexFunc(all, func(n named) bool { return n.name == name })
	if at < 0 || (!takesEvent && (!hook || ofGORM)) {
		return named{}, false
	}
	return all[at], true
}

// wordsOfOthers returns the method for a name that GORM, Rails or Laravel use for a hook or an observer, and whether it is a hook of GORM.
func wordsOfOthers(word string) (name string, hook bool) {
	switch word {
	case "beforesave", "beforecreate", "beforeupdate":
		return "PreSave", true
	case "aftersave", "aftercreate", "afterupdate":
		return "PostSave", true
	case "beforedelete":
		return "PreDelete", true
	case "afterdelete":
		return "PostDelete", true
	case "afterfind":
		return "PostLoad", true
	case "saving", "creating", "updating":
		return "PreSave", false
	case "saved", "created", "updated", "restored", "aftercommit":
		return "PostSave", false
	case "deleting", "beforedestroy":
		return "PreDelete", false
	case "deleted", "afterdestroy":
		return "PostDelete", false
	case "retrieved", "loaded", "afterload":
		return "PostLoad", false
	case "changed":
		return "PostChange", false
	}
	return "", false
}
