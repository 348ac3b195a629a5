package behaviour_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Owner has one Passport and many Pets; a Pet belongs to a Vet.
type Owner struct {
	ID        uint
	Name      string
	Passport  *Passport
	Pets      []Pet
	UpdatedAt int64
}

// Passport belongs to one Owner.
type Passport struct {
	ID      uint
	Number  string
	OwnerID uint
}

// Pet belongs to an Owner and a Vet.
type Pet struct {
	ID      uint
	Name    string
	OwnerID uint
	VetID   *uint
	Vet     *Vet
}

// Vet is what a Pet belongs to.
type Vet struct {
	ID   uint
	Name string `gorm:"unique"`
}

func clinic(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db := open(t, &Owner{}, &Passport{}, &Vet{}, &Pet{})
	tr := traceOf(db, func(o *Owner) string { return "owner " + o.Name })
	into(tr, traceOf(db, func(p *Passport) string { return fmt.Sprint("passport ", p.Number, " of ", p.OwnerID) }))
	into(tr, traceOf(db, func(p *Pet) string { return fmt.Sprint("pet ", p.Name, " of ", p.OwnerID) }))
	into(tr, traceOf(db, func(v *Vet) string { return "vet " + v.Name }))
	return db, tr
}

func TestNestedRowsSendTheirOwnPairsInsideTheOwners(t *testing.T) {
	t.Parallel()
	db, tr := clinic(t)
	o := Owner{Name: "ann", Passport: &Passport{Number: "p1"}, Pets: []Pet{{Name: "rex", Vet: &Vet{Name: "dr"}}, {Name: "tom"}}}
	require.NoError(t, db.Create(&o).Error)
	assert.Equal(t, []string{
		"pre_save create owner ann",
		"pre_save create passport p1 of 1", "post_save create passport p1 of 1",
		"pre_save create pet rex of 1", "pre_save create pet tom of 1",
		"pre_save create vet dr", "post_save create vet dr",
		"post_save create pet rex of 1", "post_save create pet tom of 1",
		"post_save create owner ann",
	}, tr.take())
}

func TestAssociationRowsThatTheDatabaseLeavesAloneSendNothing(t *testing.T) {
	t.Parallel()
	db, tr := clinic(t)
	o := Owner{Name: "ann", Passport: &Passport{Number: "p1"}, Pets: []Pet{{Name: "rex", Vet: &Vet{Name: "dr"}}}}
	require.NoError(t, db.Create(&o).Error)
	tr.take()
	o.Name, o.Pets[0].Name, o.Pets[0].Vet.Name = "bob", "changed in memory", "changed too"
	o.Pets = append(o.Pets, Pet{Name: "tom"})
	require.NoError(t, db.Save(&o).Error)
	assert.Equal(t, []string{
		"pre_save update owner bob", "pre_save create pet tom of 1", "post_save create pet tom of 1", "post_save update owner bob",
	}, tr.take())
	assert.Equal(t, "rex", find[Pet](t, db, 1).Name)
}

func TestFullSaveAssociationsSendsForTheRowsThatItChanges(t *testing.T) {
	t.Parallel()
	db, tr := clinic(t)
	o := Owner{Name: "ann", Pets: []Pet{{Name: "rex"}, {Name: "tom"}}}
	require.NoError(t, db.Create(&o).Error)
	tr.take()
	o.Pets[0].Name = "max"
	require.NoError(t, db.Session(&gorm.Session{FullSaveAssociations: true}).Save(&o).Error)
	assert.Equal(t, []string{
		"pre_save update owner ann", "pre_save update pet max of 1", "post_save update pet max of 1", "post_save update owner ann",
	}, tr.take())
	assert.Equal(t, "max", find[Pet](t, db, 1).Name)
}

func TestAMovedHasManyRowSendsAnUpdateOfItsForeignKey(t *testing.T) {
	t.Parallel()
	db, tr := clinic(t)
	ann, bob := Owner{Name: "ann", Pets: []Pet{{Name: "rex"}}}, Owner{Name: "bob"}
	require.NoError(t, db.Create(&ann).Error)
	require.NoError(t, db.Create(&bob).Error)
	tr.take()
	var fields []string
	signals.For[Pet](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Pet]) error {
		fields = e.UpdateFields()
		return nil
	})
	require.NoError(t, db.Model(&bob).Association("Pets").Append(&ann.Pets[0]))
	assert.Equal(t, []string{
		"pre_save update owner bob", "pre_save update pet rex of 2", "post_save update pet rex of 2", "post_save update owner bob",
	}, tr.take())
	assert.Equal(t, []string{"OwnerID"}, fields)
}

func TestBelongsToAppendSendsTheOwnersSave(t *testing.T) {
	t.Parallel()
	db, tr := clinic(t)
	require.NoError(t, db.Create(&Owner{Name: "ann", Pets: []Pet{{Name: "rex"}}}).Error)
	tr.take()
	changes := changesOf[Pet](db)
	pet := find[Pet](t, db, 1)
	require.NoError(t, db.Model(&pet).Association("Vet").Append(&Vet{Name: "dr"}))
	assert.Equal(t, []string{
		"pre_save update pet rex of 1", "pre_save create vet dr", "post_save create vet dr", "post_save update pet rex of 1",
	}, tr.take())
	assert.Len(t, changes.take(), 1)
	assert.EqualValues(t, 1, *find[Pet](t, db, 1).VetID)
}

