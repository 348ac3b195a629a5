package relations_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/relations"
)

// columns returns the columns of fields.
func columns(fields []*schema.Field) (names []string) {
	for _, f := range fields {
		names = append(names, f.DBName)
	}
	return names
}

// linkOf returns the only link of a model that a join model shows.
func linkOf(t *testing.T, db *gorm.DB, model, join any) *relations.Link {
	t.Helper()
	links := graphOf(t, db, model).Links(schemaOf(t, db, join))
	require.Len(t, links, 1)
	return links[0]
}

// of reads a join row.
func of(t *testing.T, l *relations.Link, row map[string]any) (own, other []any, ok bool) {
	t.Helper()
	return l.Of(t.Context(), func(f *schema.Field) any { return row[f.DBName] })
}

type (
	person struct {
		ID      uint
		Friends []person `gorm:"many2many:friendships"`
	}
	friendship struct {
		PersonID uint `gorm:"primaryKey"`
		FriendID uint `gorm:"primaryKey"`
	}
)

func TestAModelCanBeLinkedToItself(t *testing.T) {
	t.Parallel()
	db := open(t)
	l := linkOf(t, db, &person{}, &friendship{})
	own, other, ok := of(t, l, map[string]any{"person_id": uint(1), "friend_id": uint(2)})
	assert.True(t, ok)
	assert.Equal(t, [2][]any{{uint(1)}, {uint(2)}}, [2][]any{own, other})
	join := schemaOf(t, db, &friendship{})
	person, friend := join.FieldsByDBName["person_id"], join.FieldsByDBName["friend_id"]
	assert.True(t, l.OwnedThrough([]*schema.Field{person}))
	assert.False(t, l.OwnedThrough([]*schema.Field{friend}), "these are the others")
	assert.False(t, l.OwnedThrough([]*schema.Field{person, friend}))
	assert.False(t, l.OwnedThrough(nil))
}

type (
	city struct {
		Country string `gorm:"primaryKey"`
		Name    string `gorm:"primaryKey"`
		Lines   []line `gorm:"many2many:city_lines;joinReferences:LineCode;references:Code"`
	}
	line struct {
		ID   uint
		Code string
	}
	tram struct {
		ID     uint
		Cities []city `gorm:"many2many:tram_cities"`
	}
	bus struct {
		ID     uint
		Cities []city `gorm:"many2many:bus_cities;references:Country"`
	}
	tramCity struct {
		TramID      string // of another type than the key
		CityCountry string
		CityName    string
	}
	tramOnly struct {
		TramID uint `gorm:"primaryKey"`
	}
	tramHalf struct {
		TramID      uint `gorm:"primaryKey"`
		CityCountry string
	}
)

// TableName is that of the relation.
func (tramCity) TableName() string { return "tram_cities" }

// TableName is that of the relation.
func (tramHalf) TableName() string { return "tram_cities" }

// TableName is that of the relation.
func (tramOnly) TableName() string { return "tram_cities" }

func TestALinkKnowsWhetherItsTableHoldsPrimaryKeys(t *testing.T) {
	t.Parallel()
	db := open(t)
	toCities := linkOf(t, db, &tram{}, &tramCity{})
	assert.Equal(t, []string{"id"}, columns(toCities.OwnFields()))
	assert.Equal(t, []string{"country", "name"}, columns(toCities.OtherFields()))
	assert.True(t, toCities.OwnKeyed())
	key, held := toCities.OtherKey([]any{"NO", "Oslo"})
	assert.True(t, held)
	assert.Equal(t, []any{"NO", "Oslo"}, key)

	cities := schemaOf(t, db, &city{})
	lines, ok := cities.Relationships.Relations["Lines"]
	require.True(t, ok)
	links := graphOf(t, db, &city{}).Links(lines.JoinTable)
	require.Len(t, links, 1)
	toLines := links[0]
	assert.Equal(t, []string{"code"}, columns(toLines.OtherFields()))
	_, held = toLines.OtherKey([]any{"17"})
	assert.False(t, held, "it holds the code of a line")

	buses := schemaOf(t, db, &bus{}).Relationships.Relations["Cities"]
	links = graphOf(t, db, &bus{}).Links(buses.JoinTable)
	require.Len(t, links, 1)
	_, held = links[0].OtherKey([]any{"NO"})
	assert.False(t, held, "it holds half of the key of a city")
}

