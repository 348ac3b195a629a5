package behaviour_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Status is a type of a program's own.
type Status string

// Order is a model whose rows have a state.
type Order struct {
	ID      uint
	Status  Status
	Note    *string
	Count   int8
	Weight  float32
	Paid    bool
	Total   int
	Version int
}

// hearing traces the events of a receiver of post_save with some options.
func hearing[M any](db *gorm.DB, opts ...signals.ConnectOption) *trace {
	tr := &trace{}
	signals.For[M](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*M]) error {
		verb := "update"
		if e.Created {
			verb = "create"
		}
		tr.add("%s %v", verb, e.Key())
		return nil
	}, opts...)
	return tr
}

func TestOnCreateHearsOfInsertedRowsAndOnUpdateOfUpdatedOnes(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]signals.ConnectOption{
		"at once": nil, "keys": {signals.Needs(signals.Keys)}, "row": {signals.Needs(signals.Row)}, "original": {signals.Needs(signals.Original)},
		"after the commit": {signals.AfterCommit()}, "before the commit": {signals.BeforeCommit()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			created, updated := hearing[Product](db, append(opts, signals.OnCreate())...), hearing[Product](db, append(opts, signals.OnUpdate())...)
			lamp := Product{Name: "lamp"}
			require.NoError(t, db.Create(&lamp).Error)
			require.NoError(t, db.Save(&Product{ID: 7, Name: "inserted by Save"}).Error)
			assert.Equal(t, []string{"create 1", "create 7"}, created.take())
			assert.Empty(t, updated.take())
			lamp.Price = 2
			require.NoError(t, db.Save(&lamp).Error)
			require.NoError(t, db.Model(&lamp).Update("price", 3).Error)
			require.NoError(t, db.Model(&Product{}).Where("1 = 1").Update("price", gorm.Expr("price + 1")).Error)
			assert.Empty(t, created.take())
			assert.Equal(t, []string{"update 1", "update 1", "update 1", "update 7"}, updated.take())
			rows := []Product{{ID: 1, Name: "a"}, {ID: 8, Name: "b"}}
			require.NoError(t, db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&rows).Error)
			assert.Equal(t, []string{"create 8"}, created.take())
			assert.Equal(t, []string{"update 1"}, updated.take())
		})
	}
}

func TestPreSaveOfOnCreateKnowsWhatSaveDoesWhateverItNeeds(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := &trace{}
	note := func(text string) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(_ context.Context, e signals.SaveEvent[*Product]) error {
			tr.add("%s %d", text, e.Instance.ID)
			return nil
		}
	}
	signals.For[Product](db).PreSave.Connect(note("create"), signals.OnCreate(), signals.Needs(signals.Keys))
	signals.For[Product](db).PreSave.Connect(note("update"), signals.OnUpdate(), signals.Needs(signals.Keys))
	require.NoError(t, db.Save(&Product{ID: 7}).Error)
	require.NoError(t, db.Save(&Product{ID: 7, Price: 1}).Error)
	assert.Equal(t, []string{"create 7", "update 7"}, tr.take())
}

func TestUpdatesReadNothingForReceiversOfOnCreate(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
	created := hearing[Product](db, signals.OnCreate())
	sql := recordSQL(db)
	require.NoError(t, db.Model(&Product{}).Where("1 = 1").Update("price", 3).Error)
	require.NoError(t, db.Model(&Product{ID: 1}).Update("price", 3).Error)
	require.NoError(t, db.Save(&Product{ID: 1, Name: "c"}).Error)
	assert.Equal(t, map[string]int{"UPDATE": 3}, sql.kinds())
	assert.Empty(t, created.take())

	net := hearing[Product](db, signals.OnCreate(), signals.AfterCommit(), signals.Net())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&Product{Name: "d"}).Error; err != nil {
			return err
		}
		return tx.Model(&Product{}).Where("1 = 1").Update("price", 4).Error
	}))
	assert.Equal(t, []string{"create 3"}, net.take(), "an update of a created row is part of its creation")
}

