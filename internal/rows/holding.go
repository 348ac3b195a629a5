package rows

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"

	"gorm.io/gorm/schema"
)

// Holding returns a row whose field holds a value. It fails if the field cannot hold exactly this value.
func (m *Model) Holding(ctx context.Context, f *schema.Field, value any) (row reflect.Value, err error) {
	row = reflect.New(m.Schema.ModelType).Elem()
	if err = f.Set(ctx, row, value); err != nil {
		return row, err
	}
	given, held := plain(value), written(ctx, f, row)
	switch kind := f.IndirectFieldType.Kind(); {
	case (given == nil) != (held == nil) && f.Serializer == nil:
		return row, errors.New("it cannot be NULL")
	case kind >= reflect.Int && kind <= reflect.Uint64:
		if x, y := decimalOf(given), decimalOf(held); x != nil && y != nil && x.Cmp(y) != 0 {
			return row, fmt.Errorf("it would hold %v", held)
		}
	case kind == reflect.Float32 || kind == reflect.Float64:
		if x := reflect.ValueOf(held); x.CanFloat() && math.IsInf(x.Float(), 0) && decimalOf(given) != nil {
			return row, errors.New("the number is too large")
		}
	}
	return row, nil
}