func TestALinksValuesHaveTheTypesOfTheFieldsThatTheyReferTo(t *testing.T) {
	t.Parallel()
	l := linkOf(t, open(t), &tram{}, &tramCity{})
	own, other, ok := of(t, l, map[string]any{"tram_id": "17", "city_country": "NO", "city_name": "Oslo"})
	assert.True(t, ok)
	assert.Equal(t, []any{uint(17)}, own)
	assert.Equal(t, []any{"NO", "Oslo"}, other)
	own, _, ok = of(t, l, map[string]any{"tram_id": "none", "city_country": "NO", "city_name": "Oslo"})
	assert.True(t, ok)
	assert.Equal(t, []any{"none"}, own, "as it is, where it does not fit")
	_, _, ok = of(t, l, map[string]any{"tram_id": "17", "city_country": "NO"})
	assert.False(t, ok, "one of two columns is NULL")
}

func TestAJoinModelThatLacksAColumnShowsNoLink(t *testing.T) {
	t.Parallel()
	db := open(t)
	assert.Empty(t, graphOf(t, db, &tram{}).Links(schemaOf(t, db, &tramOnly{})))
	assert.Empty(t, graphOf(t, db, &tram{}).Links(schemaOf(t, db, &tramHalf{})), "half of a key is none")
}

// edition is another model of books.
type edition struct {
	ID      uint
	Authors []author `gorm:"many2many:book_authors;joinForeignKey:BookID;joinReferences:AuthorID"`
}

func TestOwnersOfAnotherModelAreOnAnotherSide(t *testing.T) {
	t.Parallel()
	db := open(t)
	ofBooks, _ := linksOf(t, db)
	rel := schemaOf(t, db, &edition{}).Relationships.Relations["Authors"]
	var columns []*schema.Field
	for _, ref := range rel.References {
		if ref.OwnPrimaryKey {
			columns = append(columns, ref.ForeignKey)
		}
	}
	assert.True(t, ofBooks.OwnedThrough(columns), "though its column is the same")
	assert.False(t, ofBooks.SameSide(rel))
}

func TestALinkTableAffectsItsOwnersWithoutACascade(t *testing.T) {
	t.Parallel()
	db := open(t)
	g := graphOf(t, db, &tram{})
	join := schemaOf(t, db, &tram{}).Relationships.Relations["Cities"].JoinTable
	assert.ElementsMatch(t, []string{"tram_cities", "trams"}, names(g.Affected(join)))
}

func TestARelationCanKeepOneValueInAColumnOfItsTable(t *testing.T) {
	t.Parallel()
	db := open(t)
	join := schemaOf(t, db, &bookAuthor{})
	rel, ok := schemaOf(t, db, &book{}).Relationships.Relations["Authors"]
	require.True(t, ok)
	rel.References = append(rel.References, &schema.Reference{ForeignKey: join.FieldsByDBName["note"], PrimaryValue: "written"})
	var l *relations.Link
	for _, found := range graphOf(t, db, &book{}).Links(join) {
		if found.Name == "Authors" {
			l = found
		}
	}
	require.NotNil(t, l)
	for note, want := range map[any]bool{"written": true, "read": false, nil: false} {
		_, _, ok := of(t, l, map[string]any{"book_id": uint(1), "author_id": uint(2), "note": note})
		assert.Equal(t, want, ok, note)
	}
	owners := clause.IN{Column: clause.Column{Table: "book_authors", Name: "book_id"}, Values: []any{1}}
	for _, c := range []struct {
		fact             string
		also             []clause.Expression
		operated, clears bool
	}{
		{"without the value it is another relation's call", nil, false, false},
		{"with the value it is this one's", []clause.Expression{clause.Eq{Column: clause.Column{Name: "note"}, Value: "written"}}, true, true},
		{"also by the column's name", []clause.Expression{clause.Eq{Column: "note", Value: "written"}}, true, true},
		{"with another value it is not", []clause.Expression{clause.Eq{Column: "note", Value: "read"}}, false, false},
	} {
		operated, clears := l.Operated("book_authors", append([]clause.Expression{owners}, c.also...))
		assert.Equal(t, [2]bool{c.operated, c.clears}, [2]bool{operated, clears}, c.fact)
	}
}

func TestARelationWithoutAnOwnerIsNoLink(t *testing.T) {
	t.Parallel()
	db := open(t)
	join := schemaOf(t, db, &bookAuthor{})
	rel := schemaOf(t, db, &person{}).Relationships.Relations["Friends"]
	rel.References = []*schema.Reference{{ForeignKey: rel.References[0].ForeignKey, PrimaryValue: "1"}, rel.References[1]}
	assert.Empty(t, graphOf(t, db, &person{}).Links(rel.JoinTable))
	assert.Empty(t, graphOf(t, db, &person{}).Links(join))
}
