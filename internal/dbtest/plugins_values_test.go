package dbtest_test

import (
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/datatypes"
	"gorm.io/gorm"
	"gorm.io/plugin/soft_delete"
)

type address struct {
	City string `json:"city"`
	Zip  int    `json:"zip"`
}

// typed has a column of most of the types of gorm.io/datatypes.
type typed struct {
	ID    uint
	Name  string
	Attrs datatypes.JSON
	Map   datatypes.JSONMap
	Home  datatypes.JSONType[address]
	Tags  datatypes.JSONSlice[string]
	Day   datatypes.Date
	Clock datatypes.Time
	Ref   datatypes.UUID `gorm:"size:36"`
	Note  datatypes.Null[string]
}

func fullTyped() typed {
	return typed{
		Name: "a", Attrs: datatypes.JSON(`{"n":1,"orgs":{"a":"b"}}`), Map: datatypes.JSONMap{"k": "v"},
		Home: datatypes.NewJSONType(address{"Bonn", 53111}), Tags: datatypes.NewJSONSlice([]string{"x", "y"}),
		Day: datatypes.Date(time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC)), Clock: datatypes.NewTime(10, 11, 12, 0),
		Ref: datatypes.UUID{1, 2, 3}, Note: datatypes.NewNull("n"),
	}
}

func TestDatatypesAreWrittenAndToldAlike(t *testing.T) {
	t.Parallel()
	onTwins(t, nil, nil, []any{&typed{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) {
			all := []typed{fullTyped(), fullTyped(), {Name: "b", Attrs: datatypes.JSON(`{}`)}}
			return db.Create(&all), all
		}, saved("created", 1, 2, 3)...)
		changed := told(signals.For[typed](tw.loud))
		tw.write(t, "save unchanged", func(db *gorm.DB) (*gorm.DB, any) {
			v := fullTyped()
			v.ID = 1
			return db.Save(&v), v
		}, saved("updated", 1)...)
		assert.Empty(t, changed["post"])
		tw.write(t, "save changed", func(db *gorm.DB) (*gorm.DB, any) {
			v := fullTyped()
			v.ID, v.Map, v.Home = 1, datatypes.JSONMap{"k": "w"}, datatypes.NewJSONType(address{"Köln", 50667})
			v.Tags, v.Ref = datatypes.NewJSONSlice([]string{"y", "x"}), datatypes.UUID{9}
			v.Clock, v.Note = datatypes.NewTime(1, 2, 3, 0), datatypes.Null[string]{}
			return db.Save(&v), v
		}, saved("updated", 1)...)
		assert.Equal(t, []string{"Map", "Home", "Tags", "Clock", "Ref", "Note"}, changed["post"])
		tw.write(t, "update one document", func(db *gorm.DB) (*gorm.DB, any) {
			v := typed{ID: 2}
			return db.Model(&v).Update("attrs", datatypes.JSON(`{"n":2}`)), v
		}, saved("updated", 2)...)
		assert.Equal(t, []string{"Attrs"}, changed["post"])
		tw.write(t, "update struct by condition", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&typed{}).Where("name = ?", "a").Updates(typed{Home: datatypes.NewJSONType(address{City: "Ulm"})}), nil
		}, saved("updated", 1, 2)...)
		assert.Equal(t, []string{"Home"}, changed["post"])
	})
}

func TestExpressionsOfDatatypesFindAndWriteRows(t *testing.T) {
	t.Parallel()
	onTwins(t, nil, nil, []any{&typed{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) {
			all := []typed{fullTyped(), fullTyped(), {Name: "b", Attrs: datatypes.JSON(`{"x":1}`)}}
			return db.Create(&all), all
		}, saved("created", 1, 2, 3)...)
		path := "orgs"
		if tw.quiet.Name() == "postgres" {
			path = "{orgs}"
		}
		changed := told(signals.For[typed](tw.loud))
		if tw.quiet.Name() != "mysql" { // MariaDB has no CAST ... AS JSON
			tw.write(t, "JSONSet", func(db *gorm.DB) (*gorm.DB, any) {
				v := typed{ID: 1}
				return db.Model(&v).Update("attrs", datatypes.JSONSet("attrs").Set(path, map[string]any{"c": "d"})), v.ID
			}, saved("updated", 1)...)
			assert.Equal(t, []string{"Attrs"}, changed["post"])
		}
		tw.write(t, "JSONQuery", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&typed{}).Where(datatypes.JSONQuery("attrs").HasKey("orgs")).Update("name", "found"), nil
		}, saved("updated", 1, 2)...)
		tw.write(t, "delete", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Where(datatypes.JSONQuery("attrs").HasKey("orgs")).Delete(&typed{}), nil
		}, removed("hard", 1, 2)...)
	})
}

// flagged is marked as deleted by a flag.
type flagged struct {
	ID   uint
	Name string
	Gone soft_delete.DeletedAt `gorm:"softDelete:flag"`
}

// stamped is marked as deleted by the nanoseconds of the moment, which are part of its unique key.
type stamped struct {
	ID   uint
	Name string                `gorm:"size:20;uniqueIndex:name_at"`
	Gone soft_delete.DeletedAt `gorm:"softDelete:nano;uniqueIndex:name_at"`
}

