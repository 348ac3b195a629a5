package django_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
)

// SportsCar shares the fields of a Vehicle and has a relation of its own.
type SportsCar struct {
	ID uint
	Vehicle
	Price        int
	DefaultParts []*Part `gorm:"many2many:sports_car_parts;constraint:OnDelete:CASCADE"`
}

// Vehicle is what GORM has for inheritance: an embedded struct. An interface finds the models that embed it.
type Vehicle struct{ Name string }

// Title returns the name.
func (v *Vehicle) Title() string { return v.Name }

// Titled is any model that embeds Vehicle.
type Titled interface{ Title() string }

func TestM2MRelationsSignalsAlternativeWays(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	g.hear()
	windows := Part{Name: "Windows"}
	require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&windows)) // creates the part, as Django's create does
	g.assertSent(
		"pre_add VW.DefaultParts [Windows]", "pre_add reverse Windows.Cars [VW]",
		"post_add VW.DefaultParts [Windows]", "post_add reverse Windows.Cars [VW]",
	)
	g.assertLinks("car_default_parts", "VW Windows")
	// Differs: Django's set removes first. GORM's Replace inserts first.
	require.NoError(t, g.of(&g.vw, "DefaultParts").Replace(&g.wheelset, &g.doors, &g.engine))
	g.assertSent(
		"pre_add VW.DefaultParts [Doors Engine Wheelset]",
		"pre_add reverse Wheelset.Cars [VW]", "pre_add reverse Doors.Cars [VW]", "pre_add reverse Engine.Cars [VW]",
		"post_add VW.DefaultParts [Doors Engine Wheelset]",
		"post_add reverse Wheelset.Cars [VW]", "post_add reverse Doors.Cars [VW]", "post_add reverse Engine.Cars [VW]",
		"pre_remove VW.DefaultParts [Windows]", "pre_remove reverse Windows.Cars [VW]",
		"post_remove VW.DefaultParts [Windows]", "post_remove reverse Windows.Cars [VW]",
	)
	g.assertLinks("car_default_parts", "VW Wheelset", "VW Doors", "VW Engine")
}

func TestM2MRelationsSignalsClearingRemoving(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&g.sunroof))
	g.hear()
	require.NoError(t, g.of(&g.vw, "DefaultParts").Clear()) // set(..., clear=True) is two calls
	require.NoError(t, g.of(&g.vw, "DefaultParts").Append(&g.wheelset, &g.doors, &g.engine))
	g.assertSent(
		"pre_clear VW.DefaultParts [Sunroof]", "pre_remove reverse Sunroof.Cars [VW]",
		"post_clear VW.DefaultParts [Sunroof]", "post_remove reverse Sunroof.Cars [VW]",
		"pre_add VW.DefaultParts [Doors Engine Wheelset]",
		"pre_add reverse Wheelset.Cars [VW]", "pre_add reverse Doors.Cars [VW]", "pre_add reverse Engine.Cars [VW]",
		"post_add VW.DefaultParts [Doors Engine Wheelset]",
		"post_add reverse Wheelset.Cars [VW]", "post_add reverse Doors.Cars [VW]", "post_add reverse Engine.Cars [VW]",
	)
	require.NoError(t, g.of(&g.vw, "DefaultParts").Replace(&g.wheelset, &g.doors)) // only what is necessary goes
	g.assertSent(
		"pre_remove VW.DefaultParts [Engine]", "pre_remove reverse Engine.Cars [VW]",
		"post_remove VW.DefaultParts [Engine]", "post_remove reverse Engine.Cars [VW]",
	)
	g.assertLinks("car_default_parts", "VW Wheelset", "VW Doors")
}

