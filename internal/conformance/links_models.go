package conformance

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// Product and Tag are linked by a join table without a model. Links of a deleted row are deleted with it.
type Product struct {
	ID   uint
	Name string
	Tags []Tag `gorm:"many2many:product_tags;constraint:OnDelete:CASCADE"`
}

// Tag is linked to Product. Its key is a text.
type Tag struct {
	Slug     string `gorm:"primaryKey;size:32"`
	Name     string
	Products []*Product `gorm:"many2many:product_tags;constraint:OnDelete:CASCADE"`
}

// Student and Course are linked by a join table with a model.
type Student struct {
	ID         uint
	Name       string
	Courses    []*Course   `gorm:"many2many:enrolments;constraint:OnDelete:CASCADE"`
	Enrolments []Enrolment `gorm:"constraint:OnDelete:CASCADE"`
}

// Course is linked to Student.
type Course struct {
	ID       uint
	Name     string
	Students []Student `gorm:"many2many:enrolments;constraint:OnDelete:CASCADE"`
}

// Enrolment is a link of a Student and a Course. It can be soft-deleted.
type Enrolment struct {
	StudentID uint `gorm:"primaryKey;autoIncrement:false"`
	CourseID  uint `gorm:"primaryKey;autoIncrement:false"`
	Grade     string
	DeletedAt gorm.DeletedAt
}

// Person is linked to persons: by a join table with a relation for each end, and by one with a relation for one end only.
type Person struct {
	ID        uint
	Name      string
	Following []*Person `gorm:"many2many:follows;joinForeignKey:FollowerID;joinReferences:FollowedID"`
	Followers []*Person `gorm:"many2many:follows;joinForeignKey:FollowedID;joinReferences:FollowerID"`
	Friends   []*Person `gorm:"many2many:friends;joinForeignKey:PersonID;joinReferences:FriendID"`
}

// Book is linked to Section. It can be soft-deleted.
type Book struct {
	ID        uint
	Name      string
	DeletedAt gorm.DeletedAt
	Sections  []Section `gorm:"many2many:book_sections"`
}

// Section is linked to Book. Its key has two columns.
type Section struct {
	Shelf  string `gorm:"primaryKey;size:8"`
	Number uint   `gorm:"primaryKey;autoIncrement:false"`
	Name   string
	Books  []Book `gorm:"many2many:book_sections"`
}

// Writer is linked to Genre by its Code, which is not its key.
type Writer struct {
	ID     uint
	Name   string
	Genres []Genre `gorm:"many2many:writer_genres;references:Code;joinReferences:GenreCode"`
}

// Genre is linked to Writer by its Code.
type Genre struct {
	ID      uint
	Code    string `gorm:"size:32;uniqueIndex"`
	Name    string
	Writers []Writer `gorm:"many2many:writer_genres;foreignKey:Code;joinForeignKey:GenreCode"`
}

// record is a row of one of the linked models.
type record interface {
	key() []any
	name() *string
	bare() record            // a row with only the columns that links need
	fill(n int, keyed bool)  // makes a new row; with keyed it sets a key that the database would otherwise generate
	columns() map[string]any // of a new row
}

func numbered(id uint, name string) map[string]any {
	m := map[string]any{"name": name}
	if id != 0 {
		m["id"] = id
	}
	return m
}

// id returns the key of a new row: 0, or one that the database does not generate itself.
func id(n int, keyed bool) uint {
	if !keyed {
		return 0
	}
	return uint(1000 * n)
}

func (p *Product) key() []any    { return []any{p.ID} }
func (p *Product) name() *string { return &p.Name }
func (p *Product) bare() record  { return &Product{ID: p.ID} }
func (p *Product) fill(n int, keyed bool) {
	*p = Product{ID: id(n, keyed), Name: fmt.Sprint("product", n)}
}
func (p *Product) columns() map[string]any { return numbered(p.ID, p.Name) }

func (t *Tag) key() []any              { return []any{t.Slug} }
func (t *Tag) name() *string           { return &t.Name }
func (t *Tag) bare() record            { return &Tag{Slug: t.Slug} }
func (t *Tag) fill(n int, _ bool)      { *t = Tag{Slug: fmt.Sprint("t", n), Name: fmt.Sprint("tag", n)} }
func (t *Tag) columns() map[string]any { return map[string]any{"slug": t.Slug, "name": t.Name} }

func (s *Student) key() []any    { return []any{s.ID} }
func (s *Student) name() *string { return &s.Name }
func (s *Student) bare() record  { return &Student{ID: s.ID} }
func (s *Student) fill(n int, keyed bool) {
	*s = Student{ID: id(n, keyed), Name: fmt.Sprint("student", n)}
}
func (s *Student) columns() map[string]any { return numbered(s.ID, s.Name) }

