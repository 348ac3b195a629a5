package fuzzwrites_test

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// fuzzEvent is an event as text: its signal and row, and the change.
type fuzzEvent struct {
	head, fields, tail string
	loose              bool // the model does not know the tail
	unnamed            bool // the model does not know the fields
}

// fuzzRecorder holds what receivers of a script do: they note each event, refuse one, change rows, and write.
type fuzzRecorder struct {
	script *fuzzScript
	tables []*fuzzTable
	events []fuzzEvent
	sent   int
	heard  bool // the receiver with Fields was called
}

func (rec *fuzzRecorder) add(e fuzzEvent) error {
	rec.events = append(rec.events, e)
	if rec.sent++; rec.sent == rec.script.Veto {
		return errFuzzVeto
	}
	return nil
}

// take returns the events so far and forgets them.
func (rec *fuzzRecorder) take() []fuzzEvent {
	events := rec.events
	rec.events = nil
	return events
}

// apply returns a row after the rule of the script.
func (r *fuzzRule) apply(t *fuzzTable, tables []*fuzzTable, row fuzzRow) fuzzRow {
	if r.On && tables[r.Table].name == t.name && row[r.If] == r.Is {
		row[r.Set] = r.To
	}
	return row
}

// nests reports whether a receiver of this signal of the table writes owners.
func (r *fuzzRule) nests(signal string, t *fuzzTable, tables []*fuzzTable) bool {
	return r.Nest > 0 && r.Table != fuzzOwners && tables[r.Table].name == t.name && fuzzSignals[r.Nest] == signal
}

var fuzzSignals = [5]string{"", "pre_save", "post_save", "pre_delete", "post_delete"}

// after does what a receiver does after it has noted the event.
func (rec *fuzzRecorder) after(signal string, t *fuzzTable, db *gorm.DB) error {
	if !rec.script.Rule.nests(signal, t, rec.tables) {
		return nil
	}
	return db.Model(&fuzzOwner{}).Where("id < ?", fuzzNestedKeys).Update("name", fuzzText(rec.script.Rule.To)).Error
}

// fuzzNestedKeys is the first key of owners that receivers do not write.
const fuzzNestedKeys = 4

func (fuzzKitOf[T, P]) connect(db *gorm.DB, rec *fuzzRecorder, t *fuzzTable) {
	s := signals.For[T](db)
	for name, signal := range map[string]*signals.Signal[signals.SaveEvent[*T]]{
		"pre_save": s.PreSave, "post_save": s.PostSave,
	} {
		signal.Connect(func(_ context.Context, e signals.SaveEvent[*T]) error {
			event, err := savedFuzz[T, P](name, rec, t, e)
			if err == nil {
				err = rec.add(event)
			}
			if err == nil {
				err = rec.after(name, t, e.DB())
			}
			if row := P(e.Instance).row(); err == nil && name == "pre_save" && rec.script.Rule.apply(t, rec.tables, row) != row {
				P(e.Instance).fill(rec.script.Rule.apply(t, rec.tables, row))
			}
			return err
		})
		if rec.script.hasFields() {
			signal.Connect(func(context.Context, signals.SaveEvent[*T]) error {
				rec.heard = true
				return nil
			}, signals.Fields(t.fields[t.keys]), signals.Priority(1))
		}
	}
	for name, signal := range map[string]*signals.Signal[signals.DeleteEvent[*T]]{
		"pre_delete": s.PreDelete, "post_delete": s.PostDelete,
	} {
		signal.Connect(func(_ context.Context, e signals.DeleteEvent[*T]) error {
			row := P(e.Instance).row()
			stored, err := t.stored(e.DB(), row)
			if err == nil {
				err = rec.add(fuzzEvent{head: fmt.Sprintf("%s %s soft=%t %v stored %s", name, t.name, e.Soft, row, stored)})
			}
			if err == nil {
				err = rec.after(name, t, e.DB())
			}
			return err
		})
	}
	if rec.script.hasBatches() {
		connectFuzzBatches(s, rec, t)
	}
}

// connectFuzzBatches notes how many events come together.
func connectFuzzBatches[T any](s *signals.ModelSignals[*T], rec *fuzzRecorder, t *fuzzTable) {
	s.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*T]) error {
		rec.events = append(rec.events, fuzzBatch("post_save", t, len(events)))
		return nil
	})
	s.PreDelete.ConnectBatch(func(_ context.Context, events []signals.DeleteEvent[*T]) error {
		rec.events = append(rec.events, fuzzBatch("pre_delete", t, len(events)))
		return nil
	})
}

func fuzzBatch(signal string, t *fuzzTable, n int) fuzzEvent {
	return fuzzEvent{head: fmt.Sprintf("%s %s %d together", signal, t.name, n)}
}

func savedFuzz[T any, P fuzzStruct[T]](
	signal string, rec *fuzzRecorder, t *fuzzTable, e signals.SaveEvent[*T],
) (fuzzEvent, error) {
	row := P(e.Instance).row()
	stored, err := t.stored(e.DB(), row)
	event := fuzzEvent{head: fmt.Sprintf("%s %s created=%t %v stored %s", signal, t.name, e.Created, row, stored)}
	var tail strings.Builder
	switch old, unknown := e.Original(); {
	case unknown != nil:
		tail.WriteString(" old=unknown")
	case old != nil:
		fmt.Fprint(&tail, " old=", P(old).row())
	}
	if e.Restored() {
		tail.WriteString(" restored")
	}
	changes := e.Changes()
	for _, c := range changes {
		old := ""
		if c.Old != nil {
			old = fmt.Sprint(fuzzCell(c.Old))
		}
		fmt.Fprintf(&tail, " %s:%s>%d", c.Field, old, fuzzCell(c.New))
		if !e.Changed(c.Field) || !e.Changed(c.Column) {
			tail.WriteString(" Changed says no")
		}
	}
	if e.Changed() != (e.Created || len(changes) > 0) {
		fmt.Fprintf(&tail, " Changed says %t", e.Changed())
	}
	if rec.heard {
		tail.WriteString(" heard")
	}
	rec.heard = false
	if fields := e.UpdateFields(); fields != nil {
		event.fields = fmt.Sprint(" fields ", fields)
	}
	event.tail = tail.String()
	return event, err
}

// stored reads the row with the key of another one, as text.
func (t *fuzzTable) stored(db *gorm.DB, row fuzzRow) (string, error) {
	where, values := "", []any{}
	for c := range t.keys {
		where += " AND " + t.columns[c] + " = ?"
		values = append(values, row[c])
	}
	found, err := db.Raw("SELECT "+strings.Join(t.columns, ",")+", 0 FROM "+t.name+" WHERE 1"+where, values...).Rows()
	if err != nil {
		return "", err
	}
	defer func() { _ = found.Close() }()
	text := "nowhere"
	for found.Next() {
		var r fuzzRow
		if err := t.scan(found, &r); err != nil {
			return "", err
		}
		text = fmt.Sprint(r)
	}
	return text, found.Err()
}

// fuzzCell returns the number for a field's value.
func fuzzCell(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case uint:
		return int(v)
	case string:
		return fuzzNumber(v)
	case gorm.DeletedAt:
		return fuzzMark(v)
	}
	return -1
}
