package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// The tests in the sent_*_test.go files follow the table of what each GORM call sends, line by line: docs/sent.md.

func TestCreateOfAStructSendsOnePair(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := traceProducts(db)
	p := Product{Name: "lamp", Price: 3}
	require.NoError(t, db.Create(&p).Error)
	assert.Equal(t, []string{"pre_save create 0 lamp 3", "post_save create 1 lamp 3"}, tr.take())
}

func TestCreateSendsTheCallersOwnStruct(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	p := Product{Name: "lamp"}
	var seen []*Product
	note := func(_ context.Context, e signals.SaveEvent[*Product]) error {
		seen = append(seen, e.Instance)
		return nil
	}
	products := signals.For[Product](db)
	products.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		e.Instance.Slug = "lamp-slug"
		return nil
	})
	products.PreSave.Connect(note)
	products.PostSave.Connect(note)
	require.NoError(t, db.Create(&p).Error)
	assert.Same(t, &p, seen[0])
	assert.Same(t, &p, seen[1])
	assert.Equal(t, "lamp-slug", p.Slug, "the caller sees what the receiver changed")
	assert.Equal(t, "lamp-slug", find[Product](t, db, p.ID).Slug, "and it is written")
}

func TestCreateOfSlicesAndArraysSendsOnePairPerElementInOrder(t *testing.T) {
	t.Parallel()
	want := []string{
		"pre_save create 0 a 1", "pre_save create 0 b 2",
		"post_save create 1 a 1", "post_save create 2 b 2",
	}
	a, b := Product{Name: "a", Price: 1}, Product{Name: "b", Price: 2}
	for name, value := range map[string]any{
		"slice of structs":   &[]Product{a, b},
		"slice of pointers":  &[]*Product{new(a), new(b)},
		"slice by value":     []*Product{new(a), new(b)},
		"array of structs":   &[2]Product{a, b},
		"array of pointers":  &[2]*Product{new(a), new(b)},
		"structs by a slice": []Product{a, b},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			tr := traceProducts(db)
			require.NoError(t, db.Create(value).Error)
			assert.Equal(t, want, tr.take())
		})
	}
}

func TestCreateInBatchesSendsPerBatchAllPreThenAllPost(t *testing.T) {
	t.Parallel()
	want := []string{
		"pre_save create 0 a 0", "pre_save create 0 b 0", "post_save create 1 a 0", "post_save create 2 b 0",
		"pre_save create 0 c 0", "post_save create 3 c 0",
	}
	products := func() []Product { return []Product{{Name: "a"}, {Name: "b"}, {Name: "c"}} }
	t.Run("CreateInBatches", func(t *testing.T) {
		t.Parallel()
		db := open(t, &Product{})
		tr := traceProducts(db)
		require.NoError(t, db.CreateInBatches(products(), 2).Error)
		assert.Equal(t, want, tr.take())
	})
	t.Run("CreateBatchSize", func(t *testing.T) {
		t.Parallel()
		db := testkit.OpenWith(t, &gorm.Config{CreateBatchSize: 2}, signals.Plugin{}, &Product{})
		tr := traceProducts(db)
		require.NoError(t, db.Create(products()).Error)
		assert.Equal(t, want, tr.take())
	})
}

func TestCreateFromAMapSendsAnInstanceBuiltFromIt(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := traceProducts(db)
	signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		e.Instance.Slug = e.Instance.Name + "-slug"
		e.Instance.Price++
		return nil
	})
	values := map[string]any{"Name": "lamp", "price": 3}
	require.NoError(t, db.Model(&Product{}).Create(values).Error)
	assert.Equal(t, []string{"pre_save create 0 lamp 3", "post_save create 1 lamp 4"}, tr.take())
	assert.Equal(t, "lamp-slug", values["slug"], "what receivers change goes into the map")
	assert.EqualValues(t, 4, values["price"], "under the key that the map has")
	stored := find[Product](t, db, 1)
	assert.Equal(t, "lamp-slug", stored.Slug)
	assert.EqualValues(t, 4, stored.Price)
}

func TestCreateFromMapsSendsOnePairPerMap(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := traceProducts(db)
	maps := []map[string]any{{"name": "a"}, {"name": "b", "price": gorm.Expr("1 + 1")}}
	require.NoError(t, db.Model(&Product{}).Create(&maps).Error)
	assert.Equal(t, []string{
		"pre_save create 0 a 0", "pre_save create 0 b 0",
		"post_save create 1 a 0", "post_save create 2 b 0",
	}, tr.take())
}

func TestUpsertTellsPerRowWhetherItWasInserted(t *testing.T) {
	t.Parallel()
	db := open(t, &Coded{})
	require.NoError(t, db.Create(&Coded{Code: "a", Name: "old"}).Error)
	tr := traceOf(db, func(c *Coded) string { return c.Code + " " + c.Name })
	changes := changesOf[Coded](db)
	onCode := clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}
	rows := []Coded{{Code: "a", Name: "new"}, {Code: "b", Name: "first"}}
	require.NoError(t, db.Clauses(onCode).Create(&rows).Error)
	assert.Equal(t, []string{
		"pre_save update a new", "pre_save create b first",
		"post_save update a new", "post_save create b first",
	}, tr.take())
	assert.Equal(t, []string{"Name: old -> new", "Code: <nil> -> b", "Name: <nil> -> first"}, dropField(changes.take(), "ID"))
}