func TestBecomesHearsWhenAFieldChangesToTheValue(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]signals.ConnectOption{
		"at once": nil, "keys are not enough": {signals.Needs(signals.Keys)},
		"after the commit": {signals.AfterCommit()}, "before the commit": {signals.BeforeCommit()}, "net": {signals.AfterCommit(), signals.Net()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Order{})
			paid := hearing[Order](db, append(opts, signals.Becomes("Status", "paid"))...)
			var batches []int
			signals.For[Order](db).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Order]) error {
				batches = append(batches, len(events))
				return nil
			}, append(opts, signals.Becomes("status", Status("paid")))...)
			require.NoError(t, db.Create(&[]Order{{Status: "new"}, {Status: "paid"}, {Status: "new"}, {Status: "new"}}).Error)
			assert.Equal(t, []string{"create 2"}, paid.take(), "created with the value")
			require.NoError(t, db.Model(&Order{}).Where("id < 4").Update("status", "paid").Error)
			assert.Equal(t, []string{"update 1", "update 3"}, paid.take(), "row 2 was paid before")
			require.NoError(t, db.Model(&Order{ID: 4}).Update("status", gorm.Expr("'pa' || 'id'")).Error)
			assert.Equal(t, []string{"update 4"}, paid.take(), "computed by the database")
			require.NoError(t, db.Save(&Order{ID: 1, Status: "paid", Total: 5}).Error)
			require.NoError(t, db.Save(&Order{ID: 1, Status: "sent"}).Error)
			assert.Empty(t, paid.take())
			require.NoError(t, db.Save(&Order{ID: 1, Status: "paid"}).Error)
			assert.Equal(t, []string{"update 1"}, paid.take())
			assert.Equal(t, []int{1, 2, 1, 1}, batches)
		})
	}
}

func TestBecomesInPreSaveSeesWhatOtherReceiversSet(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	tr := &trace{}
	orders := signals.For[Order](db)
	orders.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		e.Instance.Status = "paid"
		return nil
	}, signals.OnUpdate())
	orders.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		tr.add("paid %d", e.Instance.ID)
		return nil
	}, signals.Becomes("Status", "paid"), signals.OnUpdate())
	require.NoError(t, db.Create(&Order{Status: "paid"}).Error)
	require.NoError(t, db.Create(&Order{Status: "new"}).Error)
	require.NoError(t, db.Model(&Order{}).Where("1 = 1").Update("total", 1).Error)
	assert.Equal(t, []string{"paid 2"}, tr.take())
}

func TestBecomesTakesValuesAsTheFieldHoldsThem(t *testing.T) {
	t.Parallel()
	text := "urgent"
	for name, c := range map[string]struct {
		field  string
		value  any
		update map[string]any
	}{
		"a pointer":       {"Note", &text, map[string]any{"note": text}},
		"for a pointer":   {"Note", "urgent", map[string]any{"note": text}},
		"a number":        {"Count", int64(7), map[string]any{"count": 7}},
		"a text":          {"Count", "7", map[string]any{"count": 7}},
		"a fraction":      {"Weight", 0.5, map[string]any{"weight": 0.5}},
		"a truth value":   {"Paid", true, map[string]any{"paid": true}},
		"zero":            {"Total", 0, map[string]any{"total": 0}},
		"NULL":            {"Note", nil, map[string]any{"note": nil}},
		"one of several":  {"Version", 2, map[string]any{"version": 2}},
		"a constant type": {"Status", Status("sent"), map[string]any{"status": "sent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Order{})
			require.NoError(t, db.Exec("INSERT INTO orders (id, status, note, count, weight, paid, total, version) VALUES (1, 'new', 'old', 1, 1, 0, 1, 1)").Error)
			tr := hearing[Order](db, signals.Becomes(c.field, c.value), signals.Becomes("Version", 9))
			require.NoError(t, db.Model(&Order{ID: 1}).Updates(c.update).Error)
			assert.Equal(t, []string{"update 1"}, tr.take())
			require.NoError(t, db.Model(&Order{ID: 1}).Updates(c.update).Error)
			assert.Empty(t, tr.take())
			require.NoError(t, db.Model(&Order{ID: 1}).Update("version", 9).Error)
			assert.Equal(t, []string{"update 1"}, tr.take(), "one of the values is enough")
		})
	}
}