func TestHasManyClearReplaceAndDeleteAreSilentAndUnscopedOnesAreNot(t *testing.T) {
	t.Parallel()
	db := open(t, &Author{}, &Book{})
	a := Author{Name: "ann", Books: []Book{{Title: "one"}, {Title: "two"}, {Title: "three"}}}
	require.NoError(t, db.Create(&a).Error)
	tr := traceOf(db, func(b *Book) string { return b.Title })
	require.NoError(t, db.Model(&a).Association("Books").Delete(&a.Books[0]))
	assert.Empty(t, tr.take())
	require.NoError(t, db.Model(&a).Association("Books").Unscoped().Delete(&a.Books[0]))
	assert.Equal(t, []string{"pre_delete hard two", "post_delete hard two"}, tr.take())
	require.NoError(t, db.Model(&a).Association("Books").Unscoped().Clear())
	assert.Equal(t, []string{"pre_delete hard three", "post_delete hard three"}, tr.take())
}

// Author has many Books that can do without.
type Author struct {
	ID    uint
	Name  string
	Books []Book
}

// Book may have an Author.
type Book struct {
	ID       uint
	Title    string
	AuthorID *uint
}

func TestSelectDeletesTheChildrenWithTheirOwnPairs(t *testing.T) {
	t.Parallel()
	db, tr := clinic(t)
	o := Owner{Name: "ann", Passport: &Passport{Number: "p1"}, Pets: []Pet{{Name: "rex"}, {Name: "tom"}}}
	require.NoError(t, db.Create(&o).Error)
	tr.take()
	require.NoError(t, db.Select("Pets", "Passport").Delete(&o).Error)
	lines := tr.take()
	assert.Equal(t, "pre_delete hard owner ann", lines[0])
	assert.Equal(t, "post_delete hard owner ann", lines[len(lines)-1])
	assert.ElementsMatch(t, []string{
		"pre_delete hard passport p1 of 1", "post_delete hard passport p1 of 1",
		"pre_delete hard pet rex of 1", "pre_delete hard pet tom of 1", "post_delete hard pet rex of 1", "post_delete hard pet tom of 1",
	}, lines[1:len(lines)-1])
}

func TestFirstOrCreateSendsWhatItsCreateOrUpdateSends(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	var p Product
	require.NoError(t, db.Where(Product{Name: "a"}).FirstOrCreate(&p).Error)
	assert.Empty(t, tr.take())
	p = Product{}
	require.NoError(t, db.Where(Product{Name: "new"}).Attrs(Product{Price: 7}).FirstOrCreate(&p).Error)
	assert.Equal(t, []string{"pre_save create 0 new 7", "post_save create 4 new 7"}, tr.take())
	p = Product{}
	require.NoError(t, db.Where(Product{Name: "a"}).Assign(Product{Price: 8}).FirstOrCreate(&p).Error)
	assert.Equal(t, []string{"pre_save update 1 a 8", "post_save update 1 a 8"}, tr.take())
	p = Product{}
	require.NoError(t, db.Where(Product{Name: "nobody"}).FirstOrInit(&p).Error)
	assert.Empty(t, tr.take())
}

func TestImplementingHearsEveryModelWithTheInterface(t *testing.T) {
	t.Parallel()
	db := open(t, &Article{}, &Comment{}, &Product{})
	tr := &trace{}
	signals.Implementing[Titled](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[Titled]) error {
		tr.add("titled %s", e.Instance.ShownTitle())
		return nil
	})
	signals.Implementing[any](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error {
		tr.add("any %T of %s", e.Instance, e.Schema().Table)
		return nil
	}, signals.Priority(-1))
	signals.For[Article](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Article]) error {
		tr.add("article")
		return nil
	})
	require.NoError(t, db.Create(&Article{Base: Base{Title: "go"}}).Error)
	require.NoError(t, db.Create(&Comment{Base: Base{Title: "re: go"}}).Error)
	require.NoError(t, db.Create(&Product{}).Error)
	assert.Equal(t, []string{
		"titled go", "article", "any *behaviour_test.Article of articles",
		"titled re: go", "any *behaviour_test.Comment of comments",
		"any *behaviour_test.Product of products",
	}, tr.take())
}

// Titled is satisfied through an embedded struct.
type Titled interface{ ShownTitle() string }

// Base gives its models a title.
type Base struct{ Title string }

// ShownTitle returns the title.
func (b *Base) ShownTitle() string { return b.Title }

// Article embeds Base.
type Article struct {
	ID uint
	Base
}

// Comment embeds Base.
type Comment struct {
	ID uint
	Base
}

func TestBelongsToAndHasOneAreLetGoInSilence(t *testing.T) {
	t.Parallel()
	db, tr := clinic(t)
	o := Owner{Name: "ann", Passport: &Passport{Number: "p1"}, Pets: []Pet{{Name: "rex", Vet: &Vet{Name: "dr"}}}}
	require.NoError(t, db.Create(&o).Error)
	tr.take()
	pet := o.Pets[0]
	require.NoError(t, db.Model(&pet).Association("Vet").Delete(pet.Vet))
	assert.Nil(t, find[Pet](t, db, 1).VetID)
	require.NoError(t, db.Model(&pet).Association("Vet").Clear())
	require.NoError(t, db.Model(&o).Association("Passport").Clear())
	assert.Zero(t, find[Passport](t, db, 1).OwnerID)
	assert.Empty(t, tr.take())
}
