package inspector

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorm-signals/signals"
)

// row is what the page shows of a row of a send. If values are hidden, it has only the names of the fields.
type row struct {
	Table  string  `json:"table,omitempty"`
	What   string  `json:"what"`
	Key    string  `json:"key,omitempty"`
	Fields []field `json:"fields,omitempty"`
}

type field struct {
	Name   string `json:"name"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
	Hidden bool   `json:"hidden,omitempty"`
}

// Limits of what is shown of one send.
const (
	maxRows   = 10
	maxFields = 40
	maxText   = 200 // bytes
)

// rows renders the rows of a step.
func (i *Inspector) rows(o *signals.Observed) []row {
	observed := o.Rows()
	if observed == nil && o.Event != nil {
		r := row{What: "event"}
		if i.values {
			r.Fields = i.fieldsOf(o.Signal, o.Event, false)
		}
		return []row{r}
	}
	shown := make([]row, 0, min(len(observed), maxRows+1))
	for n := range observed {
		if n == maxRows {
			return append(shown, row{What: fmt.Sprintf("and %d more rows", len(observed)-n)})
		}
		shown = append(shown, i.row(o, &observed[n]))
	}
	return shown
}

func (i *Inspector) row(o *signals.Observed, r *signals.ObservedRow) row {
	shown := row{Table: o.Table, What: what(r)}
	if i.values && !unset(r.Key) {
		for n, part := range r.Key {
			if n > 0 {
				shown.Key += ", "
			}
			shown.Key += i.value(o.Sender, "primary key", part)
		}
	}
	switch {
	case r.Relation != "":
		shown.Fields = []field{{Name: r.Relation, Hidden: !i.values}}
		if i.values {
			shown.Fields[0].New = i.value(o.Sender, r.Relation, r.PKs)
		}
	case len(r.Changes) > 0 || r.Kind == signals.Created || r.Kind == signals.Updated || r.Kind == signals.Restored:
		for n, c := range r.Changes {
			if n == maxFields {
				break
			}
			f := field{Name: c.Field, Hidden: !i.values}
			if i.values {
				f.New = i.value(o.Sender, c.Field, c.New)
				if !r.Created {
					f.Old = i.value(o.Sender, c.Field, c.Old)
				}
			}
			shown.Fields = append(shown.Fields, f)
		}
	case i.values:
		shown.Fields = i.fieldsOf(o.Sender, r.Instance, r.Kind != 0)
	}
	return shown
}

// unset reports whether the database has yet to make the key.
func unset(key []any) bool {
	return !slices.ContainsFunc(key, func(part any) bool { v := reflect.ValueOf(part); return v.IsValid() && !v.IsZero() })
}

// what says what the write does to a row.
func what(r *signals.ObservedRow) string {
	switch {
	case r.Relation != "":
		return r.Action.String()
	case r.Kind == 0:
		return "loaded"
	case r.Cascade:
		return "deleted with its parent"
	case r.Kind == signals.SoftDeleted:
		return "marked as deleted"
	}
	return r.Kind.String()
}

// fieldsOf renders the fields of a struct that are not zero.
func (i *Inspector) fieldsOf(model string, instance any, old bool) []field {
	v := reflect.Indirect(reflect.ValueOf(instance))
	if v.Kind() != reflect.Struct {
		return []field{{Name: "event", New: i.value(model, "event", instance)}}
	}
	var fields []field
	for _, f := range reflect.VisibleFields(v.Type()) {
		if !f.IsExported() || f.Anonymous && indirect(f.Type).Kind() == reflect.Struct || len(fields) == maxFields {
			continue
		}
		value, err := v.FieldByIndexErr(f.Index)
		if err != nil || value.IsZero() || !value.CanInterface() {
			continue // its embedded struct is nil
		}
		text := i.value(model, f.Name, value.Interface())
		if old {
			fields = append(fields, field{Name: f.Name, Old: text})
		} else {
			fields = append(fields, field{Name: f.Name, New: text})
		}
	}
	return fields
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// value renders a value after redaction. This runs code of the program, which may panic.
func (i *Inspector) value(model, name string, v any) (text string) {
	defer func() {
		if p := recover(); p != nil {
			i.faults.Add(1)
			text = "(panicked)"
		}
	}()
	if i.redact != nil {
		v = i.redact(model, name, v)
	}
	return cut(textOf(v, 0))
}

// textOf renders a value that is small and leads to no other. Of any other value it gives the type.
func textOf(v any, depth int) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return v
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Pointer && r.IsNil() {
		return "nil"
	}
	switch v := v.(type) {
	case fmt.Stringer, error:
		return fmt.Sprint(v)
	case driver.Valuer:
		if value, err := v.Value(); err == nil && depth < 3 {
			return textOf(value, depth+1)
		}
	}
	switch kind := r.Kind(); {
	case kind == reflect.Pointer && depth < 3:
		return textOf(r.Elem().Interface(), depth+1)
	case kind == reflect.String:
		return r.String()
	case simple(kind):
		return fmt.Sprint(v)
	case kind == reflect.Slice && (simple(r.Type().Elem().Kind()) || r.Type().Elem().Kind() == reflect.Interface) && depth < 3:
		return sliceText(r, depth)
	case kind == reflect.Slice || kind == reflect.Map:
		return fmt.Sprintf("%T of %d", v, r.Len())
	}
	return fmt.Sprintf("%T", v)
}

func sliceText(r reflect.Value, depth int) string {
	var parts []string
	for n, length := 0, 0; n < r.Len() && length < maxText; n++ {
		parts = append(parts, textOf(r.Index(n).Interface(), depth+1))
		length += len(parts[n])
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func simple(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.String
}

// cut keeps the beginning of a long text.
func cut(s string) string {
	if len(s) <= maxText {
		return strings.Clone(s) // a copy, because s may be a part of something large
	}
	at := maxText
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return s[:at] + "…"
}

// failure describes an error. If values are hidden it gives the kind of the error, because the text may show values.
func (i *Inspector) failure(o *signals.Observed, err error) string {
	switch {
	case o.Step == signals.Waiting && errors.Is(err, signals.ErrRolledBack):
		return "rolled back"
	case o.Step == signals.Waiting && errors.Is(err, signals.ErrOutcomeUnknown):
		return "outcome unknown"
	case i.values:
		model := o.Sender
		if model == "" {
			model = o.Signal
		}
		return i.value(model, "error", message(err))
	}
	return kindOf(err)
}

// message returns the text of the receiver's own error.
func message(err error) string {
	if p, ok := errors.AsType[*signals.PanicError](err); ok {
		return fmt.Sprintf("panic: %v", p.Value)
	}
	if r, ok := errors.AsType[*signals.ReceiverError](err); ok {
		return r.Err.Error()
	}
	return err.Error()
}

// kindOf returns the type of the innermost error.
func kindOf(err error) string {
	if _, ok := errors.AsType[*signals.PanicError](err); ok {
		return "panic (text hidden)"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return fmt.Sprintf("%T (text hidden)", err)
		}
		err = inner
	}
}
