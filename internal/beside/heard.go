package beside

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/show"
)

// change is what happened to a row: in the log of the triggers or in an event. A text that an event does not know is empty.
type change struct {
	head     string // "update items 3"
	now, old string // the row after and before
}

// String shows a change over several lines.
func (c change) String() string {
	text := c.head
	if c.old != "" {
		text += "\n\t\tfrom " + c.old
	}
	if c.now != "" {
		text += "\n\t\tto   " + c.now
	}
	return text
}

// says reports whether an event agrees with a logged change.
func (c change) says(logged change) bool {
	return c.head == logged.head && (c.now == "" || c.now == logged.now) && (c.old == "" || c.old == logged.old)
}

// heard holds the calls of a world's receivers during a step.
type heard struct {
	pre     int
	sent    []change // post events in the transaction
	kept    []change // post events after the commit
	failed  []string // errors that the ErrorHandler got, except for
	unknown bool     // signals.ErrOutcomeUnknown
}

// handle is the ErrorHandler.
func (h *heard) handle(_ context.Context, err error) {
	if errors.Is(err, signals.ErrOutcomeUnknown) {
		h.unknown = true
		return
	}
	h.failed = append(h.failed, err.Error())
}

// receivers is one set of receivers for the plugin.
type receivers struct {
	name    string
	connect func(w *world, db *gorm.DB)
	sent    bool // post events in the transaction are compared
	kept    bool // post events after the commit are compared
}

func variants() []receivers {
	need := func(n signals.Need) func(w *world, db *gorm.DB) {
		return func(w *world, db *gorm.DB) {
			connectPre(w, db, n)
			connectPost(db, &w.heard.sent, n, signals.Needs(n))
			connectPost(db, &w.heard.kept, n, signals.Needs(n), signals.AfterCommit())
		}
	}
	return []receivers{
		{"original rows", need(signals.Original), true, true},
		{"keys", need(signals.Keys), true, true},
		{"rows", need(signals.Row), true, true},
		{"after commit", func(w *world, db *gorm.DB) {
			connectPost(db, &w.heard.kept, signals.Original, signals.Needs(signals.Original), signals.AfterCommit())
		}, false, true},
		{"post signals of keys", func(w *world, db *gorm.DB) {
			connectPost(db, &w.heard.sent, signals.Keys, signals.Needs(signals.Keys))
		}, true, false},
		{"pre signals", func(w *world, db *gorm.DB) { connectPre(w, db, signals.Original) }, false, false},
		{"fields and net", func(w *world, db *gorm.DB) {
			every := signals.Implementing[any](db)
			hear := func(context.Context, signals.SaveEvent[any]) error { w.heard.pre++; return nil }
			every.PreSave.Connect(hear, signals.Fields("Name"))
			every.PostSave.Connect(hear, signals.Fields("Price"))
			every.PostSave.Connect(hear, signals.AfterCommit(), signals.Net())
			every.PostDelete.Connect(func(context.Context, signals.DeleteEvent[any]) error { return nil }, signals.AfterCommit(), signals.Net())
		}, false, false},
		{"batches", func(w *world, db *gorm.DB) {
			signals.Implementing[any](db).PostSave.ConnectBatch(func(context.Context, []signals.SaveEvent[any]) error { w.heard.pre++; return nil })
		}, false, false},
		{"nobody", func(*world, *gorm.DB) {}, false, false},
	}
}

func connectPre(w *world, db *gorm.DB, n signals.Need) {
	every := signals.Implementing[any](db)
	every.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error {
		w.heard.pre++
		e.Changes()
		return nil
	}, signals.Needs(n))
	every.PreDelete.Connect(func(context.Context, signals.DeleteEvent[any]) error { w.heard.pre++; return nil }, signals.Needs(min(n, signals.Row)))
}

