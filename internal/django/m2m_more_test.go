package django_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Django has no tests of these: what an error of a receiver does, and what it says nothing about.

func TestM2MChangedErrorUndoesTheLinks(t *testing.T) {
	t.Parallel()
	for _, action := range []signals.M2MAction{signals.PreAdd, signals.PostAdd} {
		t.Run(action.String(), func(t *testing.T) {
			t.Parallel()
			g, failure := newGarage(t), errors.New("this")
			signals.For[Car](g.db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Car]) error {
				if e.Action == action {
					return failure
				}
				return nil
			})
			require.ErrorIs(t, g.of(&g.vw, "DefaultParts").Append(&g.doors), failure)
			g.assertLinks("car_default_parts")
		})
	}
}

func TestM2MChangedErrorInReplaceKeepsWhatWasAdded(t *testing.T) {
	t.Parallel()
	g, failure := newGarage(t), errors.New("this")
	require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&g.doors))
	signals.For[Car](g.db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Car]) error {
		if e.Action == signals.PreRemove {
			return failure
		}
		return nil
	})
	// Replace adds in one transaction of GORM's and removes in another. In one of the caller's it is all or nothing.
	require.ErrorIs(t, g.db.Transaction(func(tx *gorm.DB) error {
		return tx.Model(&g.vw).Association("DefaultParts").Replace(&g.engine)
	}), failure)
	g.assertLinks("car_default_parts", "VW Doors")
	require.ErrorIs(t, g.of(&g.vw, "DefaultParts").Replace(&g.airbag), failure)
	g.assertLinks("car_default_parts", "VW Doors", "VW Airbag")
}

// Django's ticket 17688 asks for this.
func TestM2MChangedOfADeletedInstance(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	c4 := SportsCar{Vehicle: Vehicle{Name: "Bugatti"}}
	create(t, g.db, &c4)
	require.NoError(t, g.of(&c4, "DefaultParts").Append(&g.doors, &g.engine))
	hearLinks(g.db, &g.tr, func(c *SportsCar) string { return c.Name })
	require.NoError(t, g.db.Delete(&c4).Error)
	g.assertSent("pre_clear Bugatti.DefaultParts [Doors Engine]", "post_clear Bugatti.DefaultParts [Doors Engine]")
	assert.Empty(t, linked(t, g.db, "sports_car_parts", "part_id"))
}

// CarDefaultPart is a model of a join table, what Django calls a through model.
type CarDefaultPart struct {
	CarID  uint `gorm:"primaryKey"`
	PartID uint `gorm:"primaryKey"`
	Note   string
}

func TestM2MChangedOfAThroughModel(t *testing.T) {
	t.Parallel()
	g := &garage{t: t, db: open(t), vw: Car{Name: "VW"}, doors: Part{Name: "Doors"}}
	require.NoError(t, g.db.SetupJoinTable(&Car{}, "DefaultParts", &CarDefaultPart{}))
	require.NoError(t, g.db.SetupJoinTable(&Part{}, "Cars", &CarDefaultPart{}))
	require.NoError(t, g.db.AutoMigrate(&Car{}, &Part{}))
	create(t, g.db, &g.vw, &g.doors)
	g.hear()
	row := CarDefaultPart{CarID: g.vw.ID, PartID: g.doors.ID, Note: "rusty"}
	create(t, g.db, &row)
	// Neither side was named by the call, so Reverse is false on both.
	lines := g.tr.take()
	require.Len(t, lines, 4)
	assert.ElementsMatch(t, []string{"pre_add VW.DefaultParts [Doors]", "pre_add Doors.Cars [VW]"}, lines[:2])
	assert.ElementsMatch(t, []string{"post_add VW.DefaultParts [Doors]", "post_add Doors.Cars [VW]"}, lines[2:])
	g.assertLinks("car_default_parts", "VW Doors")
	require.NoError(t, g.db.Delete(&row).Error)
	lines = g.tr.take()
	require.Len(t, lines, 4)
	assert.ElementsMatch(t, []string{"pre_remove VW.DefaultParts [Doors]", "pre_remove Doors.Cars [VW]"}, lines[:2])
	assert.ElementsMatch(t, []string{"post_remove VW.DefaultParts [Doors]", "post_remove Doors.Cars [VW]"}, lines[2:])
	g.assertLinks("car_default_parts")
}