func TestBecomesOfAnInterfaceHearsOfModelsThatCanHoldTheValue(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{}, &Product{}, &Page{})
	tr := &trace{}
	signals.Implementing[any](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error {
		tr.add("%s %v", e.Schema().Name, e.Key())
		return nil
	}, signals.Becomes("Status", "paid"))
	require.NoError(t, db.Create(&Order{Status: "paid"}).Error)
	require.NoError(t, db.Create(&Product{Name: "paid"}).Error)
	assert.Equal(t, []string{"Order 1"}, tr.take())
}

func TestOptionsThatNarrowSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{}, &Bike{}, &Sticker{})
	t.Cleanup(func() { assert.Empty(t, signals.Receivers(db), "nothing of it was connected") })
	orders := signals.For[Order](db)
	save := func(context.Context, signals.SaveEvent[*Order]) error { return nil }
	remove := func(context.Context, signals.DeleteEvent[*Order]) error { return nil }
	custom := signals.New[view]("viewed")
	viewed := func(context.Context, view) error { return nil }
	for name, c := range map[string]struct {
		connect func()
		want    string
	}{
		"both":           {func() { orders.PostSave.Connect(save, signals.OnCreate(), signals.OnUpdate()) }, "leave both out"},
		"fields":         {func() { orders.PostSave.Connect(save, signals.OnCreate(), signals.Fields("Status")) }, "or use Becomes"},
		"delete":         {func() { orders.PreDelete.Connect(remove, signals.OnCreate()) }, "OnCreate has no meaning for pre_delete: connect to pre_save, post_save or post_change"},
		"update":         {func() { orders.PostDelete.Connect(remove, signals.OnUpdate()) }, "OnUpdate has no meaning for post_delete"},
		"becomes":        {func() { orders.PostDelete.Connect(remove, signals.Becomes("Status", "x")) }, "Becomes has no meaning for post_delete"},
		"custom":         {func() { custom.Connect(viewed, signals.Becomes("Status", "x")) }, "belong to model signals"},
		"first and last": {func() { custom.Connect(viewed, signals.First(), signals.Last()) }, "first or last"},
		"last and first": {func() { custom.Connect(viewed, signals.Last(), signals.First()) }, "first or last"},
		"slip":           {func() { orders.PostSave.Connect(save, signals.Becomes("Satus", "x")) }, `did you mean "Status"? Use a Go field name`},
		"no number":      {func() { orders.PostSave.Connect(save, signals.Becomes("Count", "many")) }, `Order.Count cannot become "many"`},
		"large":          {func() { orders.PostSave.Connect(save, signals.Becomes("Count", 300)) }, "it would hold 44: give a value of the field's type, int8"},
		"large text":     {func() { orders.PostSave.Connect(save, signals.Becomes("Count", "300")) }, "it would hold 44"},
		"fraction":       {func() { orders.PostSave.Connect(save, signals.Becomes("Total", 1.5)) }, "Order.Total cannot become 1.5"},
		"too large":      {func() { orders.PostSave.Connect(save, signals.Becomes("Weight", 1e300)) }, "the number is too large"},
		"NULL":           {func() { orders.PostSave.Connect(save, signals.Becomes("Status", nil)) }, "it cannot be NULL"},
		"struct":         {func() { orders.PostSave.Connect(save, signals.Becomes("Status", struct{}{})) }, "Order.Status cannot become struct {}{}"},
		"durable":        {func() { orders.PostSave.Connect(save, signals.Once(), signals.Durable(noStore{}, "x")) }, "leave Once out, or Durable"},
		"relation": {func() {
			signals.For[Bike](db).M2MChanged.Connect(func(context.Context, signals.M2MEvent[*Bike]) error { return nil }, signals.Fields("Stiker"))
		}, `did you mean "Stickers"? Use the Go name of its field`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := testkit.PanicOf(c.connect)
			assert.Contains(t, message, "signals: Connect to ")
			assert.Contains(t, message, c.want)
		})
	}
}

// noStore keeps nothing.
type noStore struct{}

func (noStore) Register(signals.DurableReceiver) error { return nil }

func (noStore) Keep(context.Context, *gorm.DB, signals.DurableReceiver, []signals.KeptEvent) error {
	return nil
}

