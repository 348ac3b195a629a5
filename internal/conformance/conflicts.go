package conformance

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// conflictCases are about Create with OnConflict.
func conflictCases() []Case {
	return []Case{
		{"upsert", "Created tells per row of an upsert whether it was inserted.", upsert},
		{"upsert of everything", "UpdateAll tells per row whether it was inserted, also when the key itself conflicts.", upsertAll},
		{"upsert that does nothing", "A row that DoNothing skips sends nothing, whatever constraint it names; nor does an equal row of the same statement.", upsertNothing},
		{"upsert of one row twice", "A row that conflicts with an earlier one of the same statement is not created.", upsertTwice},
		{"veto of an upsert", "An error of pre_save for one row of an upsert writes none.", vetoOfUpsert},
	}
}

// byCode is an upsert that updates the text if the code conflicts.
func byCode() clause.OnConflict {
	return clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"text"})}
}

func upsert(c *C) {
	tables(c, &Voucher{})
	require.NoError(c, create(c, c.DB, &Voucher{Code: "a", Text: "old"}))
	hearSaves[Voucher](c)
	hearChanges[Voucher](c)
	require.NoError(c, c.DB.Clauses(byCode()).Create(&[]Voucher{{Code: "a", Text: "new"}, {Code: "b", Text: "first"}}).Error)
	c.want(
		[]string{"pre_save Voucher a new updated", "pre_save Voucher b first created"},
		[]string{"post_save Voucher a new updated", "Text: old to new"},
		[]string{"post_save Voucher b first created", "Code: <nil> to b", "Text: <nil> to first"},
	)
	stored[Voucher](c, "a new", "b first")
}

func upsertAll(c *C) {
	tables(c, &Seat{})
	require.NoError(c, create(c, c.DB, &Seat{Line: "a", Place: 1}))
	hear[Seat](c)
	require.NoError(c, c.DB.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Seat{{Line: "a", Place: 1, Taken: true}, {Line: "a", Place: 2}}).Error)
	c.want(saves("Seat a1 true updated", "Seat a2 false created"))
	stored[Seat](c, "a1 true", "a2 false")
}

func upsertNothing(c *C) {
	tables(c, &Voucher{})
	require.NoError(c, create(c, c.DB, &Voucher{Code: "a", Text: "old"}))
	hearSaves[Voucher](c)
	code := []clause.Column{{Name: "code"}}
	want := []string{"a old"}
	for i, nothing := range []clause.OnConflict{{DoNothing: true}, {DoNothing: true, Columns: code}, {DoNothing: true, Columns: code, DoUpdates: clause.Set{}}} {
		b, d := fmt.Sprint("b", i), fmt.Sprint("d", i)
		silent := c.DB.Session(&gorm.Session{SkipHooks: true}).Clauses(nothing).Create(&[]Voucher{{Code: b}, {Code: "a"}, {Code: b}})
		require.NoError(c, silent.Error)
		result := c.DB.Clauses(nothing).Create(&[]Voucher{{Code: d}, {Code: "a"}, {Code: d}})
		require.NoError(c, result.Error)
		assert.Equal(c, silent.RowsAffected, result.RowsAffected)
		c.want(saves("Voucher " + d + "  created"))
		want = append(want, b+" ", d+" ")
	}
	stored[Voucher](c, want...)
}

func upsertTwice(c *C) {
	tables(c, &Voucher{})
	hearEnds[Voucher](c, "post_save")
	err := c.DB.Clauses(byCode()).Create(&[]Voucher{{Code: "a", Text: "one"}, {Code: "a", Text: "two"}}).Error
	if c.differs("postgres") {
		require.Error(c, err)
		c.want()
		stored[Voucher](c)
		return
	}
	require.NoError(c, err)
	c.want([]string{"post_save Voucher a one created", "post_save Voucher a two updated"})
	stored[Voucher](c, "a two")
}

func vetoOfUpsert(c *C) {
	tables(c, &Voucher{})
	require.NoError(c, create(c, c.DB, &Voucher{Code: "a", Text: "old"}))
	signals.For[Voucher](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Voucher]) error {
		if !e.Created {
			return errRefused
		}
		return nil
	})
	require.ErrorIs(c, c.DB.Clauses(byCode()).Create(&[]Voucher{{Code: "b"}, {Code: "a", Text: "new"}}).Error, errRefused)
	stored[Voucher](c, "a old")
}
