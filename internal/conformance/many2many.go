package conformance

import (
	"context"
	"errors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// many2manyCases are about the links of many2many relations.
func many2manyCases() []Case {
	return []Case{
		{"append of links", "Append sends add for the links that appear, to the operated side and then to the other with Reverse.", appendLinks},
		{"append of stored links", "Append of links that are there sends nothing.", appendStoredLinks},
		{"append of a new row", "Append of a new row sends its create and the link.", appendNewRow},
		{"replace of links", "Replace sends add for what comes and then remove for what goes.", replaceLinks},
		{"delete of links", "Delete sends remove for the links that were there, and nothing for others.", deleteLinks},
		{"clear of links", "Clear sends clear with what went; the other side hears remove.", clearLinks},
		{"clear of nothing", "Clear of a row without links sends nothing.", clearNothing},
		{"links from the other side", "The side that was operated on is told first, whichever it is.", otherSide},
		{"links of create", "Links of Create are sent inside the pair of the owner.", linksOfCreate},
		{"links of save", "Save adds links and removes none.", linksOfSave},
		{"delete with links", "Select of a many2many relation sends clear, inside the delete pair of the owner.", deleteWithLinks},
		{"instance of links", "Instance is the stored row, also when the caller holds only its key.", instanceOfLinks},
		{"join model", "Join rows written as a model send their own pairs and links to both sides, none Reverse.", joinModel},
		{"composite links", "PKs of a composite key are slices.", compositeLinks},
		{"links within a table", "A relation of a model to itself tells its direction.", selfLinks},
		{"veto of new links", "An error before or after an Append undoes it, with the rows that it has created.", vetoOfNewLinks},
		{"veto of a replace", "An error of the remove of a Replace undoes the remove; what was added stays unless the caller opened a transaction.", vetoOfReplace},
		{"fields of links", "Fields narrows m2m_changed to the named relations.", fieldsOfLinks},
		{"links after commit", "AfterCommit receivers hear post actions only, once the transaction has committed.", linksAfterCommit},
		{"silent links", "SkipHooks and Mute are silent for links.", silentLinks},
	}
}

// dishes stores soup with pepper and salt, stew with salt, rice without spices, and mace without dishes. Both sides have receivers.
func dishes(c *C) {
	c.Helper()
	tables(c, &Dish{}, &Spice{})
	require.NoError(c, c.DB.Create(&[]Spice{{Name: "mace"}, {Name: "pepper"}, {Name: "salt"}}).Error)
	for name, spices := range map[string][]Spice{"soup": {{Name: "pepper"}, {Name: "salt"}}, "stew": {{Name: "salt"}}, "rice": nil} {
		require.NoError(c, c.DB.Create(&Dish{Name: name, Spices: spices}).Error)
	}
	hearLinks[Dish](c)
	hearLinks[Spice](c)
}

func spicesOf(db *gorm.DB, dish string) *gorm.Association {
	return db.Model(&Dish{Name: dish}).Association("Spices")
}

// linked requires that exactly these links are stored, as "soup-pepper".
func linked(c *C, want ...string) {
	c.Helper()
	var rows []Dish
	require.NoError(c, c.truth().Preload("Spices", func(db *gorm.DB) *gorm.DB { return db.Order("name") }).Order("name").Find(&rows).Error)
	got := []string{}
	for _, dish := range rows {
		for _, spice := range dish.Spices {
			got = append(got, dish.Name+"-"+spice.Name)
		}
	}
	assert.Equal(c, append([]string{}, want...), got, "the links that are stored")
}

func appendLinks(c *C) {
	dishes(c)
	require.NoError(c, spicesOf(c.DB, "stew").Append(&[]Spice{{Name: "mace"}, {Name: "salt"}}))
	c.want(moves("add Dish.Spices of stew [mace]", "add Spice.Dishes of mace [stew] reverse"))
	linked(c, "soup-pepper", "soup-salt", "stew-mace", "stew-salt")
}

func appendStoredLinks(c *C) {
	dishes(c)
	require.NoError(c, spicesOf(c.DB, "soup").Append(&[]Spice{{Name: "pepper"}, {Name: "salt"}}))
	c.want()
	linked(c, "soup-pepper", "soup-salt", "stew-salt")
}

func appendNewRow(c *C) {
	dishes(c)
	hear[Spice](c)
	require.NoError(c, spicesOf(c.DB, "rice").Append(&Spice{Name: "curry"}))
	c.want(saves("Spice curry created"), moves("add Dish.Spices of rice [curry]", "add Spice.Dishes of curry [rice] reverse"))
	linked(c, "rice-curry", "soup-pepper", "soup-salt", "stew-salt")
}

func replaceLinks(c *C) {
	dishes(c)
	require.NoError(c, spicesOf(c.DB, "soup").Replace(&[]Spice{{Name: "mace"}, {Name: "salt"}}))
	c.want(
		moves("add Dish.Spices of soup [mace]", "add Spice.Dishes of mace [soup] reverse"),
		moves("remove Dish.Spices of soup [pepper]", "remove Spice.Dishes of pepper [soup] reverse"),
	)
	linked(c, "soup-mace", "soup-salt", "stew-salt")
}

func deleteLinks(c *C) {
	dishes(c)
	require.NoError(c, spicesOf(c.DB, "soup").Delete(&[]Spice{{Name: "pepper"}, {Name: "mace"}}))
	c.want(moves("remove Dish.Spices of soup [pepper]", "remove Spice.Dishes of pepper [soup] reverse"))
	linked(c, "soup-salt", "stew-salt")
	require.NoError(c, spicesOf(c.DB, "rice").Delete(&Spice{Name: "mace"}))
	c.want()
}

func clearLinks(c *C) {
	dishes(c)
	require.NoError(c, spicesOf(c.DB, "soup").Clear())
	c.want(moves("clear Dish.Spices of soup [pepper salt]",
		"remove Spice.Dishes of pepper [soup] reverse", "remove Spice.Dishes of salt [soup] reverse"))
	linked(c, "stew-salt")
}

func clearNothing(c *C) {
	dishes(c)
	require.NoError(c, spicesOf(c.DB, "rice").Clear())
	c.want()
}

func otherSide(c *C) {
	dishes(c)
	require.NoError(c, c.DB.Model(&Spice{Name: "mace"}).Association("Dishes").Append(&Dish{Name: "rice"}))
	c.want(moves("add Spice.Dishes of mace [rice]", "add Dish.Spices of rice [mace] reverse"))
	linked(c, "rice-mace", "soup-pepper", "soup-salt", "stew-salt")
}

func linksOfCreate(c *C) {
	dishes(c)
	hear[Dish](c)
	require.NoError(c, create(c, c.DB, &Dish{Name: "cake", Spices: []Spice{{Name: "mace"}}}))
	c.want(around("Dish cake created", moves("add Dish.Spices of cake [mace]", "add Spice.Dishes of mace [cake] reverse")))
	linked(c, "cake-mace", "soup-pepper", "soup-salt", "stew-salt")
}

func linksOfSave(c *C) {
	dishes(c)
	require.NoError(c, c.DB.Save(&Dish{Name: "soup", Spices: []Spice{{Name: "mace"}}}).Error)
	c.want(moves("add Dish.Spices of soup [mace]", "add Spice.Dishes of mace [soup] reverse"))
	linked(c, "soup-mace", "soup-pepper", "soup-salt", "stew-salt")
}

func deleteWithLinks(c *C) {
	dishes(c)
	hear[Dish](c)
	require.NoError(c, c.DB.Select("Spices").Delete(&Dish{Name: "stew"}).Error)
	lines := [][]string{line("pre_delete Dish stew"), moves("clear Dish.Spices of stew [salt]", "remove Spice.Dishes of salt [stew] reverse"), line("post_delete Dish stew")}
	c.want(lines...)
	require.NoError(c, c.DB.Select(clause.Associations).Delete(&Dish{Name: "soup"}).Error)
	assert.Contains(c, c.heard(), "post_clear Dish.Spices of soup [pepper salt]")
	linked(c)
}

func instanceOfLinks(c *C) {
	berths(c)
	signals.For[Sailor](c.DB).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Sailor]) error {
		var row Sailor
		require.NoError(c, e.DB().First(&row, "name = ?", e.Instance.Name).Error)
		assert.Equal(c, &row, e.Instance)
		c.say("%s", e.Action)
		return nil
	})
	require.NoError(c, c.DB.Model(&Sailor{Name: "ann"}).Association("Ships").Append(&Ship{Name: "argo"}))
	c.want([]string{"pre_add", "post_add"})
}

// berths stores ann and bob, argo and beagle, with a join model.
func berths(c *C) {
	c.Helper()
	require.NoError(c, errors.Join(c.DB.SetupJoinTable(&Sailor{}, "Ships", &Berth{}), c.DB.SetupJoinTable(&Ship{}, "Sailors", &Berth{})))
	tables(c, &Sailor{}, &Ship{})
	require.NoError(c, c.DB.Create(&[]Sailor{{Name: "ann", Age: 7}, {Name: "bob"}}).Error)
	require.NoError(c, c.DB.Create(&[]Ship{{Name: "argo"}, {Name: "beagle"}}).Error)
}