func TestUpsertDoNothingSendsNothingForTheSkippedRow(t *testing.T) {
	t.Parallel()
	for name, conflict := range map[string]clause.OnConflict{
		"any constraint": {DoNothing: true},
		"a named target": {DoNothing: true, Columns: []clause.Column{{Name: "code"}}},
		"nothing to set": {Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.Set{}, DoNothing: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Coded{})
			require.NoError(t, db.Create(&Coded{Code: "a"}).Error)
			tr := traceOf(db, func(c *Coded) string { return c.Code })
			require.NoError(t, db.Clauses(conflict).Create(&[]Coded{{Code: "b"}, {Code: "a"}, {Code: "b"}}).Error)
			assert.Equal(t, []string{"pre_save create b", "post_save create b"}, tr.take())
		})
	}
}

func TestRowsThatAnInsertSkipsTakeNoKeysOfOthers(t *testing.T) {
	t.Parallel()
	db := open(t, &Coded{})
	require.NoError(t, db.Create(&Coded{Code: "a"}).Error)
	tr := traceOf(db, func(c *Coded) string { return c.Code })
	keys := map[uint]string{}
	signals.For[Coded](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Coded]) error {
		keys[e.Instance.ID] = e.Instance.Code
		return nil
	})
	rows := []*Coded{{Code: "a"}, {Code: "b"}, {Code: "a"}, {Code: "c"}}
	require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(rows).Error)
	assert.Equal(t, []string{"pre_save create b", "pre_save create c", "post_save create b", "post_save create c"}, tr.take())
	plain := testkit.Open(t, &gorm.Config{}, &Coded{})
	require.NoError(t, plain.Create(&Coded{Code: "a"}).Error)
	as := []*Coded{{Code: "a"}, {Code: "b"}, {Code: "a"}, {Code: "c"}}
	require.NoError(t, plain.Clauses(clause.OnConflict{DoNothing: true}).Create(as).Error)
	assert.Equal(t, as, rows, "the caller's structs are those without the plugin, with keys of other rows")
	for key, code := range keys {
		var stored Coded
		require.NoError(t, db.Take(&stored, key).Error)
		assert.Equal(t, code, stored.Code)
	}
}

func TestUpsertDoNothingOnAConstraintThatTheModelDoesNotDeclareSendsNoPostSave(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.Exec("CREATE UNIQUE INDEX hidden ON products(name)").Error)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	tr := traceProducts(db)
	require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Product{Name: "a"}).Error)
	assert.Equal(t, []string{"pre_save create 0 a 0"}, tr.take())
}

func TestUpsertWithAConditionSendsPostSaveOnlyForRowsThatItWrote(t *testing.T) {
	t.Parallel()
	db := open(t, &Coded{})
	require.NoError(t, db.Create(&[]Coded{{Code: "a", Name: "keep"}, {Code: "b", Name: "take"}}).Error)
	tr := traceOf(db, func(c *Coded) string { return c.Code + " " + c.Name })
	where := clause.Where{Exprs: []clause.Expression{clause.Eq{Column: clause.Column{Table: "codeds", Name: "name"}, Value: "take"}}}
	require.NoError(t, db.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}), Where: where,
	}).Create(&Coded{Code: "a", Name: "new"}).Error)
	assert.Equal(t, []string{"pre_save update a new"}, tr.take(), "the row was not written")
	require.NoError(t, db.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}), Where: where,
	}).Create(&Coded{Code: "b", Name: "new"}).Error)
	assert.Equal(t, []string{"pre_save update b new", "post_save update b new"}, tr.take())
}

func TestABatchReceiverGetsAllRowsOfAnInsert(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := traceProducts(db)
	products := signals.For[Product](db)
	batch := func(name string) signals.BatchReceiver[signals.SaveEvent[*Product]] {
		return func(_ context.Context, events []signals.SaveEvent[*Product]) error {
			tr.add("%s batch of %d", name, len(events))
			return nil
		}
	}
	products.PreSave.ConnectBatch(batch("pre_save"), signals.Priority(1))
	products.PostSave.ConnectBatch(batch("post_save"))
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
	assert.Equal(t, []string{
		"pre_save batch of 2", "pre_save create 0 a 0", "pre_save create 0 b 0",
		"post_save create 1 a 0", "post_save create 2 b 0", "post_save batch of 2",
	}, tr.take())
}

// Coded has a unique column.
type Coded struct {
	ID   uint
	Code string `gorm:"uniqueIndex"`
	Name string
}

func dropField(lines []string, field string) []string {
	kept := []string{}
	for _, l := range lines {
		if len(l) <= len(field) || l[:len(field)+1] != field+":" {
			kept = append(kept, l)
		}
	}
	return kept
}
