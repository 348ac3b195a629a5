package outbox_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
)

// dump writes a value as a text, so that equal values have equal texts. It follows pointers, and writes a time as its instant and offset.
func dump(v any) string {
	var b strings.Builder
	write(&b, reflect.ValueOf(v))
	return b.String()
}

func write(b *strings.Builder, v reflect.Value) {
	if !v.IsValid() {
		b.WriteString("nil")
		return
	}
	if v.Type() == reflect.TypeFor[time.Time]() && v.CanInterface() {
		at, _ := reflect.TypeAssert[time.Time](v)
		_, offset := at.Zone()
		fmt.Fprintf(b, "time %s %d", at.UTC().Format(time.RFC3339Nano), offset)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		b.WriteString("&")
		write(b, v.Elem())
	case reflect.Struct:
		b.WriteString("{\n")
		for i := range v.NumField() {
			b.WriteString(v.Type().Field(i).Name + ": ")
			write(b, v.Field(i))
			b.WriteString("\n")
		}
		b.WriteString("}")
	case reflect.Slice:
		if v.IsNil() {
			b.WriteString("nil ")
		}
		fmt.Fprintf(b, "%d[", v.Len())
		for i := range v.Len() {
			write(b, v.Index(i))
			b.WriteString(" ")
		}
		b.WriteString("]")
	case reflect.Float32, reflect.Float64:
		fmt.Fprintf(b, "%x", math.Float64bits(v.Float()))
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		fmt.Fprintf(b, "%v", v)
	}
}
