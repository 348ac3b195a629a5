package rows

import (
	"context"
	"math"
	"reflect"
	"time"

	"gorm.io/gorm/schema"
)

// Same reports whether two rows hold the same Go value in a field. It finds what receivers change. Written values cannot show that: a type may write
// one value differently each time.
func Same(ctx context.Context, f *schema.Field, a, b reflect.Value) bool {
	if x, y := absent(f, a), absent(f, b); x || y {
		return x == y
	}
	return alike(f.ReflectValueOf(ctx, a), f.ReflectValueOf(ctx, b), 0)
}

// deepest is how deep alike follows values. It leaves deeper values to [reflect.DeepEqual], which handles cycles.
const deepest = 64

// alike is [reflect.DeepEqual] except for NaN, which equals NaN, and for times, which are alike if they are the same instant at the same offset.
func alike(a, b reflect.Value, depth int) bool {
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		return a.IsValid() == b.IsValid() && !a.IsValid()
	}
	switch a.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return a.Uint() == b.Uint()
	case reflect.Float32, reflect.Float64:
		return a.Float() == b.Float() || (math.IsNaN(a.Float()) && math.IsNaN(b.Float()))
	case reflect.Complex64, reflect.Complex128:
		return a.Complex() == b.Complex()
	case reflect.String:
		return a.String() == b.String()
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return a.Pointer() == b.Pointer()
	default:
	}
	if depth > deepest {
		return a.CanInterface() && b.CanInterface() && reflect.DeepEqual(a.Interface(), b.Interface())
	}
	return alikeParts(a, b, depth+1)
}

// alikeParts compares values that contain others.
func alikeParts(a, b reflect.Value, depth int) bool {
	switch a.Kind() {
	case reflect.Pointer:
		return a.Pointer() == b.Pointer() || (!a.IsNil() && !b.IsNil() && alike(a.Elem(), b.Elem(), depth))
	case reflect.Interface:
		return alike(a.Elem(), b.Elem(), depth)
	case reflect.Struct:
		if a.Type() == timeType && a.CanInterface() && b.CanInterface() {
			return sameMoment(timeIn(a), timeIn(b))
		}
		for i := range a.NumField() {
			if !alike(a.Field(i), b.Field(i), depth) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for key, value := range a.Seq2() {
			if other := b.MapIndex(key); !other.IsValid() || !alike(value, other, depth) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
	default: // arrays
	}
	for i := range a.Len() {
		if !alike(a.Index(i), b.Index(i), depth) {
			return false
		}
	}
	return true
}

// timeIn returns the time in a value, without an allocation if possible.
func timeIn(v reflect.Value) time.Time {
	if v.CanAddr() {
		at, _ := reflect.TypeAssert[*time.Time](v.Addr())
		return *at
	}
	at, _ := reflect.TypeAssert[time.Time](v)
	return at
}

func sameMoment(a, b time.Time) bool {
	_, x := a.Zone()
	_, y := b.Zone()
	return a.Equal(b) && x == y
}
