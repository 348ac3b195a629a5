package relations_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/relations"
)

func TestAddReturnsWhatAModelLeadsToAndWasNotKnown(t *testing.T) {
	t.Parallel()
	db := open(t)
	g := graphOf(t, db)
	// GORM describes a join table once for each relation.
	assert.ElementsMatch(t, []string{"books", "authors", "book_authors", "book_authors"}, names(g.Add(db, schemaOf(t, db, &book{}))))
	assert.ElementsMatch(t, []string{"shops", "shelves", "clerks", "tickets"}, names(g.Add(db, schemaOf(t, db, &shop{}))))
	assert.Empty(t, g.Add(db, schemaOf(t, db, &author{}), schemaOf(t, db, &ticket{})))
	assert.Equal(t, []string{"lonelies"}, names(g.Add(db, schemaOf(t, db, &lonely{}), schemaOf(t, db, &lonely{}))))
	assert.Len(t, g.Known(), 9)
}

func TestBelowIsWhatADeleteTakesAlong(t *testing.T) {
	t.Parallel()
	db := open(t)
	g := graphOf(t, db, &shop{}, &ticket{})
	for _, c := range []struct {
		name  string
		model any
		below []string
		reach []string
	}{
		{"constraint:OnDelete:CASCADE of a has many", &shop{}, []string{"shelves"}, []string{"shops", "shelves", "books", "tickets", "book_authors"}},
		{"of the model itself, in any case", &shelf{}, []string{"books", "shelves"}, []string{"shelves", "books", "tickets", "book_authors"}},
		{"of a belongs to, and of a many2many", &book{}, []string{"tickets", "book_authors"}, []string{"books", "tickets", "book_authors"}},
		{"of the other side of a many2many", &author{}, []string{"book_authors"}, []string{"authors", "book_authors"}},
		{"nothing", &clerk{}, nil, []string{"clerks"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sch := schemaOf(t, db, c.model)
			var below []string
			for _, edge := range g.Below(sch) {
				assert.Same(t, sch, edge.Parent)
				assert.Len(t, edge.ForeignKeys, len(edge.References))
				below = append(below, edge.Child.Table)
			}
			assert.ElementsMatch(t, c.below, below)
			assert.ElementsMatch(t, c.reach, names(g.Reach(sch)))
		})
	}
}

func TestAffectedIsWhatSendsSomethingElseWhenReceiversCome(t *testing.T) {
	t.Parallel()
	db := open(t)
	g := graphOf(t, db, &shop{}, &ticket{}, &lonely{})
	for _, c := range []struct {
		name     string
		model    any
		affected []string
	}{
		{"the model", &lonely{}, []string{"lonelies"}},
		{"and all that it goes with", &shelf{}, []string{"shelves", "shops"}},
		{"but no parent that it stays behind", &clerk{}, []string{"clerks"}},
		{"and its links, with both ends", &author{}, []string{"authors", "book_authors", "book_authors", "books", "shelves", "shops"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.ElementsMatch(t, c.affected, names(g.Affected(schemaOf(t, db, c.model))))
		})
	}
}

func TestAForeignKeyThatBothSidesDeclareCountsOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	g := graphOf(t, db, &both{}, &bothChild{})
	assert.Len(t, g.Below(schemaOf(t, db, &both{})), 1)
}

func TestAForeignKeyThatTwoRelationsDeclareCountsOnce(t *testing.T) {
	t.Parallel()
	type (
		child struct {
			ID        uint
			ParentID  uint
			GuardedBy uint
		}
		parent struct {
			ID       uint
			Children []child `gorm:"foreignKey:ParentID;constraint:OnDelete:CASCADE"`
			Oldest   *child  `gorm:"foreignKey:ParentID;constraint:OnDelete:CASCADE"`
			Guarded  []child `gorm:"foreignKey:GuardedBy;constraint:OnDelete:CASCADE"`
		}
	)
	db := open(t)
	var keys []string
	for _, edge := range graphOf(t, db, &parent{}).Below(schemaOf(t, db, &parent{})) {
		keys = append(keys, columns(edge.ForeignKeys)...)
	}
	assert.ElementsMatch(t, []string{"parent_id", "guarded_by"}, keys)
}

type (
	both struct {
		ID       uint
		Children []bothChild `gorm:"foreignKey:BothID;constraint:OnDelete:CASCADE"`
	}
	bothChild struct {
		ID     uint
		BothID uint
		Both   *both `gorm:"constraint:OnDelete:CASCADE"`
	}
)

func TestAGraphIsOutdatedOnceAJoinTableHasAModel(t *testing.T) {
	t.Parallel()
	db := open(t)
	g := graphOf(t, db, &book{})
	assert.False(t, g.Outdated())
	assert.False(t, new(relations.Graph).Outdated(), "an empty one")
	require.NoError(t, db.SetupJoinTable(&book{}, "Authors", &bookAuthor{}))
	assert.True(t, g.Outdated())
	again := graphOf(t, db, &book{})
	assert.False(t, again.Outdated())
	assert.Len(t, again.Links(schemaOf(t, db, &bookAuthor{})), 2)
}
