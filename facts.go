package signals

import (
	"context"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// facts is what the events of one signal of a write answer from. The write makes facts before it sends the signal, and never changes them
// after that: an event that a receiver keeps gives the same answers later.
type facts struct {
	model    *rows.Model
	db       *gorm.DB // of the plugin: knows the dialect
	table    string   // that the write names
	strategy strategy // says whether a column changes; nil where no event asks

	assigns  *assigns               // of an update: what the statement assigns
	fields   []string               // of other writes: names of the fields that the write names; nil means all
	inserts  []string               // names of the fields that an INSERT names; nil means all
	written  map[*schema.Field]bool // what an upsert changes of a stored row
	computed map[*schema.Field]bool // what the database computes, as long as no instance holds the result

	soft    bool // a delete that keeps the row
	cascade bool // a delete that the database makes because the parent goes
	loaded  bool // the rows have an original
	stored  bool // instances hold what the database has made of the row
}

// assigns is what an UPDATE assigns.
type assigns struct {
	set    clause.Set
	byHand map[string]any // the map that the caller gave, if it was one
}

// strategy says which columns of a row a write changes. Each kind of statement has one.
type strategy interface {
	// changed reports whether the write changes a column of the row.
	changed(ctx context.Context, r *row, f *schema.Field) bool

	// compares reports whether the write changes a column if the values of the column differ.
	compares(r *row, f *schema.Field) bool
}

// wholeRow is the strategy of statements that write all columns that GORM may update: Save, and events that no statement sends.
type wholeRow struct{}

func (s wholeRow) changed(ctx context.Context, r *row, f *schema.Field) bool {
	switch {
	case r.facts.computed[f]:
		return true
	case !r.known():
		return r.facts.names(f)
	}
	return s.compares(r, f) && (r.differs(ctx, f) || slices.Contains(r.unread, f))
}

func (wholeRow) compares(_ *row, f *schema.Field) bool { return f.Updatable }

// namedFields is the strategy of an update that names fields. Instances are copies of the stored rows, to which the assignments are applied:
// what receivers change beside the named fields differs too.
type namedFields struct{}

func (s namedFields) changed(ctx context.Context, r *row, f *schema.Field) bool {
	switch {
	case r.facts.computed[f]:
		return true
	case !r.known():
		return r.facts.names(f)
	case !s.compares(r, f):
		return false
	}
	return r.differs(ctx, f) || (slices.Contains(r.unread, f) && r.facts.names(f)) // whatever is assigned is something else
}

// A field may only be there because another one of its embedded struct was assigned. It is NULL in the table, and stays so.
func (namedFields) compares(r *row, f *schema.Field) bool {
	return !rows.Made(f, reflect.ValueOf(r.original).Elem(), r.value()) || r.facts.names(f)
}

// upserted is the strategy of an INSERT that updates stored rows.
type upserted struct{}

func (s upserted) changed(ctx context.Context, r *row, f *schema.Field) bool {
	switch {
	case !r.facts.written[f]:
		return false
	case r.facts.computed[f]:
		return true
	case !r.known():
		return r.facts.names(f)
	}
	return s.compares(r, f) && r.differs(ctx, f)
}

func (upserted) compares(r *row, f *schema.Field) bool { return r.facts.written[f] && f.Updatable }

// everyColumn is the strategy of several writes of one row.
type everyColumn struct{}

func (everyColumn) changed(ctx context.Context, r *row, f *schema.Field) bool {
	return !r.known() || r.differs(ctx, f)
}

func (everyColumn) compares(*row, *schema.Field) bool { return true }

// names reports whether the write names a field.
func (s *facts) names(f *schema.Field) bool {
	if s.assigns != nil {
		return s.assigns.names(f)
	}
	return s.fields == nil || slices.Contains(s.fields, s.model.Name(f))
}

// named returns the names of the fields that the write names; nil means all.
func (s *facts) named() []string {
	if s.assigns == nil {
		return s.fields
	}
	fields := make([]string, 0, len(s.assigns.set))
	for _, column := range s.model.Schema.DBNames {
		if f := s.model.Schema.FieldsByDBName[column]; s.assigns.names(f) {
			fields = append(fields, s.model.Name(f))
		}
	}
	return fields
}

// names reports whether the caller assigns a field. Times that GORM sets by itself do not count.
func (a *assigns) names(f *schema.Field) bool {
	if !slices.ContainsFunc(a.set, func(a clause.Assignment) bool { return a.Column.Name == f.DBName }) {
		return false
	}
	if f.AutoUpdateTime == 0 {
		return true
	}
	_, byName := a.byHand[f.Name]
	_, byColumn := a.byHand[f.DBName]
	return byName || byColumn
}

// lasting returns facts that need nothing of the statement and of the caller.
func (s *facts) lasting() facts {
	lasting := *s
	lasting.fields, lasting.assigns = s.named(), nil
	return lasting
}

// inserted reports whether an INSERT gives a column the value that its field holds, or has returned it.
func (s *facts) inserted(f *schema.Field) bool {
	if !f.Creatable {
		return s.stored && f.HasDefaultValue
	}
	return s.inserts == nil || f.PrimaryKey || slices.Contains(s.inserts, s.model.Name(f))
}

// statementFacts are those of a statement of any kind.
func (w *write) statementFacts() facts {
	return facts{model: w.model, db: w.reg.db, table: w.tableName(), loaded: w.loaded}
}

// insertFacts are those of an INSERT, and of the UPDATE of a Save that finds no row.
func (w *write) insertFacts(u *upsert) facts {
	s := w.statementFacts()
	s.strategy, s.inserts, s.fields, s.written, s.computed = wholeRow{}, u.inserts, u.fields, u.written, u.computed
	if u.written != nil {
		s.strategy = upserted{}
	}
	return s
}

// insertedFacts are those of an INSERT that has run.
func (w *insert) insertedFacts() facts {
	s := w.insertFacts(&w.upsert)
	s.stored = true
	if w.written == nil || w.readBack {
		s.computed = nil
	}
	return s
}

// saveFacts are those of the UPDATE of a Save.
func (w *write) saveFacts() facts {
	s := w.statementFacts()
	s.strategy = wholeRow{}
	return s
}

// updateFacts are those of an update that names fields. a keeps what the statement assigns.
func (w *update) updateFacts(a *assigns) facts {
	s := w.statementFacts()
	s.strategy, s.computed, s.assigns = namedFields{}, w.computed, a
	*a = assigns{set: w.set}
	a.byHand, _ = w.stmt.Dest.(map[string]any)
	return s
}

// announceUpdate makes the facts of rows that an update is about to write. GORM builds the statement after the first batch was
// announced, and may assign something else then.
func (w *update) announceUpdate() {
	switch u := w; {
	case !w.told[1].made():
		w.facts = &w.told[0]
		*w.facts = w.updateFacts(&u.assigns[0])
	case u.further == nil:
		u.further = &facts{}
		*u.further = w.told[1]
		u.further.computed, u.further.stored = w.computed, false
		fallthrough
	default:
		w.facts = u.further
	}
}

// tellUpdate gives the rows the facts of the post signal. A further batch of an update has the same ones.
func (w *update) tellUpdate() {
	w.turn()
	if !w.told[1].made() {
		w.told[1] = w.updateFacts(&w.assigns[1])
		w.told[1].computed, w.told[1].stored = nil, true
	}
}

// turn leaves the facts of the pre signal as they are: from now on the rows have those of the post signal.
func (w *write) turn() {
	w.facts = &w.told[1]
	for i := range w.rows {
		w.rows[i].facts = w.facts
	}
}

// made reports whether somebody has filled in the facts.
func (s *facts) made() bool { return s.model != nil }
