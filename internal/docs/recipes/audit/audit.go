// Package audit keeps a log of who has changed which column of which row.
package audit

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Line says what a write has made of one column of one row.
type Line struct {
	ID       uint
	At       time.Time `gorm:"autoCreateTime"`
	Actor    string    // from signals.WithActor; empty if nobody was named
	Table    string    `gorm:"column:table_name;index:row"`
	Key      string    `gorm:"column:row_key;index:row"`
	Kind     string    // created, updated, deleted, soft_deleted or restored
	Column   string    `gorm:"column:column_name"`
	Old, New string
}

// TableName names the table of the log.
func (Line) TableName() string { return "audit_lines" }

// Connect logs the changes of all models. The log does not show the values of a field with the tag `audit:"hidden"`.
func Connect(db *gorm.DB) {
	signals.Implementing[any](db).PostChange.ConnectBatch(write, signals.UID("audit"), signals.Atomic())
}

// write writes the lines of a statement in its transaction: they are stored if and only if the change is.
func write(ctx context.Context, events []signals.ChangeEvent[any]) error {
	actor, err := signals.ActorText(ctx)
	if err != nil {
		return err
	}
	var lines []Line
	for _, e := range events {
		for _, c := range e.Changes() {
			line := Line{Actor: actor, Table: e.Table(), Key: key(e.Key()), Kind: e.Kind.String(), Column: c.Column, Old: text(c.Old), New: text(c.New)}
			if e.Schema().FieldsByDBName[c.Column].Tag.Get("audit") == "hidden" {
				line.Old, line.New = "hidden", "hidden"
			}
			lines = append(lines, line)
		}
	}
	tx := events[0].DB().WithContext(signals.Mute(ctx, "audit")) // or each line would get lines of its own
	return tx.CreateInBatches(lines, 500).Error
}

// key returns the text of a primary key, with commas between the columns of a composite one.
func key(k any) string {
	columns, composite := k.([]any)
	if !composite {
		return text(k)
	}
	texts := make([]string, len(columns))
	for i, column := range columns {
		texts[i] = text(column)
	}
	return strings.Join(texts, ",")
}

// text returns a value as people read it: a pointer's value, the value that a [driver.Valuer] gives the database, and JSON of a struct, map or slice.
func text(v any) string {
	if r := reflect.ValueOf(v); !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil() {
		return "NULL"
	}
	switch x := v.(type) {
	case time.Time:
		return x.Format(time.RFC3339)
	case driver.Valuer:
		stored, err := x.Value()
		if err != nil {
			return err.Error()
		}
		return text(stored)
	}
	switch r := reflect.ValueOf(v); {
	case r.Kind() == reflect.Pointer:
		return text(r.Elem().Interface())
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		if utf8.Valid(r.Bytes()) {
			return string(r.Bytes())
		}
		return fmt.Sprintf("%d bytes", r.Len())
	case r.Kind() == reflect.Struct, r.Kind() == reflect.Map, r.Kind() == reflect.Slice, r.Kind() == reflect.Array:
		if encoded, err := json.Marshal(v); err == nil {
			return string(encoded)
		}
	}
	return fmt.Sprint(v)
}