// Sticker is the other side of a many2many relation.
type Sticker struct {
	ID   uint
	Name string
}

// Bike has stickers.
type Bike struct {
	ID       uint
	Name     string
	Stickers []Sticker `gorm:"many2many:bike_stickers"`
}

// Seat has a composite key.
type Seat struct {
	Row    string `gorm:"primaryKey"`
	Number int    `gorm:"primaryKey;autoIncrement:false"`
	Taken  bool
}

// Line has no key.
type Line struct{ Text string }

func TestEventsAnswerTheKeyOfTheirRow(t *testing.T) {
	t.Parallel()
	db := open(t, &Bike{}, &Sticker{}, &Seat{}, &Line{})
	require.NoError(t, db.Exec("DROP TABLE lines").Error)
	require.NoError(t, db.Exec("CREATE TABLE lines (text)").Error)
	tr := &trace{}
	note := func(signal string, e signals.Event) {
		tr.add("%s %s %v %t %t", signal, e.Schema().Name, e.Key(), e.Raw(), e.DB() != nil)
	}
	all := signals.Implementing[any](db)
	all.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error { note("pre_save", e); return nil })
	all.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error { note("post_save", e); return nil })
	all.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[any]) error { note("post_delete", e); return nil })
	all.PostLoad.Connect(func(_ context.Context, e signals.LoadEvent[any]) error { note("post_load", e); return nil })
	all.M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[any]) error { note(e.Action.String(), e); return nil }, signals.AfterCommit())
	bike := Bike{Name: "a"}
	require.NoError(t, db.WithContext(signals.Raw(t.Context())).Create(&bike).Error)
	require.NoError(t, db.First(&bike).Error)
	require.NoError(t, db.Create(&Seat{Row: "B", Number: 4}).Error)
	require.NoError(t, db.Where("1 = 1").Delete(&Seat{}).Error)
	require.NoError(t, db.Create(&Line{Text: "x"}).Error)
	assert.Equal(t, []string{
		"pre_save Bike 0 true true", "post_save Bike 1 true true", "post_load Bike 1 false true",
		"pre_save Seat [B 4] false true", "post_save Seat [B 4] false true", "post_delete Seat [B 4] false true",
		"pre_save Line <nil> false true", "post_save Line <nil> false true",
	}, tr.take())
	sticker := Sticker{ID: 3}
	require.NoError(t, db.WithContext(signals.Mute(t.Context())).Create(&sticker).Error)
	require.NoError(t, db.Model(&bike).Association("Stickers").Append(&sticker))
	assert.Contains(t, tr.take(), "post_add Bike 1 false true")
	for _, e := range []signals.Event{signals.SaveEvent[*Bike]{}, signals.DeleteEvent[*Bike]{}, signals.LoadEvent[*Bike]{}, signals.M2MEvent[*Bike]{}} {
		assert.Nil(t, e.Key(), fmt.Sprintf("%T was never sent", e))
		assert.Nil(t, e.Schema())
	}
}

func TestDurableReceiversAreNarrowedWhenTheirEventsAreKept(t *testing.T) {
	t.Parallel()
	db, store := open(t, &Order{}), &shelf{}
	paid := hearing[Order](db, signals.Durable(store, "paid"), signals.Becomes("Status", "paid"))
	created := hearing[Order](db, signals.Durable(store, "created"), signals.OnCreate(), signals.First())
	batches := &trace{}
	signals.For[Order](db).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Order]) error {
		batches.add("%v of %d", events[0].Key(), len(events))
		return nil
	}, signals.Durable(store, "updated"), signals.OnUpdate())
	require.NoError(t, db.Create(&[]Order{{Status: "new"}, {Status: "paid"}}).Error)
	require.NoError(t, db.Model(&Order{}).Where("1 = 1").Update("status", "paid").Error)
	assert.Len(t, store.kept, 2+1+1+2, "nothing is kept for those who do not want it")
	store.deliver(t)
	assert.Equal(t, []string{"create 2", "update 1"}, paid.take())
	assert.Equal(t, []string{"create 1", "create 2"}, created.take())
	assert.Equal(t, []string{"1 of 1", "2 of 1"}, batches.take())
}
