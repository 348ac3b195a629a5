package parity_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/show"
)

// parityHeard holds the events of one world in a step.
type parityHeard struct {
	pre, post []string // "update parity_items 3", from receivers of all models
	byModel   []string // the same events, from receivers of single models
	both      []string // pre and post in order
	loads     int
	whole     bool     // instances must equal the stored rows
	lies      []string // instances and originals that differ from the stored rows
}

// connectParity connects to every signal of every model: through each model, and through all at once.
func connectParity(w *parityWorld, need signals.Need) {
	connectModel[parityItem](w, need)
	connectModel[parityPage](w, need)
	connectModel[paritySeat](w, need)
	connectModel[parityShop](w, need)
	connectModel[parityWord](w, need)
	connectModel[parityLine](w, need)
	connectModel[parityPref](w, need)
	connectModel[parityOdd](w, need)
	connectModel[parityOrder](w, need)
	connectModel[parityGem](w, need)
	connectModel[parityCry](w, need)
	connectModel[parityCompany](w, need)
	connectModel[parityUser](w, need)
	connectModel[parityCard](w, need)
	connectModel[parityPost](w, need)
	connectModel[parityTag](w, need)
	connectModel[parityClub](w, need)
	connectModel[parityMember](w, need)
	connectModel[parityToy](w, need)
	connectModel[parityHooked](w, need)
	connectModel[parityGhost](w, need)
	every := signals.Implementing[any](w.db)
	every.PreSave.Connect(func(ctx context.Context, e signals.SaveEvent[any]) error {
		w.hear(ctx, &w.heard.pre, e.Created, "insert", e.Schema(), e.Instance)
		if need == signals.Original {
			w.checkOriginal(ctx, e)
		}
		return nil
	}, signals.Needs(need))
	every.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[any]) error {
		w.hear(ctx, &w.heard.post, e.Created, "insert", e.Schema(), e.Instance)
		if need == signals.Original {
			w.checkStored(ctx, "post_save", e.DB(), e.Schema(), e.Instance)
		}
		return nil
	}, signals.Needs(need))
	deleteNeed := min(need, signals.Row)
	every.PreDelete.Connect(func(ctx context.Context, e signals.DeleteEvent[any]) error {
		w.hear(ctx, &w.heard.pre, !e.Soft, "delete", e.Schema(), e.Instance)
		if need == signals.Original {
			w.checkStored(ctx, "pre_delete", e.DB(), e.Schema(), e.Instance)
		}
		return nil
	}, signals.Needs(deleteNeed))
	every.PostDelete.Connect(func(ctx context.Context, e signals.DeleteEvent[any]) error {
		w.hear(ctx, &w.heard.post, !e.Soft, "delete", e.Schema(), e.Instance)
		return nil
	}, signals.Needs(deleteNeed))
	every.PostLoad.Connect(func(context.Context, signals.LoadEvent[any]) error {
		w.heard.loads++
		return nil
	})
}

func connectModel[M any](w *parityWorld, need signals.Need) {
	s := signals.For[M](w.db)
	save := func(ctx context.Context, e signals.SaveEvent[*M]) error {
		w.hear(ctx, &w.heard.byModel, e.Created, "insert", e.Schema(), e.Instance)
		return nil
	}
	remove := func(ctx context.Context, e signals.DeleteEvent[*M]) error {
		w.hear(ctx, &w.heard.byModel, !e.Soft, "delete", e.Schema(), e.Instance)
		return nil
	}
	s.PreSave.Connect(save, signals.Needs(need))
	s.PostSave.Connect(save, signals.Needs(need))
	s.PreDelete.Connect(remove, signals.Needs(min(need, signals.Row)))
	s.PostDelete.Connect(remove, signals.Needs(min(need, signals.Row)))
	s.PostLoad.Connect(func(context.Context, signals.LoadEvent[*M]) error { return nil })
}

// hear notes an event in the form of the triggers: a soft delete is an update.
func (w *parityWorld) hear(ctx context.Context, into *[]string, special bool, verb string, s *schema.Schema, instance any) {
	if !special {
		verb = "update"
	}
	line := fmt.Sprintf("%s %s %s", verb, s.Table, parityKey(ctx, s, instance))
	*into = append(*into, line)
	if into != &w.heard.byModel {
		w.heard.both = append(w.heard.both, line)
	}
}

// parityKey formats the key of a row as the triggers do.
func parityKey(ctx context.Context, s *schema.Schema, instance any) string {
	var parts []string
	for _, column := range keyColumns(s) {
		value, _ := s.LookUpField(column).ValueOf(ctx, reflect.ValueOf(instance))
		if id, ok := value.(parityID); ok {
			value = fmt.Sprintf("%x", id[:])
		}
		parts = append(parts, fmt.Sprint(value))
	}
	return strings.Join(parts, "/")
}

// stored formats the stored row with the key of an instance.
func (w *parityWorld) stored(ctx context.Context, db *gorm.DB, s *schema.Schema, instance any) string {
	row := reflect.New(s.ModelType).Interface()
	tx := db.Session(&gorm.Session{NewDB: true, SkipHooks: true, Context: signals.Mute(ctx)}).Unscoped()
	for _, f := range s.PrimaryFields {
		value, _ := f.ValueOf(ctx, reflect.ValueOf(instance))
		tx = tx.Where(clause.Eq{Column: clause.Column{Name: f.DBName}, Value: value})
	}
	if err := tx.Take(row).Error; err != nil {
		return err.Error()
	}
	return columnsText(ctx, s, row)
}

func columnsText(ctx context.Context, s *schema.Schema, instance any) string {
	parts := make([]string, 0, len(s.DBNames))
	for _, column := range s.DBNames {
		f := s.FieldsByDBName[column]
		parts = append(parts, column+"="+show.Value(f.ReflectValueOf(ctx, reflect.ValueOf(instance)).Interface()))
	}
	return strings.Join(parts, " ")
}

// checkStored notes an instance that differs from the stored row.
func (w *parityWorld) checkStored(ctx context.Context, what string, db *gorm.DB, s *schema.Schema, instance any) {
	if !w.heard.whole || len(s.PrimaryFields) == 0 {
		return
	}
	if stored, said := w.stored(ctx, db, s, instance), columnsText(ctx, s, instance); stored != said {
		w.heard.lies = append(w.heard.lies, fmt.Sprintf("%s: the instance is\n%s\nbut stored is\n%s", what, said, stored))
	}
}

// checkOriginal notes an original that differs from the row that is stored before the write.
func (w *parityWorld) checkOriginal(ctx context.Context, e signals.SaveEvent[any]) {
	if !w.heard.whole {
		return
	}
	original, err := e.Original()
	if err != nil || (!e.Created && original == nil) {
		w.heard.lies = append(w.heard.lies, "no original: "+show.Value(err))
	}
	if e.Created || err != nil || original == nil {
		return
	}
	w.checkStored(ctx, "original", e.DB(), e.Schema(), original)
}

// counts returns the number of events of each kind and table, without their keys: a pre_save may not know its key yet.
func counts(lines []string) []string {
	kinds := make([]string, len(lines))
	for i, line := range lines {
		kinds[i] = line[:strings.LastIndex(line, " ")]
	}
	slices.Sort(kinds)
	return kinds
}
