package beside

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// other is what somebody else's callback does to a statement.
type other struct {
	name    string
	do      func(tx *gorm.DB)
	fails   bool // lets calls fail, also between several statements
	changes bool // changes the caller's struct or omits columns, so instances of a create may differ from the stored rows
}

var errOther = errors.New("another callback refuses")

func tenantOne() clause.Where {
	return clause.Where{Exprs: []clause.Expression{clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: "tenant"}, Value: 1}}}
}

// others are callbacks of other people, beside which the plugin must change nothing.
func others() []other {
	return []other{
		{name: "counts its calls", do: func(*gorm.DB) {}},
		{name: "adds a condition with AddClause", do: func(tx *gorm.DB) { tx.Statement.AddClause(tenantOne()) }},
		{name: "adds a condition with Where", do: func(tx *gorm.DB) { tx.Where("tenant = ?", 1) }},
		{name: "adds a condition with Or inside", do: func(tx *gorm.DB) { tx.Where("tenant = ? OR price < ?", 1, 15) }},
		{name: "sets a column", do: func(tx *gorm.DB) { tx.Statement.SetColumn("By", "other") }, changes: true},
		{name: "sets a column, from callbacks", do: func(tx *gorm.DB) { tx.Statement.SetColumn("By", "other", true) }, changes: true, fails: true},
		{name: "changes Dest", do: changeDest, changes: true},
		{name: "replaces Dest by a map", do: replaceDest, changes: true},
		{name: "omits a column", do: func(tx *gorm.DB) { tx.Statement.Omits = append(tx.Statement.Omits, "price") }, changes: true},
		{name: "reads in a session of its own", do: func(tx *gorm.DB) {
			var n int64
			_ = tx.AddError(tx.Session(&gorm.Session{NewDB: true}).Model(&Audit{}).Count(&n).Error)
		}},
		{name: "writes in a session of its own", do: func(tx *gorm.DB) {
			_ = tx.AddError(tx.Session(&gorm.Session{NewDB: true}).Create(&Audit{Line: tx.Statement.Table}).Error)
		}},
		{name: "writes without hooks", do: func(tx *gorm.DB) {
			_ = tx.AddError(tx.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Create(&Audit{Line: "x " + tx.Statement.Table}).Error)
		}},
		{name: "asks for Returning", do: func(tx *gorm.DB) { tx.Statement.AddClause(clause.Returning{}) }},
		{name: "ignores conflicts", do: ignoreConflicts, changes: true},
		{name: "changes the context", do: func(tx *gorm.DB) {
			tx.Statement.Context = context.WithValue(tx.Statement.Context, otherKey{}, "other")
		}},
		{name: "refuses", do: func(tx *gorm.DB) { _ = tx.AddError(errOther) }, fails: true},
		{name: "keeps a value in the statement", do: func(tx *gorm.DB) { tx.InstanceSet("other", true); tx.Set("other", true) }},
	}
}

type otherKey struct{}

// changeDest adds a key to a map, or sets a field of a struct.
func changeDest(tx *gorm.DB) {
	if m, ok := tx.Statement.Dest.(map[string]any); ok {
		m["by"] = "dest"
		return
	}
	v := reflect.ValueOf(tx.Statement.Dest)
	if v.Kind() == reflect.Struct { // fields of a struct value cannot be set
		copied := reflect.New(v.Type())
		copied.Elem().Set(v)
		v, tx.Statement.Dest = copied, copied.Interface()
	}
	if v = reflect.Indirect(v); v.Kind() == reflect.Struct && v.CanSet() {
		if f := v.FieldByName("By"); f.IsValid() {
			f.SetString("dest")
		}
	}
}

// replaceDest replaces the map that an update assigns by another one.
func replaceDest(tx *gorm.DB) {
	if m, ok := tx.Statement.Dest.(map[string]any); ok {
		copied := map[string]any{"by": "replaced"}
		maps.Copy(copied, m)
		tx.Statement.Dest = copied
	}
}

