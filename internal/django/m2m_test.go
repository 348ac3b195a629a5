package django_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// After Django's tests/m2m_signals/tests.py. What differs in all of them: GORM has no forward side, so Reverse is false on
// the side that the call names. The other side is told too, row by row, when it declares the relation. PKs are never empty.

// garage is a database with cars and parts whose links are heard. SportsCar has a relation of its own.
type garage struct {
	t  *testing.T
	db *gorm.DB
	tr trace

	vw, bmw, toyota                          Car
	wheelset, doors, engine, airbag, sunroof Part
}

func newGarage(t *testing.T) *garage {
	t.Helper()
	g := &garage{
		t: t, db: open(t, &Car{}, &Part{}, &SportsCar{}),
		vw: Car{Name: "VW"}, bmw: Car{Name: "BMW"}, toyota: Car{Name: "Toyota"},
		wheelset: Part{Name: "Wheelset"}, doors: Part{Name: "Doors"}, engine: Part{Name: "Engine"},
		airbag: Part{Name: "Airbag"}, sunroof: Part{Name: "Sunroof"},
	}
	create(t, g.db, &g.vw, &g.bmw, &g.toyota, &g.wheelset, &g.doors, &g.engine, &g.airbag, &g.sunroof)
	return g
}

// hear connects to both sides.
func (g *garage) hear() {
	hearLinks(g.db, &g.tr, func(c *Car) string { return c.Name })
	hearLinks(g.db, &g.tr, func(p *Part) string { return p.Name })
}

func (g *garage) of(model any, relation string) *gorm.Association {
	return g.db.Model(model).Association(relation)
}

// assertSent compares what was heard and forgets it.
func (g *garage) assertSent(lines ...string) {
	g.t.Helper()
	assert.Equal(g.t, ordered(lines), ordered(g.tr.take()))
}

// assertLinks compares a join table with pairs such as "VW Doors".
func (g *garage) assertLinks(table string, pairs ...string) {
	g.t.Helper()
	stored := []string{}
	require.NoError(g.t, g.db.Raw("SELECT cars.name || ' ' || parts.name FROM "+table+
		" AS l JOIN cars ON cars.id = l.car_id JOIN parts ON parts.id = l.part_id").Scan(&stored).Error)
	assert.ElementsMatch(g.t, pairs, stored)
}

// hearLinks writes a line per event. The keys are shown as the names of the rows that have them, read in the transaction.
func hearLinks[M any](db *gorm.DB, tr *trace, show func(*M) string) {
	signals.For[M](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*M]) error {
		var names []string
		other := e.Schema().Relationships.Relations[e.Relation].FieldSchema
		name := "name"
		if other.LookUpField(name) == nil {
			name = "first_name"
		}
		err := e.DB().Table(other.Table).Where("id IN ?", e.PKs).Order(name).Pluck(name, &names).Error
		reverse := ""
		if e.Reverse {
			reverse = " reverse"
		}
		tr.add("%s%s %s.%s %v", e.Action, reverse, show(e.Instance), e.Relation, names)
		return err
	})
}

// ordered sorts lines of the other side that follow each other: in which order its rows are told is not promised.
func ordered(lines []string) []string {
	lines = slices.Clone(lines)
	isReverse := func(line string) bool { return strings.Contains(line, " reverse ") }
	for i := 0; i < len(lines); i++ {
		end := i
		for end < len(lines) && isReverse(lines[end]) && strings.Fields(lines[end])[0] == strings.Fields(lines[i])[0] {
			end++
		}
		if end > i {
			slices.Sort(lines[i:end])
			i = end - 1
		}
	}
	return lines
}

func TestPKSetOnRepeatedAddRemove(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	var sent []string
	signals.For[Car](g.db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Car]) error {
		if e.Action.Pre() {
			sent = append(sent, fmt.Sprint(e.Action, e.PKs))
		}
		return nil
	}, signals.Fields("DefaultParts"))
	for range 2 {
		require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&g.wheelset))
		g.assertLinks("car_default_parts", "VW Wheelset")
	}
	for range 2 {
		require.NoError(t, g.of(&g.vw, "DefaultParts").Delete(&g.wheelset))
		g.assertLinks("car_default_parts")
	}
	// Differs: Django sends four times, with no key for the second add and with the key again for the second remove.
	assert.Equal(t, []string{"pre_add [1]", "pre_remove [1]"}, sent)
}

func TestM2MRelationsAddRemoveClear(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&g.sunroof)) // nobody listens yet
	g.hear()
	require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&g.wheelset, &g.doors, &g.engine))
	g.assertSent(
		"pre_add VW.DefaultParts [Doors Engine Wheelset]",
		"pre_add reverse Wheelset.Cars [VW]", "pre_add reverse Doors.Cars [VW]", "pre_add reverse Engine.Cars [VW]",
		"post_add VW.DefaultParts [Doors Engine Wheelset]",
		"post_add reverse Wheelset.Cars [VW]", "post_add reverse Doors.Cars [VW]", "post_add reverse Engine.Cars [VW]",
	)
	// Differs: Django says reverse here, and nothing to the cars.
	require.NoError(t, g.of(&g.doors, "Cars").Append(&g.bmw, &g.toyota))
	g.assertSent(
		"pre_add Doors.Cars [BMW Toyota]", "pre_add reverse BMW.DefaultParts [Doors]", "pre_add reverse Toyota.DefaultParts [Doors]",
		"post_add Doors.Cars [BMW Toyota]", "post_add reverse BMW.DefaultParts [Doors]", "post_add reverse Toyota.DefaultParts [Doors]",
	)
	g.assertLinks("car_default_parts", "VW Sunroof", "VW Wheelset", "VW Doors", "VW Engine", "BMW Doors", "Toyota Doors")
}