func (c *Course) key() []any    { return []any{c.ID} }
func (c *Course) name() *string { return &c.Name }
func (c *Course) bare() record  { return &Course{ID: c.ID} }
func (c *Course) fill(n int, keyed bool) {
	*c = Course{ID: id(n, keyed), Name: fmt.Sprint("course", n)}
}
func (c *Course) columns() map[string]any { return numbered(c.ID, c.Name) }

func (p *Person) key() []any    { return []any{p.ID} }
func (p *Person) name() *string { return &p.Name }
func (p *Person) bare() record  { return &Person{ID: p.ID} }
func (p *Person) fill(n int, keyed bool) {
	*p = Person{ID: id(n, keyed), Name: fmt.Sprint("person", n)}
}
func (p *Person) columns() map[string]any { return numbered(p.ID, p.Name) }

func (b *Book) key() []any              { return []any{b.ID} }
func (b *Book) name() *string           { return &b.Name }
func (b *Book) bare() record            { return &Book{ID: b.ID} }
func (b *Book) fill(n int, keyed bool)  { *b = Book{ID: id(n, keyed), Name: fmt.Sprint("book", n)} }
func (b *Book) columns() map[string]any { return numbered(b.ID, b.Name) }

func (s *Section) key() []any    { return []any{s.Shelf, s.Number} }
func (s *Section) name() *string { return &s.Name }
func (s *Section) bare() record  { return &Section{Shelf: s.Shelf, Number: s.Number} }
func (s *Section) fill(n int, _ bool) {
	*s = Section{Shelf: string(rune('a' + n%2)), Number: uint(n), Name: fmt.Sprint("section", n)}
}

func (s *Section) columns() map[string]any {
	return map[string]any{"shelf": s.Shelf, "number": s.Number, "name": s.Name}
}

func (w *Writer) key() []any    { return []any{w.ID} }
func (w *Writer) name() *string { return &w.Name }
func (w *Writer) bare() record  { return &Writer{ID: w.ID} }
func (w *Writer) fill(n int, keyed bool) {
	*w = Writer{ID: id(n, keyed), Name: fmt.Sprint("writer", n)}
}
func (w *Writer) columns() map[string]any { return numbered(w.ID, w.Name) }

func (g *Genre) key() []any    { return []any{g.ID} }
func (g *Genre) name() *string { return &g.Name }
func (g *Genre) bare() record  { return &Genre{ID: g.ID, Code: g.Code} }
func (g *Genre) fill(n int, keyed bool) {
	*g = Genre{ID: id(n, keyed), Code: fmt.Sprint("g", n), Name: fmt.Sprint("genre", n)}
}

func (g *Genre) columns() map[string]any {
	m := numbered(g.ID, g.Name)
	m["code"] = g.Code
	return m
}

// model has the operations of the scripts on one of the linked models.
type model struct {
	name, table string
	keys        []string
	second      bool // it is the other side of its join table
	fresh       func(n int, keyed bool) record
	load        func(db *gorm.DB) ([]record, error)
	list        func(rows []record, pointers bool) any
	connect     func(db *gorm.DB, hear func(change) error, opts ...signals.ConnectOption) func() bool
	set         func(db *gorm.DB, name string, op clause.Association) error
	batch       func(db *gorm.DB, hear func(change) error, opts ...signals.ConnectOption) func() bool
}

// pointer is a pointer to a linked model.
type pointer[T any] interface {
	*T
	record
}

func modelOf[T any, P pointer[T]](name, table string, keys ...string) *model {
	m := &model{name: name, table: table, keys: keys}
	m.fresh = func(n int, keyed bool) record {
		row := P(new(T))
		row.fill(n, keyed)
		return row
	}
	m.load = func(db *gorm.DB) ([]record, error) {
		var rows []*T
		err := db.Order(strings.Join(keys, ", ")).Find(&rows).Error
		records := make([]record, len(rows))
		for i, row := range rows {
			records[i] = P(row)
		}
		return records, err
	}
	m.list = func(rows []record, pointers bool) any {
		if pointers {
			list := pointersTo[T, P](rows)
			return &list
		}
		list := valuesOf[T, P](rows)
		return &list
	}
	m.set = func(db *gorm.DB, name string, op clause.Association) error {
		_, err := gorm.G[T](db).Where("name = ?", name).Set(op).Update(db.Statement.Context)
		return err
	}
	event := func(e signals.M2MEvent[*T]) change {
		return change{db: e.DB(), model: m, row: P(e.Instance), relation: e.Relation, action: e.Action, reverse: e.Reverse, keys: e.PKs}
	}
	m.connect = func(db *gorm.DB, hear func(change) error, opts ...signals.ConnectOption) func() bool {
		return signals.For[T](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*T]) error { return hear(event(e)) }, opts...)
	}
	m.batch = func(db *gorm.DB, hear func(change) error, opts ...signals.ConnectOption) func() bool {
		return signals.For[T](db).M2MChanged.ConnectBatch(func(_ context.Context, events []signals.M2MEvent[*T]) error {
			for _, e := range events {
				if err := hear(event(e)); err != nil {
					return err
				}
			}
			return nil
		}, opts...)
	}
	return m
}