func TestM2MRelationsSignalsWhenInheritance(t *testing.T) {
	t.Parallel()
	g := newGarage(t)
	g.hear()
	signals.Implementing[Titled](g.db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[Titled]) error {
		g.tr.add("%s %s.%s %v", e.Action, e.Instance.Title(), e.Relation, e.PKs)
		return nil
	})
	c4 := SportsCar{Vehicle: Vehicle{Name: "Bugatti"}, Price: 1000000}
	create(t, g.db, &c4)
	require.NoError(t, g.of(&c4, "DefaultParts").Append(&g.doors))
	// Differs: an embedding model has tables of its own, so its links are no links of Car. The part declares no way back.
	g.assertSent("pre_add Bugatti.DefaultParts [2]", "post_add Bugatti.DefaultParts [2]")
	assert.Equal(t, []string{"2"}, linked(t, g.db, "sports_car_parts", "part_id"))
	require.NoError(t, g.of(&c4, "DefaultParts").Replace(&g.engine))
	g.assertSent(
		"pre_add Bugatti.DefaultParts [3]", "post_add Bugatti.DefaultParts [3]",
		"pre_remove Bugatti.DefaultParts [2]", "post_remove Bugatti.DefaultParts [2]",
	)
	assert.Equal(t, []string{"3"}, linked(t, g.db, "sports_car_parts", "part_id"))
}

// society is a database with four people whose links are heard.
type society struct {
	garage

	alice, bob, chuck, daisy Person
}

func newSociety(t *testing.T) *society {
	t.Helper()
	s := &society{
		garage: garage{t: t, db: open(t, &Person{})},
		alice:  Person{FirstName: "Alice"}, bob: Person{FirstName: "Bob"}, chuck: Person{FirstName: "Chuck"}, daisy: Person{FirstName: "Daisy"},
	}
	create(t, s.db, &s.alice, &s.bob, &s.chuck, &s.daisy)
	hearLinks(s.db, &s.tr, func(p *Person) string { return p.FirstName })
	return s
}

func TestM2MRelationsWithSelfAddFriends(t *testing.T) {
	t.Parallel()
	s := newSociety(t)
	require.NoError(t, s.of(&s.alice, "Friends").Replace(&s.bob, &s.chuck))
	// Differs: Django adds the mirrored links of a symmetrical relation. GORM has none, so the friends declare no way back.
	s.assertSent("pre_add Alice.Friends [Bob Chuck]", "post_add Alice.Friends [Bob Chuck]")
	assert.Equal(t, []string{"1", "1"}, linked(t, s.db, "person_friends", "person_id"))
	assert.Equal(t, []string{"2", "3"}, linked(t, s.db, "person_friends", "friend_id"))
}

func TestM2MRelationsWithSelfAddFan(t *testing.T) {
	t.Parallel()
	s := newSociety(t)
	require.NoError(t, s.of(&s.alice, "Fans").Replace(&s.daisy))
	s.assertSent(
		"pre_add Alice.Fans [Daisy]", "pre_add reverse Daisy.Idols [Alice]",
		"post_add Alice.Fans [Daisy]", "post_add reverse Daisy.Idols [Alice]",
	)
	assert.Equal(t, []string{"1"}, linked(t, s.db, "person_fans", "person_id"))
	assert.Equal(t, []string{"4"}, linked(t, s.db, "person_fans", "fan_id"))
}

func TestM2MRelationsWithSelfAddIdols(t *testing.T) {
	t.Parallel()
	s := newSociety(t)
	require.NoError(t, s.of(&s.chuck, "Idols").Replace(&s.alice, &s.bob))
	s.assertSent(
		"pre_add Chuck.Idols [Alice Bob]", "pre_add reverse Alice.Fans [Chuck]", "pre_add reverse Bob.Fans [Chuck]",
		"post_add Chuck.Idols [Alice Bob]", "post_add reverse Alice.Fans [Chuck]", "post_add reverse Bob.Fans [Chuck]",
	)
	assert.Equal(t, []string{"1", "2"}, linked(t, s.db, "person_fans", "person_id"))
	assert.Equal(t, []string{"3", "3"}, linked(t, s.db, "person_fans", "fan_id"))
}
