package signals

import (
	"reflect"

	"gorm.io/gorm/schema"
)

// row is one row of a write.
type row struct {
	facts    *facts
	instance any // pointer to a struct of the model
	original any // pointer to the stored row; nil when there is none or it was not read
	now      any // pointer to the row as it is stored after the write; nil unless only the database knows what changed
	created  bool
	silent   bool            // the row is not written, so nothing is sent for it
	linked   *linked         // of m2m_changed: what happens to the links of the row
	unread   []*schema.Field // what the fields of the original cannot hold, so that they are zero
}

// linked is what a row of m2m_changed has beside its instance.
type linked struct {
	relation string
	action   int // an M2MAction
	reverse  bool
	keys     []any
}

func (r *row) value() reflect.Value { return reflect.ValueOf(r.instance).Elem() }

// stored returns what a row was before the write, or else what it is: GORM may have written the key of another row into it.
func (r *row) stored() reflect.Value {
	if r.original != nil {
		return reflect.ValueOf(r.original).Elem()
	}
	return r.value()
}