// ignoreConflicts makes the database skip rows with a duplicate value. PostgreSQL has no such keyword.
func ignoreConflicts(tx *gorm.DB) {
	word := map[string]string{"sqlite": "OR IGNORE", "mysql": "IGNORE"}[tx.Name()]
	if word != "" {
		tx.Statement.AddClause(clause.Update{Modifier: word})
		tx.Statement.AddClause(clause.Insert{Modifier: word})
	}
}

// place is where an other runs. "%s" is replaced by create, update and delete.
type place struct {
	name          string
	before, after string // bounds of its callback
	around        string // the callback of GORM that it replaces, and calls
	hook          string // the hook of the models that it runs in
}

func places() []place {
	named := func(before, after string) place {
		var parts []string
		if after != "" {
			parts = append(parts, "after "+after)
		}
		if before != "" {
			parts = append(parts, "before "+before)
		}
		return place{name: strings.Join(parts, ", "), before: before, after: after}
	}
	return []place{
		named("gorm:%s", ""),
		named("gorm:before_%s", ""),
		named("gorm:%s", "gorm:before_%s"),
		named("gorm:begin_transaction", ""),
		named("*", ""),
		named("", "gorm:before_%s"),
		{name: "around gorm:%s", around: "gorm:%s"},
		{name: "in BeforeSave", hook: "BeforeSave"},
		{name: "in BeforeCreate, BeforeUpdate, BeforeDelete", hook: "BeforeWrite"},
		named("gorm:after_%s", ""),
		named("gorm:after_%s", "gorm:%s"),
		named("", "gorm:%s"),
		named("gorm:commit_or_rollback_transaction", "gorm:after_%s"),
		named("", "*"),
		{name: "in AfterCreate, AfterUpdate, AfterDelete", hook: "AfterWrite"},
		{name: "in AfterSave", hook: "AfterSave"},
	}
}

// operations are GORM's processors of writes.
func operations() []string { return []string{"create", "update", "delete"} }

// register registers an other at a place, under a unique name.
func (w *world) register(db *gorm.DB, o other, p place, n int) error {
	if p.hook != "" {
		w.inHooks = append(w.inHooks, placed{o, p})
		return nil
	}
	for _, op := range operations() {
		at := func(name string) string {
			if strings.Contains(name, "%s") {
				return fmt.Sprintf(name, op)
			}
			return name
		}
		processor := db.Callback().Create()
		switch op {
		case "update":
			processor = db.Callback().Update()
		case "delete":
			processor = db.Callback().Delete()
		}
		call := func(tx *gorm.DB) { w.act(tx, o, op+" "+p.name) }
		name := fmt.Sprintf("other:%d", n)
		var err error
		switch {
		case p.around != "":
			own := processor.Get(at(p.around))
			err = processor.Replace(at(p.around), func(tx *gorm.DB) { call(tx); own(tx) })
		case p.before == "":
			err = processor.After(at(p.after)).Register(name, call)
		case p.after == "":
			err = processor.Before(at(p.before)).Register(name, call)
		default:
			err = processor.After(at(p.after)).Before(at(p.before)).Register(name, call)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type placed struct {
	other other
	place place
}

// hook runs the others that are placed in a hook of a model.
func (w *world) hook(tx *gorm.DB, hook string) {
	w.note(tx, hook)
	for _, p := range w.inHooks {
		if p.place.hook == hook {
			w.act(tx, p.other, hook)
		}
	}
}

// act notes the call of an other, and applies it to rows of the suite.
func (w *world) act(tx *gorm.DB, o other, where string) {
	s := tx.Statement.Schema
	if s == nil || s.LookUpField("By") == nil {
		return
	}
	w.note(tx, where)
	o.do(tx)
}

// note notes a call, with the parts of the statement that the caller can see.
func (w *world) note(tx *gorm.DB, where string) {
	table, hooks := tx.Statement.Table, tx.Statement.SkipHooks
	w.calls = append(w.calls, fmt.Sprintf("%s of %s: affected %d, error %v, skips hooks %t", where, table, tx.RowsAffected, tx.Error, hooks))
}
