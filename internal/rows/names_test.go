package rows_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

type person struct{ Name, Email string }

type article struct {
	ID     uint
	Name   string
	Views  int
	Author person `gorm:"embedded;embeddedPrefix:author_"`
	Editor person `gorm:"embedded;embeddedPrefix:editor_"`
}

func columns(m *rows.Model, name string) []string {
	var found []string
	for _, f := range m.Fields(name) {
		found = append(found, f.DBName)
	}
	return found
}

func TestANameMeansAColumnAPathOrAllFieldsOfThatName(t *testing.T) {
	t.Parallel()
	m, _ := model[article](t, open(t))
	for name, want := range map[string][]string{
		"views": {"views"}, "Views": {"views"}, "author_email": {"author_email"}, "Author.Email": {"author_email"},
		"Email": {"author_email", "editor_email"}, "Name": {"name"}, "EditorName": {"editor_name"},
		"Author": nil, "Title": nil, "": nil, "Author.": nil,
	} {
		assert.Equal(t, want, columns(m, name), name)
	}
}

func TestNamesThatFieldsShareArePaths(t *testing.T) {
	t.Parallel()
	m, _ := model[article](t, open(t))
	var names []string
	for _, column := range m.Schema.DBNames {
		f := m.Schema.FieldsByDBName[column]
		names = append(names, m.Name(f))
		assert.Equal(t, []string{column}, columns(m, m.Name(f)), "a name leads back to its field")
	}
	assert.Equal(t, []string{"ID", "Name", "Views", "Author.Name", "Author.Email", "Editor.Name", "Editor.Email"}, names)
	assert.Equal(t, []string{"Author.Email", "Views"}, m.Names([]*schema.Field{field(t, m, "author_email"), field(t, m, "views")}))
}

func TestANameThatOneFieldHasIsNoPath(t *testing.T) {
	t.Parallel()
	type poem struct {
		ID     uint
		Author struct{ Pseudonym string } `gorm:"embedded"`
	}
	m, _ := model[poem](t, open(t))
	assert.Equal(t, "Pseudonym", m.Name(field(t, m, "pseudonym")))
	assert.Equal(t, []string{"pseudonym"}, columns(m, "Author.Pseudonym"), "the path means it too")
}

func TestASlipIsNearAName(t *testing.T) {
	t.Parallel()
	m, _ := model[article](t, open(t))
	for name, want := range map[string]string{
		"Veiws": "Views", "view": "Views", "VIEWS": "Views", "Author.Emial": "Author.Email", "auhtor_name": "author_name",
		"Colour": "", "x": "", "": "",
	} {
		assert.Equal(t, want, m.Near(name), name)
	}
}
