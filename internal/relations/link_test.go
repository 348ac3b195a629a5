package relations_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/relations"
)

// linksOf returns the relations over the join table of books and authors: that of books and that of authors.
func linksOf(t *testing.T, db *gorm.DB) (ofBooks, ofAuthors *relations.Link) {
	t.Helper()
	require.NoError(t, db.SetupJoinTable(&book{}, "Authors", &bookAuthor{}))
	require.NoError(t, db.SetupJoinTable(&author{}, "Books", &bookAuthor{}))
	g := graphOf(t, db, &book{})
	for _, l := range g.Links(schemaOf(t, db, &bookAuthor{})) {
		if l.Name == "Authors" {
			ofBooks = l
		} else {
			ofAuthors = l
		}
	}
	require.NotNil(t, ofBooks)
	require.NotNil(t, ofAuthors)
	assert.Empty(t, g.Links(schemaOf(t, db, &book{})))
	return ofBooks, ofAuthors
}

func TestALinkIsReadFromItsJoinRow(t *testing.T) {
	t.Parallel()
	ofBooks, ofAuthors := linksOf(t, open(t))
	for _, c := range []struct {
		name       string
		link       *relations.Link
		row        map[string]any
		own, other []any
		ok         bool
	}{
		{"from the side of the book", ofBooks, map[string]any{"book_id": uint(1), "author_id": uint(2)}, []any{uint(1)}, []any{uint(2)}, true},
		{"from the side of the author", ofAuthors, map[string]any{"book_id": uint(1), "author_id": uint(2)}, []any{uint(2)}, []any{uint(1)}, true},
		{"not without its owner", ofBooks, map[string]any{"book_id": nil, "author_id": uint(2)}, nil, nil, false},
		{"not without the other side", ofBooks, map[string]any{"book_id": uint(1), "author_id": nil}, nil, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			own, other, ok := c.link.Of(t.Context(), func(f *schema.Field) any { return c.row[f.DBName] })
			require.Equal(t, c.ok, ok)
			if !ok {
				return
			}
			assert.Equal(t, c.own, own)
			assert.Equal(t, c.other, other)
			key, held := c.link.OtherKey(other)
			assert.True(t, held, "the join table holds the key")
			assert.Equal(t, c.other, key)
		})
	}
	assert.True(t, ofBooks.OwnKeyed())
	assert.True(t, ofBooks.SameSide(ofBooks.Relationship))
	assert.False(t, ofBooks.SameSide(ofAuthors.Relationship))
	assert.Equal(t, relations.Identity([]any{uint(1)}, []any{uint(2)}), relations.Identity([]any{1}, []any{int64(2)}))
	assert.NotEqual(t, relations.Identity([]any{1}, []any{12}), relations.Identity([]any{11}, []any{2}))
}

func TestJoinRowsBelongToTheOwnersThatHoldThem(t *testing.T) {
	t.Parallel()
	ofBooks, ofAuthors := linksOf(t, open(t))
	link := func(own, other uint) string { return relations.Identity([]any{own}, []any{other}) }
	for _, c := range []struct {
		name   string
		link   *relations.Link
		owners any
		rows   []string
		joins  bool
	}{
		{"of one owner", ofBooks, book{ID: 1, Authors: []author{{ID: 2}, {ID: 3}}}, []string{link(1, 2), link(1, 3)}, true},
		{"of some", ofBooks, []*book{{ID: 1, Authors: []author{{ID: 2}}}, nil, {ID: 4, Authors: []author{{ID: 2}}}}, []string{link(1, 2), link(4, 2)}, true},
		{"others", ofBooks, book{ID: 1, Authors: []author{{ID: 2}}}, []string{link(1, 3)}, false},
		{"of another model", ofAuthors, book{ID: 1, Authors: []author{{ID: 2}}}, []string{link(1, 2)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			owners := reflect.New(reflect.TypeOf(c.owners)).Elem()
			owners.Set(reflect.ValueOf(c.owners))
			assert.Equal(t, c.joins, c.link.Joins(t.Context(), owners, c.rows))
		})
	}
}

func TestADeleteOfJoinRowsIsACallOnARelation(t *testing.T) {
	t.Parallel()
	db := open(t)
	ofBooks, ofAuthors := linksOf(t, db)
	const table = "book_authors"
	in := func(column string) clause.Expression {
		return clause.IN{Column: clause.Column{Table: table, Name: column}, Values: []any{1}}
	}
	exists := func(rows, column string) clause.Expression {
		return clause.Expr{SQL: "EXISTS (?)", Vars: []any{db.Session(&gorm.Session{NewDB: true}).Table(rows).Select("1").Where(clause.Eq{
			Column: clause.Column{Table: rows, Name: "id"}, Value: clause.Column{Table: table, Name: column},
		})}}
	}
	for _, c := range []struct {
		name             string
		link             *relations.Link
		conditions       []clause.Expression
		operated, clears bool
	}{
		{"Clear names owners", ofBooks, []clause.Expression{in("book_id")}, true, true},
		{"Delete names owners and others", ofBooks, []clause.Expression{clause.Where{Exprs: []clause.Expression{in("book_id"), in("author_id")}}}, true, false},
		{"of the other relation", ofAuthors, []clause.Expression{in("book_id"), in("author_id")}, false, false},
		{"Unlink of the generics API", ofBooks, []clause.Expression{exists("books", "book_id")}, true, true},
		{"with conditions", ofBooks, []clause.Expression{exists("books", "book_id"), exists("authors", "author_id")}, true, false},
		{"of the other relation's owners", ofAuthors, []clause.Expression{exists("books", "book_id")}, false, false},
		{"somebody's own condition", ofBooks, []clause.Expression{clause.Expr{SQL: "note = ?", Vars: []any{"a"}}}, false, false},
		{"somebody's own EXISTS", ofBooks, []clause.Expression{clause.Expr{SQL: "EXISTS (?)", Vars: []any{1}}}, false, false},
		{"nothing", ofBooks, nil, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			operated, clears := c.link.Operated(table, c.conditions)
			assert.Equal(t, c.operated, operated)
			assert.Equal(t, c.clears, clears)
		})
	}
}
