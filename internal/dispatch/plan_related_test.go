package dispatch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// A shop has shelves, and a shelf has books. All are deleted with their parent. A poster is deleted with its shop and with its shelf. A clerk stays.
// A book has many authors. A review refers to the code of its book.
type (
	shop struct {
		ID      uint
		Shelves []shelf  `gorm:"constraint:OnDelete:CASCADE"`
		Posters []poster `gorm:"constraint:OnDelete:CASCADE"`
		Clerks  []clerk
	}
	shelf struct {
		ID      uint
		ShopID  uint
		Books   []book   `gorm:"constraint:OnDelete:CASCADE"`
		Posters []poster `gorm:"constraint:OnDelete:CASCADE"`
	}
	poster struct {
		ID      uint
		ShopID  uint
		ShelfID uint
	}
	clerk struct {
		ID     uint
		ShopID uint
	}
	book struct {
		ID      uint
		ShelfID uint
		Code    string   `gorm:"unique"`
		Authors []author `gorm:"many2many:book_authors"`
		Reviews []review `gorm:"foreignKey:BookCode;references:Code;constraint:OnDelete:CASCADE"`
	}
	author struct {
		ID    uint
		Books []book `gorm:"many2many:book_authors"`
	}
	review struct {
		ID       uint
		BookCode string
	}
	// A post is linked to tags. Its links are deleted with the post and with the tag.
	post struct {
		ID   uint
		Tags []tag `gorm:"many2many:post_tags;constraint:OnDelete:CASCADE"`
	}
	tag struct{ ID uint }
	// A part is deleted with its parent part, and a label with its part.
	part struct {
		ID     uint
		Above  *uint
		Parts  []part  `gorm:"foreignKey:Above;constraint:OnDelete:CASCADE"`
		Labels []label `gorm:"constraint:OnDelete:CASCADE"`
	}
	label struct {
		ID     uint
		PartID uint
	}
)

// bookAuthor is a model for the join table of books and authors.
type bookAuthor struct {
	BookID   uint `gorm:"primaryKey"`
	AuthorID uint `gorm:"primaryKey"`
}

// TableName returns the name that the relations give.
func (bookAuthor) TableName() string { return "book_authors" }

// tree shows the models whose rows are deleted with rows of a plan, and so on downwards. Shared models have a star.
func tree(p *dispatch.Plan) string {
	parts := make([]string, len(p.Cascades))
	for i, c := range p.Cascades {
		if parts[i] = c.Plan.Sender; p.Shared[c.Child] {
			parts[i] += "*"
		}
		if c.Plan == p {
			continue
		}
		if below := tree(c.Plan); below != "" {
			parts[i] += "(" + below + ")"
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func TestCascadesLeadToPlansOfThoseWhoHear(t *testing.T) {
	t.Parallel()
	type listener struct {
		model any
		kind  dispatch.Kind
		set   func(*dispatch.Entry)
	}
	deletes := func(model any) listener { return listener{model, dispatch.PostDelete, need(row)} }
	for _, c := range []struct {
		fact  string
		of    any
		by    []listener
		want  string
		needs dispatch.Need
	}{
		{"a child that is listened to", &shelf{}, []listener{deletes(&book{})}, "book", dispatch.Keys},
		{"what is below a child that nobody listens to", &shop{}, []listener{deletes(&book{})}, "shelf(book)", dispatch.Keys},
		{"nothing for receivers of saves", &shop{}, []listener{{&shelf{}, dispatch.PostSave, need(row)}, {&shop{}, dispatch.PreSave, need(row)}}, "", 0},
		{"nothing for rows that stay", &shop{}, []listener{deletes(&clerk{}), {&shop{}, dispatch.PreSave, need(row)}}, "", 0},
		{"nothing for parents", &book{}, []listener{deletes(&shelf{}), {&book{}, dispatch.PreSave, need(row)}}, "", 0},
		{"children whose receivers want net events, also of saves", &shop{}, []listener{{&shelf{}, dispatch.PostSave, net}}, "shelf", dispatch.Keys},
		{"a child in two ways is shared", &shop{}, []listener{deletes(&poster{})}, "poster* shelf(poster)", dispatch.Keys},
		{"a child by a column that is no key needs the whole row", &book{}, []listener{deletes(&review{})}, "review", row},
		{"rows that go with rows of the same model", &part{}, []listener{deletes(&part{})}, "part*", row},
		{"below such rows all is shared", &part{}, []listener{deletes(&label{})}, "label* part*", dispatch.Keys},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, l := range c.by {
				w.on(l.model, l.kind, w.receiver("a"), l.set)
			}
			p := w.planOf(c.of)
			require.NotNil(t, p)
			assert.Equal(t, c.want, tree(p))
			assert.Equal(t, c.needs, p.Needs.Delete)
			assert.Equal(t, c.want != "", p.Listens(dispatch.PreDelete, dispatch.PostDelete), "the writes of the parent are followed for it")
			for _, below := range p.Cascades {
				assert.Same(t, w.PlanFor(below.Child), below.Plan, "it is the plan of the child's own writes")
			}
		})
	}
}

func TestACascadeIsNoEventOfTheParent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&book{}, dispatch.PostDelete, w.receiver("a"), need(row))
	p := w.planOf(&shelf{})
	assert.False(t, p.ListensToDeletes())
	assert.False(t, p.Listens(dispatch.PreSave, dispatch.PostSave))
	assert.Nil(t, w.planOf(&review{}), "nor does a child hear of its parents")
}

