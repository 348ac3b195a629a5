// Package show writes values and finished statements as text, so that tests can compare and read them.
package show

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Value shows a value with everything that it points to.
func Value(v any) string {
	var b strings.Builder
	writeValue(&b, reflect.ValueOf(v), 0)
	return b.String()
}

// Statement shows what a caller sees of a finished statement.
func Statement(tx *gorm.DB) string {
	if tx.Statement == nil {
		return "error: " + Value(tx.Error)
	}
	result := "nil"
	if tx.Statement.Result != nil {
		result = fmt.Sprint(tx.Statement.Result.RowsAffected, tx.Statement.Result.Result != nil, tx.Statement.Result.Error)
	}
	return fmt.Sprintf("affected %d\nerror %s\ndest %s\nmodel %s\nresult %s", tx.RowsAffected, Value(tx.Error),
		Value(tx.Statement.Dest), Value(tx.Statement.Model), result)
}

// All shows what a call returned: a *gorm.DB as its caller sees it, a list part by part, any other value whole.
func All(result any) string {
	switch r := result.(type) {
	case *gorm.DB:
		return Statement(r)
	case []any:
		parts := make([]string, len(r))
		for i := range r {
			parts[i] = All(r[i])
		}
		return strings.Join(parts, "\n")
	}
	return Value(result)
}

// writeValue writes a value with everything that it points to, so that two of them can be compared and read.
func writeValue(b *strings.Builder, v reflect.Value, depth int) {
	if !v.IsValid() || depth > 12 {
		b.WriteString("nil")
		return
	}
	if v.CanInterface() && writeKnown(b, v) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		if v.Kind() == reflect.Pointer {
			b.WriteByte('&')
		}
		writeValue(b, v.Elem(), depth+1)
	case reflect.Struct:
		b.WriteString(v.Type().Name() + "{")
		for i := range v.NumField() {
			b.WriteString(v.Type().Field(i).Name + ":")
			writeValue(b, v.Field(i), depth+1)
			b.WriteByte(' ')
		}
		b.WriteByte('}')
	case reflect.Slice, reflect.Array:
		writeList(b, v, depth)
	case reflect.Map:
		writeMap(b, v, depth)
	case reflect.Func, reflect.Chan:
		b.WriteString(v.Kind().String())
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		fmt.Fprintf(b, "%v", v)
	}
}

func writeKnown(b *strings.Builder, v reflect.Value) bool {
	switch known := v.Interface().(type) {
	case *gorm.DB:
		b.WriteString("db")
	case time.Time:
		b.WriteString(known.UTC().Format(time.RFC3339Nano))
	case []byte:
		if known == nil {
			return false
		}
		fmt.Fprintf(b, "bytes %q", known)
	case error:
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return false
		}
		b.WriteString(known.Error())
	default:
		return false
	}
	return true
}

func writeList(b *strings.Builder, v reflect.Value, depth int) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		b.WriteString("nil")
		return
	}
	b.WriteByte('[')
	for i := range v.Len() {
		writeValue(b, v.Index(i), depth+1)
		b.WriteByte(' ')
	}
	b.WriteByte(']')
}

func writeMap(b *strings.Builder, v reflect.Value, depth int) {
	parts := make([]string, 0, v.Len())
	for _, key := range v.MapKeys() {
		var part strings.Builder
		writeValue(&part, key, depth+1)
		part.WriteByte(':')
		writeValue(&part, v.MapIndex(key), depth+1)
		parts = append(parts, part.String())
	}
	slices.Sort(parts)
	b.WriteString("map[" + strings.Join(parts, " ") + "]")
}