func pointersTo[T any, P pointer[T]](rows []record) []*T {
	list := make([]*T, 0, len(rows))
	for _, row := range rows {
		if p, ok := row.(P); ok {
			list = append(list, p)
		}
	}
	return list
}

func valuesOf[T any, P pointer[T]](rows []record) []T {
	list := make([]T, 0, len(rows))
	for _, p := range pointersTo[T, P](rows) {
		list = append(list, *p)
	}
	return list
}

// side is a relation: one side of a join table.
type side struct {
	owner, other *model
	relation     string
	join         string // the join table
	query        string // selects the keys of both ends of every live link
	set          func(owner record, rows []record)
}

func (s *side) String() string { return s.owner.name + "." + s.relation }

// sideOf is a relation whose field is a slice of structs.
func sideOf[O, T any, OP pointer[O], TP pointer[T]](s side, field func(*O) *[]T) *side {
	s.set = func(owner record, rows []record) {
		if o, ok := owner.(OP); ok {
			*field(o) = valuesOf[T, TP](rows)
		}
	}
	return &s
}

// pointerSideOf is a relation whose field is a slice of pointers.
func pointerSideOf[O, T any, OP pointer[O], TP pointer[T]](s side, field func(*O) *[]*T) *side {
	s.set = func(owner record, rows []record) {
		if o, ok := owner.(OP); ok {
			*field(o) = pointersTo[T, TP](rows)
		}
	}
	return &s
}

// relations returns all models and their relations.
func relations() ([]*model, []*side) {
	product, tag := modelOf[Product]("Product", "products", "id"), modelOf[Tag]("Tag", "tags", "slug")
	student, course := modelOf[Student]("Student", "students", "id"), modelOf[Course]("Course", "courses", "id")
	book, section := modelOf[Book]("Book", "books", "id"), modelOf[Section]("Section", "sections", "shelf", "number")
	writer, genre := modelOf[Writer]("Writer", "writers", "id"), modelOf[Genre]("Genre", "genres", "id")
	person := modelOf[Person]("Person", "people", "id")
	for _, m := range []*model{tag, course, section, genre} {
		m.second = true
	}
	coded := " FROM writer_genres JOIN genres ON genres.code = writer_genres.genre_code"
	return []*model{product, tag, student, course, person, book, section, writer, genre}, []*side{
		sideOf(side{product, tag, "Tags", "product_tags", "SELECT product_id, tag_slug FROM product_tags", nil}, func(p *Product) *[]Tag { return &p.Tags }),
		pointerSideOf(side{tag, product, "Products", "product_tags", "SELECT tag_slug, product_id FROM product_tags", nil}, func(t *Tag) *[]*Product { return &t.Products }),
		pointerSideOf(side{student, course, "Courses", "enrolments", "SELECT student_id, course_id FROM enrolments WHERE deleted_at IS NULL", nil}, func(s *Student) *[]*Course { return &s.Courses }),
		sideOf(side{course, student, "Students", "enrolments", "SELECT course_id, student_id FROM enrolments WHERE deleted_at IS NULL", nil}, func(c *Course) *[]Student { return &c.Students }),
		pointerSideOf(side{person, person, "Following", "follows", "SELECT follower_id, followed_id FROM follows", nil}, func(p *Person) *[]*Person { return &p.Following }),
		pointerSideOf(side{person, person, "Followers", "follows", "SELECT followed_id, follower_id FROM follows", nil}, func(p *Person) *[]*Person { return &p.Followers }),
		pointerSideOf(side{person, person, "Friends", "friends", "SELECT person_id, friend_id FROM friends", nil}, func(p *Person) *[]*Person { return &p.Friends }),
		sideOf(side{book, section, "Sections", "book_sections", "SELECT book_id, section_shelf, section_number FROM book_sections", nil}, func(b *Book) *[]Section { return &b.Sections }),
		sideOf(side{section, book, "Books", "book_sections", "SELECT section_shelf, section_number, book_id FROM book_sections", nil}, func(s *Section) *[]Book { return &s.Books }),
		sideOf(side{writer, genre, "Genres", "writer_genres", "SELECT writer_genres.writer_id, genres.id" + coded, nil}, func(w *Writer) *[]Genre { return &w.Genres }),
		sideOf(side{genre, writer, "Writers", "writer_genres", "SELECT genres.id, writer_genres.writer_id" + coded, nil}, func(g *Genre) *[]Writer { return &g.Writers }),
	}
}