func TestAModelIsAtomicBelowIfWhatGoesWithItsRowsIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&book{}, dispatch.PreDelete, w.receiver("a"), need(row), atomic)
	w.on(&clerk{}, dispatch.PreDelete, w.receiver("b"), need(row))
	for _, c := range []struct {
		model         any
		atomic, below bool
	}{{&book{}, true, true}, {&shelf{}, false, true}, {&shop{}, false, true}, {&clerk{}, false, false}} {
		p := w.planOf(c.model)
		assert.Equal(t, c.atomic, p.Atomic, p.Sender)
		assert.Equal(t, c.below, p.AtomicBelow, p.Sender)
	}
}

// joinOf returns the join table of books and authors as the relation of books has it.
func (w *world) joinOf(model any, relation string) *schema.Schema {
	w.t.Helper()
	r := w.schemaOf(model).Relationships.Relations[relation]
	require.NotNil(w.t, r)
	return r.JoinTable
}

// sides shows the relations that the rows of a plan's table are the links of, with the sender of each.
func sides(p *dispatch.Plan) string {
	all := make([]string, len(p.Sides))
	for i, s := range p.Sides {
		all[i] = s.Plan.Sender + "." + s.Name
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestLinksLeadToPlansOfTheSidesThatListen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact    string
		connect func(w *world)
		want    string
	}{
		{"none without a receiver of links", func(w *world) { w.on(&book{}, dispatch.PostSave, w.receiver("a")) }, ""},
		{"the side whose model listens", func(w *world) { w.on(&book{}, dispatch.M2mChanged, w.receiver("a")) }, "book.Authors"},
		{"the other side", func(w *world) { w.on(&author{}, dispatch.M2mChanged, w.receiver("a")) }, "author.Books"},
		{"both", func(w *world) { w.connect(wide("book", "author"), dispatch.M2mChanged, w.receiver("a")) }, "author.Books book.Authors"},
		{"a receiver of the relation", func(w *world) {
			w.on(&book{}, dispatch.M2mChanged, w.receiver("a"), func(e *dispatch.Entry) { e.Fields = []string{"Authors"} })
		}, "book.Authors"},
		{"no receiver of another relation", func(w *world) {
			w.on(&book{}, dispatch.M2mChanged, w.receiver("a"), func(e *dispatch.Entry) { e.Fields = []string{"Tags"} })
		}, ""},
		{"also one that waits", func(w *world) { w.on(&book{}, dispatch.M2mChanged, w.receiver("a"), in(dispatch.AfterCommit)) }, "book.Authors"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.connect(w)
			w.planOf(&book{})
			w.planOf(&author{})
			p := w.PlanFor(w.joinOf(&book{}, "Authors"))
			if c.want == "" {
				assert.Nil(t, p)
				return
			}
			require.NotNil(t, p)
			assert.Equal(t, c.want, sides(p))
			assert.Len(t, p.Links, 2, "all relations over the table are known then")
			assert.Equal(t, dispatch.Original, p.Needs.Save, "both ends of a link are read, before and after")
			assert.Equal(t, row, p.Needs.Delete)
			assert.True(t, p.Listens(dispatch.PreSave, dispatch.PostSave))
			assert.True(t, p.ListensToDeletes())
			for _, s := range p.Sides {
				assert.Same(t, w.PlanFor(s.Schema), s.Plan)
			}
		})
	}
}

func TestLinksThatGoWithARowLeadToTheirSides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&post{}, dispatch.M2mChanged, w.receiver("a"))
	for _, model := range []any{&post{}, &tag{}} {
		p := w.planOf(model)
		require.NotNil(t, p)
		require.Len(t, p.Cascades, 1, p.Sender)
		assert.Equal(t, "post.Tags", sides(p.Cascades[0].Plan))
	}
}

func TestStatementsAreMarkedThatMakeLinksThroughAModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact    string
		modeled bool
		kind    dispatch.Kind
		book    bool
		author  bool
	}{
		{"the join table has a model, and somebody listens to links", true, dispatch.M2mChanged, true, true},
		{"nobody listens to links", true, dispatch.PostSave, false, false},
		{"the join table has no model", false, dispatch.M2mChanged, false, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.modeled {
				require.NoError(t, w.db.SetupJoinTable(&book{}, "Authors", &bookAuthor{}))
				require.NoError(t, w.db.SetupJoinTable(&author{}, "Books", &bookAuthor{}))
			}
			w.on(&book{}, c.kind, w.receiver("a"))
			p := w.planOf(&book{})
			require.NotNil(t, p)
			assert.Equal(t, c.book, p.Marks)
			other := w.planOf(&author{})
			assert.Equal(t, c.author, other != nil && other.Marks, "the model on the other side makes the same links")
		})
	}
}