func TestM2MRelationsSignalsRemoveRelation(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&g.doors, &g.engine))
	g.hear()
	// Differs: the airbag is not linked, so nothing says that it goes.
	require.NoError(t, g.of(&g.vw, "DefaultParts").Delete(&g.engine, &g.airbag))
	g.assertSent(
		"pre_remove VW.DefaultParts [Engine]", "pre_remove reverse Engine.Cars [VW]",
		"post_remove VW.DefaultParts [Engine]", "post_remove reverse Engine.Cars [VW]",
	)
	g.assertLinks("car_default_parts", "VW Doors")
	require.NoError(t, g.of(&g.vw, "DefaultParts").Delete(&g.airbag))
	g.assertSent()
}

func TestM2MRelationsSignalsGiveTheSelfVWSomeOptionalParts(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	g.hear()
	require.NoError(t, g.of(&g.vw, "OptionalParts").Append(&g.airbag, &g.sunroof))
	g.assertSent(
		"pre_add VW.OptionalParts [Airbag Sunroof]",
		"pre_add reverse Airbag.CarsOptional [VW]", "pre_add reverse Sunroof.CarsOptional [VW]",
		"post_add VW.OptionalParts [Airbag Sunroof]",
		"post_add reverse Airbag.CarsOptional [VW]", "post_add reverse Sunroof.CarsOptional [VW]",
	)
	require.NoError(t, g.of(&g.airbag, "CarsOptional").Append(&g.vw, &g.bmw, &g.toyota)) // the VW has one
	g.assertSent(
		"pre_add Airbag.CarsOptional [BMW Toyota]",
		"pre_add reverse BMW.OptionalParts [Airbag]", "pre_add reverse Toyota.OptionalParts [Airbag]",
		"post_add Airbag.CarsOptional [BMW Toyota]",
		"post_add reverse BMW.OptionalParts [Airbag]", "post_add reverse Toyota.OptionalParts [Airbag]",
	)
	g.assertLinks("car_optional_parts", "VW Airbag", "VW Sunroof", "BMW Airbag", "Toyota Airbag")
	g.assertLinks("car_default_parts")
}

func TestM2MRelationsSignalsReverseRelationWithCustomRelatedName(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	require.NoError(t, g.of(&g.vw, "OptionalParts").Append(&g.airbag))
	g.hear()
	require.NoError(t, g.of(&g.airbag, "CarsOptional").Delete(&g.vw))
	g.assertSent(
		"pre_remove Airbag.CarsOptional [VW]", "pre_remove reverse VW.OptionalParts [Airbag]",
		"post_remove Airbag.CarsOptional [VW]", "post_remove reverse VW.OptionalParts [Airbag]",
	)
	g.assertLinks("car_optional_parts")
}

func TestM2MRelationsSignalsClearAllPartsOfTheSelfVW(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&g.doors, &g.engine))
	g.hear()
	require.NoError(t, g.of(&g.vw, "DefaultParts").Clear())
	// Differs: the keys are there, where Django's pk_set is None.
	g.assertSent(
		"pre_clear VW.DefaultParts [Doors Engine]",
		"pre_remove reverse Doors.Cars [VW]", "pre_remove reverse Engine.Cars [VW]",
		"post_clear VW.DefaultParts [Doors Engine]",
		"post_remove reverse Doors.Cars [VW]", "post_remove reverse Engine.Cars [VW]",
	)
	g.assertLinks("car_default_parts")
	require.NoError(t, g.of(&g.vw, "DefaultParts").Clear())
	g.assertSent() // Differs: nothing is left to go, and Django sends all the same.
}

func TestM2MRelationsSignalsAllTheDoorsOffOfCars(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	require.NoError(t, g.of(&g.doors, "Cars").Append(&g.vw, &g.bmw))
	require.NoError(t, g.of(&g.engine, "Cars").Append(&g.vw))
	g.hear()
	require.NoError(t, g.of(&g.doors, "Cars").Clear())
	g.assertSent(
		"pre_clear Doors.Cars [BMW VW]", "pre_remove reverse VW.DefaultParts [Doors]", "pre_remove reverse BMW.DefaultParts [Doors]",
		"post_clear Doors.Cars [BMW VW]", "post_remove reverse VW.DefaultParts [Doors]", "post_remove reverse BMW.DefaultParts [Doors]",
	)
	g.assertLinks("car_default_parts", "VW Engine")
}

func TestM2MRelationsSignalsReverseRelation(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	require.NoError(t, g.of(&g.airbag, "CarsOptional").Append(&g.vw))
	require.NoError(t, g.of(&g.airbag, "Cars").Append(&g.vw))
	g.hear()
	require.NoError(t, g.of(&g.airbag, "CarsOptional").Clear())
	g.assertSent(
		"pre_clear Airbag.CarsOptional [VW]", "pre_remove reverse VW.OptionalParts [Airbag]",
		"post_clear Airbag.CarsOptional [VW]", "post_remove reverse VW.OptionalParts [Airbag]",
	)
	g.assertLinks("car_optional_parts")
	g.assertLinks("car_default_parts", "VW Airbag")
}