func TestSoftDeleteMarksRowsAndTellsSo(t *testing.T) {
	t.Parallel()
	onTwins(t, nil, nil, []any{&flagged{}, &stamped{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		marks(t, tw, func(name string) *flagged { return &flagged{Name: name} }, "gone")
		marks(t, tw, func(name string) *stamped { return &stamped{Name: name} }, "gone")
	})
}

// marks deletes rows of a model, restores one, and removes them.
func marks[M any](t *testing.T, tw *twins, build func(name string) *M, field string) {
	t.Helper()
	tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) {
		all := []*M{build("a"), build("b"), build("c")}
		return db.Create(&all), all
	}, saved("created", 1, 2, 3)...)
	tw.write(t, "delete by key", func(db *gorm.DB) (*gorm.DB, any) { return db.Delete(new(M), 1), nil }, removed("soft", 1)...)
	tw.write(t, "delete again", func(db *gorm.DB) (*gorm.DB, any) { return db.Delete(new(M), 1), nil })
	tw.write(t, "delete by condition", func(db *gorm.DB) (*gorm.DB, any) {
		return db.Where("name <> ?", "x").Delete(new(M)), nil
	}, removed("soft", 2, 3)...)
	tw.write(t, "restore", func(db *gorm.DB) (*gorm.DB, any) {
		return db.Unscoped().Model(new(M)).Where("id = ?", 2).Update(field, 0), nil
	}, saved("restored", 2)...)
	tw.write(t, "update", func(db *gorm.DB) (*gorm.DB, any) {
		return db.Model(new(M)).Where("id > 0").Update("name", "live"), nil
	}, saved("updated", 2)...)
	var sent []string
	sent = append(append(sent, removed("hard", 1, 2)...), removed("hard", 3)...)
	tw.write(t, "remove", func(db *gorm.DB) (*gorm.DB, any) {
		return db.Unscoped().Where("id > 0").Delete(new(M)), nil
	}, sent...)
}

// priced has prices that are never rounded.
type priced struct {
	ID    uint
	Price decimal.Decimal     `gorm:"type:decimal(12,4)"`
	Offer decimal.NullDecimal `gorm:"type:decimal(12,4)"`
	Text  decimal.Decimal     `gorm:"type:varchar(40)"`
}

func TestDecimalsChangeWithTheirValueAlone(t *testing.T) {
	t.Parallel()
	onTwins(t, nil, nil, []any{&priced{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		dec := decimal.RequireFromString
		tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) {
			all := []priced{{Price: dec("1.50"), Text: dec("0.1")}, {Price: dec("2"), Offer: decimal.NewNullDecimal(dec("1.9999"))}}
			return db.Create(&all), all
		}, saved("created", 1, 2)...)
		changed := told(signals.For[priced](tw.loud))
		tw.write(t, "same", func(db *gorm.DB) (*gorm.DB, any) {
			v := priced{ID: 1, Price: dec("1.5000"), Text: dec("0.1")}
			return db.Save(&v), v
		}, saved("updated", 1)...)
		assert.Empty(t, changed["post"])
		tw.write(t, "other", func(db *gorm.DB) (*gorm.DB, any) {
			v := priced{ID: 1, Price: dec("1.51"), Offer: decimal.NewNullDecimal(dec("1")), Text: dec("0.1")}
			return db.Save(&v), v
		}, saved("updated", 1)...)
		assert.Equal(t, []string{"Price", "Offer"}, changed["post"])
		tw.write(t, "expression", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&priced{}).Where("price > ?", dec("1.505")).Update("price", gorm.Expr("price + ?", dec("0.25"))), nil
		}, saved("updated", 1, 2)...)
		assert.Equal(t, []string{"Price"}, changed["post"])
		tw.write(t, "delete", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Delete(&priced{}, "price = ?", dec("2.25")), nil
		}, removed("hard", 2)...)
	})
}

// listed has arrays of PostgreSQL.
type listed struct {
	ID    uint
	Words pq.StringArray  `gorm:"type:text[]"`
	Nums  pq.Int64Array   `gorm:"type:bigint[]"`
	Flags pq.BoolArray    `gorm:"type:boolean[]"`
	Parts pq.Float64Array `gorm:"type:double precision[]"`
}

func TestArraysOfPostgresAreWrittenAndToldAlike(t *testing.T) {
	t.Parallel()
	onTwins(t, []string{"postgres"}, nil, []any{&listed{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		full := func(id uint) listed {
			return listed{ID: id, Words: pq.StringArray{"a", `b "c", {d}`}, Nums: pq.Int64Array{1, 2}, Flags: pq.BoolArray{true, false}, Parts: pq.Float64Array{0.5}}
		}
		tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) {
			all := []listed{full(0), {Words: pq.StringArray{}}}
			return db.Create(&all), all
		}, saved("created", 1, 2)...)
		changed := told(signals.For[listed](tw.loud))
		tw.write(t, "same", func(db *gorm.DB) (*gorm.DB, any) { v := full(1); return db.Save(&v), v }, saved("updated", 1)...)
		assert.Empty(t, changed["post"])
		tw.write(t, "order", func(db *gorm.DB) (*gorm.DB, any) {
			v := full(1)
			v.Nums = pq.Int64Array{2, 1}
			return db.Save(&v), v
		}, saved("updated", 1)...)
		assert.Equal(t, []string{"Nums"}, changed["post"])
		tw.write(t, "append", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&listed{}).Where("'a' = ANY(words)").Update("words", gorm.Expr("array_append(words, ?)", "e")), nil
		}, saved("updated", 1)...)
		assert.Equal(t, []string{"Words"}, changed["post"])
		var v listed
		require.NoError(t, tw.loud.First(&v, 1).Error)
		assert.Equal(t, pq.StringArray{"a", `b "c", {d}`, "e"}, v.Words)
		tw.write(t, "delete", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Where("words @> ?", pq.StringArray{"e"}).Delete(&listed{}), nil
		}, removed("hard", 1)...)
	})
}
