package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// KeptEvent is an event in a form that outlives the process.
type KeptEvent struct {
	Key   []any  // primary key of the row
	Table string // table of the row
	Data  []byte
}

// kept is the data of a KeptEvent.
type kept struct {
	keptMarks

	Row      rows.Encoded `json:"row"`
	Original rows.Encoded `json:"original,omitempty"`
	Links    *keptLinks   `json:"links,omitempty"`
	Table    string       `json:"table,omitempty"` // "" means the model's table
	Fields   []string     `json:"fields"`          // fields that an update names
	Inserts  []string     `json:"inserts"`         // fields that an insert names
	Written  []string     `json:"written"`         // columns that an upsert updates
}

// keptMarks are the flags of a kept event.
type keptMarks struct {
	Created  bool `json:"created,omitempty"`
	Deleted  bool `json:"deleted,omitempty"`
	Soft     bool `json:"soft,omitempty"`
	Hidden   bool `json:"hidden,omitempty"`   // an update has marked the row as deleted
	Restored bool `json:"restored,omitempty"` // the receiver may not get the original, which would tell that
	Cascade  bool `json:"cascade,omitempty"`
	Raw      bool `json:"raw,omitempty"`
	Copied   bool `json:"copied,omitempty"`
}

// KeepRow returns the event of a row in a form that outlives the process. least is the need of the receiver.
func KeepRow(r *change.Row, f *dispatch.Frame, least dispatch.Need) (KeptEvent, error) {
	s := r.Facts
	k := kept{Fields: s.Named(), Inserts: s.Inserts, keptMarks: marksOf(r, f)}
	if s.Table != s.Model.Schema.Table {
		k.Table = s.Table
	}
	var err error
	if k.Links, err = keepLinks(f, f.Plan.Reg, s.Model.Schema, r.Linked); err != nil {
		return KeptEvent{}, err
	}
	if k.Row, err = s.Model.Encode(f, reflect.ValueOf(r.Snapshot(f)).Elem()); err != nil {
		return KeptEvent{}, err
	}
	if err = keepNow(f, r, k.Row); err != nil {
		return KeptEvent{}, err
	}
	if r.Known() && least >= dispatch.Original {
		if k.Original, err = s.Model.Encode(f, reflect.ValueOf(r.Original).Elem()); err != nil {
			return KeptEvent{}, err
		}
	}
	if s.Written != nil {
		k.Written = []string{}
		for _, f := range s.Model.Columns {
			if s.Written[f] {
				k.Written = append(k.Written, f.DBName)
			}
		}
	}
	key, _ := s.Model.KeyOf(f, r.Value())
	data, err := json.Marshal(k)
	return KeptEvent{Key: key, Table: s.Table, Data: data}, err
}

// marksOf returns the flags of the event of a row.
func marksOf(r *change.Row, f *dispatch.Frame) keptMarks {
	s := r.Facts
	m := keptMarks{
		Created: r.Created, Deleted: s.Result == change.Deleted, Soft: s.Soft, Cascade: s.Cascade, Raw: f.Raw,
		Copied: s.Strategy == change.Strategy(change.NamedFields{}),
	}
	if r.Linked == nil && !m.Deleted {
		result := r.Result(f)
		m.Hidden, m.Restored = result == change.SoftDeleted, result == change.Restored
	}
	return m
}

// keepNow puts the stored values into row for fields of which only the database knows whether they have changed.
func keepNow(ctx context.Context, r *change.Row, row rows.Encoded) error {
	if r.Now == nil {
		return nil
	}
	now, err := r.Facts.Model.Encode(ctx, reflect.ValueOf(r.Now).Elem())
	if err != nil {
		return err
	}
	sure := *r
	sure.Now = nil
	for _, f := range sure.Unsure(ctx) {
		row[f.DBName] = now[f.DBName]
	}
	return nil
}

// knownFields returns today's names of fields. The names of a kept event may come from an older version.
func knownFields(model *rows.Model, names []string) []string {
	if names == nil {
		return nil
	}
	known := make([]string, 0, len(names))
	for _, name := range names {
		known = append(known, model.Names(model.Fields(name))...)
	}
	return known
}

// facts returns the facts of the write that the event was kept for.
func (k *kept) facts(reg *dispatch.Registry, of *schema.Schema) *change.Facts {
	model := reg.Rows.Of(of)
	s := &change.Facts{
		Model: model, DB: reg.DB, Table: cmp.Or(k.Table, of.Table), Strategy: change.WholeRow{},
		Fields: knownFields(model, k.Fields), Inserts: knownFields(model, k.Inserts),
		Soft: k.Soft, Cascade: k.Cascade, Seen: change.Seen{Loaded: k.Original != nil, Stored: true},
	}
	switch {
	case k.Deleted:
		s.Result = change.Deleted
	case k.Hidden:
		s.Result = change.SoftDeleted
	case k.Restored:
		s.Result = change.Restored
	}
	if k.Copied {
		s.Strategy = change.NamedFields{}
	}
	if k.Written != nil {
		s.Strategy, s.Written = change.Upserted{}, map[*schema.Field]bool{}
		for _, column := range k.Written {
			s.Written[of.FieldsByDBName[column]] = true
		}
	}
	return s
}

// Deliver calls a receiver with a kept event, in the transaction of tx. If tx is nil, the call is outside any transaction.
func Deliver(ctx context.Context, tx *gorm.DB, reg *dispatch.Registry, s *dispatch.Signal, e *dispatch.Entry, data []byte) (err error) {
	ctx = dispatch.Afresh(ctx)
	var k kept
	if err = json.Unmarshal(data, &k); err != nil {
		return fmt.Errorf("signals: what was kept for %s cannot be read: %w", e.UID, err)
	}
	r := change.Row{Facts: k.facts(reg, s.Scope.Schema), Created: k.Created}
	if r.Linked, err = k.Links.linked(ctx, reg, s.Scope.Schema); err != nil {
		return err
	}
	if r.Instance, err = r.Facts.Model.Decode(ctx, k.Row); err != nil {
		return err
	}
	if r.Facts.Loaded {
		if r.Original, err = r.Facts.Model.Decode(ctx, k.Original); err != nil {
			return err
		}
	}
	f, db := &dispatch.Frame{}, tx
	if tx == nil {
		f.Ended, db = &dispatch.Ended{}, reg.DB
	}
	f.Open(ctx, db.WithContext(ctx), s.Kind, reg.Silent(s.Scope.Schema, s.Scope.Name))
	f.Raw = k.Raw
	var failed error
	d := delivery{reg: reg, handle: func(_ context.Context, err error) { failed = err }}
	d.send(e, f, []change.Row{r})
	return failed
}