// connectPost connects receivers that append every written row to a list.
func connectPost(db *gorm.DB, into *[]change, n signals.Need, options ...signals.ConnectOption) {
	every := signals.Implementing[any](db)
	every.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[any]) error {
		c := change{head: verbOf(e.Created, "insert") + keyOf(ctx, e.Schema(), e.Instance)}
		if n > signals.Keys {
			c.now = rowText(ctx, e.Schema(), e.Instance)
		}
		if n == signals.Original && !e.Created {
			if original, err := e.Original(); err != nil {
				c.old = err.Error()
			} else {
				c.old = rowText(ctx, e.Schema(), original)
			}
		}
		*into = append(*into, c)
		return nil
	}, options...)
	if n == signals.Original {
		options = options[1:] // deletes take no signals.Original
	}
	every.PostDelete.Connect(func(ctx context.Context, e signals.DeleteEvent[any]) error {
		c := change{head: verbOf(!e.Soft, "delete") + keyOf(ctx, e.Schema(), e.Instance)}
		if n > signals.Keys {
			c.old = rowText(ctx, e.Schema(), e.Instance)
		}
		*into = append(*into, c)
		return nil
	}, options...)
	if n != signals.Original {
		options = options[1:] // links take no Needs
	}
	every.M2MChanged.Connect(func(ctx context.Context, e signals.M2MEvent[any]) error {
		if e.Action.Pre() {
			return nil
		}
		owner := e.Schema().PrioritizedPrimaryField.ReflectValueOf(ctx, reflect.ValueOf(e.Instance)).Interface()
		for _, key := range e.PKs {
			*into = append(*into, change{head: fmt.Sprintf("%sowner_tags %v/%v", verbOf(e.Action == signals.PostAdd, "insert"), owner, key)})
			if e.Action != signals.PostAdd {
				last := &(*into)[len(*into)-1]
				last.head = strings.Replace(last.head, "update ", "delete ", 1)
			}
		}
		return nil
	}, options...)
}

func verbOf(special bool, verb string) string {
	if special {
		return verb + " "
	}
	return "update "
}

// keyOf shows the table and the key of a row.
func keyOf(ctx context.Context, s *schema.Schema, row any) string {
	keys := make([]string, len(s.PrimaryFields))
	for i, f := range s.PrimaryFields {
		value, _ := f.ValueOf(ctx, reflect.ValueOf(row))
		keys[i] = fmt.Sprint(value)
	}
	return s.Table + " " + strings.Join(keys, "/")
}

// rowText shows the columns of a row.
func rowText(ctx context.Context, s *schema.Schema, row any) string {
	parts := make([]string, len(s.DBNames))
	for i, name := range s.DBNames {
		value := s.FieldsByDBName[name].ReflectValueOf(ctx, reflect.ValueOf(row))
		parts[i] = name + "=" + show.Value(value.Interface())
	}
	return strings.Join(parts, " ")
}

// changes reads the log of the triggers.
func (w *world) changes() ([]change, error) {
	var all []change
	for _, table := range w.logged() {
		if table == "audits" {
			continue
		}
		verbs, rows, err := w.read(table)
		if err != nil {
			return nil, err
		}
		list := addressable(rows)
		if list.Len() != len(verbs) {
			return nil, fmt.Errorf("%s: %d verbs of %d rows", table, len(verbs), list.Len())
		}
		texts, keys := make([]string, len(verbs)), make([]string, len(verbs))
		for i := range verbs {
			if keys[i], texts[i], err = w.describe(list.Index(i).Addr().Interface()); err != nil {
				return nil, err
			}
		}
		for i, verb := range verbs {
			switch verb {
			case "insert":
				all = append(all, change{"insert " + keys[i], texts[i], ""})
			case "delete":
				all = append(all, change{"delete " + keys[i], "", texts[i]})
			case "new": // its old row is the line before
				all = append(all, change{"update " + keys[i], texts[i], texts[i-1]})
			}
		}
	}
	return all, nil
}

// describe shows the key and the columns of a row.
func (w *world) describe(row any) (key, text string, err error) {
	if link, ok := row.(*struct{ OwnerID, TagID uint }); ok {
		return fmt.Sprintf("owner_tags %d/%d", link.OwnerID, link.TagID), "", nil
	}
	stmt := &gorm.Statement{DB: w.side}
	if err := stmt.Parse(row); err != nil {
		return "", "", err
	}
	return keyOf(context.Background(), stmt.Schema, row), rowText(context.Background(), stmt.Schema, row), nil
}

// stored reads the rows of all models, in the form of updates.
func (w *world) stored() (map[string]string, error) {
	all := map[string]string{}
	for table, k := range w.kinds {
		rows, err := k.rows(w.side.Table(table))
		if err != nil {
			return nil, err
		}
		list := addressable(rows)
		for i := range list.Len() {
			key, text, err := w.describe(list.Index(i).Addr().Interface())
			if err != nil {
				return nil, err
			}
			all["update "+key] = text
		}
	}
	return all, nil
}

// addressable returns a list whose elements have addresses.
func addressable(rows any) reflect.Value {
	list := reflect.New(reflect.TypeOf(rows))
	list.Elem().Set(reflect.ValueOf(rows))
	return list.Elem()
}
