package conformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// cascadeCases are about rows that the database deletes with their parent.
func cascadeCases() []Case {
	return []Case{
		{"cascade", "A cascade sends a delete pair with Cascade for every row of every level, children before parents in both phases.", cascade},
		{"cascade by condition", "A delete by a condition cascades for the rows that it matches.", cascadeByCondition},
		{"forms of a cascade", "Every form of a delete cascades alike, and RowsAffected does not count what cascades.", formsOfCascade},
		{"cascade through", "A cascade reaches through models that nobody listens to.", cascadeThrough},
		{"soft delete of a parent", "A soft delete cascades nothing; when the row really goes, its children do.", softDeleteOfParent},
		{"hard delete of soft-deleted children", "Soft-deleted children that really go send a pair without Soft.", hardDeleteOfChildren},
		{"cascade within a table", "A row that is matched and would cascade too sends one pair.", cascadeWithinTable},
		{"cascade of links", "Links that cascade send clear to the deleted row and remove to the other side.", cascadeOfLinks},
		{"cascade without a constraint", "Where the database has no foreign key nothing goes, and nothing is sent.", cascadeWithoutConstraint},
		{"veto of a cascaded row", "An error for a cascaded row undoes the whole delete.", vetoOfCascade},
	}
}

// houses stores two houses: hut with a kitchen (stool) and a bath, and inn with a bar (bench).
func houses(c *C) {
	c.Helper()
	tables(c, &House{}, &Room{}, &Chair{})
	require.NoError(c, c.DB.Create(&House{Name: "hut", Rooms: []Room{{Name: "kitchen", Chairs: []Chair{{Name: "stool"}}}, {Name: "bath"}}}).Error)
	require.NoError(c, c.DB.Create(&House{Name: "inn", Rooms: []Room{{Name: "bar", Chairs: []Chair{{Name: "bench"}}}}}).Error)
}

func cascade(c *C) {
	houses(c)
	hear[House](c)
	hear[Room](c)
	hear[Chair](c)
	result := c.DB.Delete(&House{Name: "hut"})
	require.NoError(c, result.Error)
	require.EqualValues(c, 1, result.RowsAffected)
	c.want(removes("Chair stool cascade", "Room bath cascade", "Room kitchen cascade", "House hut"))
	stored[House](c, "inn")
	stored[Room](c, "bar")
	stored[Chair](c, "bench")
}

func cascadeByCondition(c *C) {
	houses(c)
	hear[House](c)
	hear[Room](c)
	_, err := remove[House](c, c.DB, "name <> ?", "hut")
	require.NoError(c, err)
	c.want(removes("Room bar cascade", "House inn"))
	stored[Chair](c, "stool")
}

func formsOfCascade(c *C) {
	for name, call := range map[string]func(db *gorm.DB) *gorm.DB{
		"slice":          func(db *gorm.DB) *gorm.DB { return db.Delete(&[]House{{Name: "hut"}, {Name: "none"}}) },
		"keys":           func(db *gorm.DB) *gorm.DB { return db.Delete(&House{}, []string{"hut", "none"}) },
		"inline":         func(db *gorm.DB) *gorm.DB { return db.Delete(&House{}, "name = ?", "hut") },
		"or":             func(db *gorm.DB) *gorm.DB { return db.Where("name = ?", "hut").Or("name = ?", "none").Delete(&House{}) },
		"model and dest": func(db *gorm.DB) *gorm.DB { return db.Model(&House{Name: "hut"}).Delete(&House{}) },
		"subquery": func(db *gorm.DB) *gorm.DB {
			return db.Where("name IN (?)", c.DB.Model(&Room{}).Select("house_name").Where("name = ?", "bath")).Delete(&House{})
		},
		"transaction": func(db *gorm.DB) (result *gorm.DB) {
			require.NoError(c, db.Transaction(func(tx *gorm.DB) error { result = tx.Delete(&House{Name: "hut"}); return nil }))
			return result
		},
	} {
		houses(c)
		var disconnect []func() bool
		for word, signal := range map[string]*signals.Signal[signals.DeleteEvent[fmt.Stringer]]{
			"pre_delete": signals.Implementing[fmt.Stringer](c.DB).PreDelete, "post_delete": signals.Implementing[fmt.Stringer](c.DB).PostDelete,
		} {
			disconnect = append(disconnect, signal.Connect(func(_ context.Context, e signals.DeleteEvent[fmt.Stringer]) error {
				c.say("%s %s %t", word, e.Instance, e.Cascade)
				return nil
			}))
		}
		result := call(c.DB)
		require.NoError(c, result.Error, name)
		assert.EqualValues(c, 1, result.RowsAffected, name)
		c.want(removes("stool true", "bath true", "kitchen true", "hut false"))
		stored[House](c, "inn")
		stored[Room](c, "bar")
		stored[Chair](c, "bench")
		for _, undo := range disconnect {
			undo()
		}
	}
}

func cascadeThrough(c *C) {
	houses(c)
	hear[Chair](c)
	_, err := remove[House](c, c.DB, "1 = 1")
	require.NoError(c, err)
	c.want(removes("Chair bench cascade", "Chair stool cascade"))
	stored[Chair](c)
}

// folders stores a folder with two sheets; the first one is soft-deleted.
func folders(c *C) {
	c.Helper()
	tables(c, &Folder{}, &Sheet{})
	require.NoError(c, c.DB.Create(&Folder{Name: "taxes", Sheets: []Sheet{{Name: "a"}, {Name: "b"}}}).Error)
	require.NoError(c, c.DB.Delete(&Sheet{Name: "a"}).Error)
	hear[Folder](c)
	hear[Sheet](c)
}

func softDeleteOfParent(c *C) {
	folders(c)
	require.NoError(c, c.DB.Delete(&Folder{Name: "taxes"}).Error)
	c.want(removes("Folder taxes soft"))
	stored[Sheet](c, "a", "b")
	require.NoError(c, c.DB.Unscoped().Delete(&Folder{Name: "taxes"}).Error)
	c.want(removes("Sheet a cascade", "Sheet b cascade", "Folder taxes"))
	stored[Sheet](c)
}

func hardDeleteOfChildren(c *C) {
	folders(c)
	require.NoError(c, c.DB.Unscoped().Delete(&Folder{Name: "taxes"}).Error)
	c.want(removes("Sheet a cascade", "Sheet b cascade", "Folder taxes"))
	stored[Sheet](c)
}

func cascadeWithinTable(c *C) {
	tables(c, &Twig{})
	require.NoError(c, c.DB.Create(&Twig{Name: "a", Twigs: []Twig{{Name: "b", Twigs: []Twig{{Name: "c"}}}}}).Error)
	require.NoError(c, c.DB.Create(&Twig{Name: "d"}).Error)
	count := map[string]int{}
	hear[Twig](c)
	require.NoError(c, c.DB.Delete(&Twig{}, []string{"a", "c"}).Error)
	for _, text := range c.heard() {
		count[strings.TrimSuffix(text, " cascade")]++ // not promised: whether a row that the call names too counts as cascaded
	}
	require.Equal(c, map[string]int{
		"pre_delete Twig a": 1, "pre_delete Twig b": 1, "pre_delete Twig c": 1,
		"post_delete Twig a": 1, "post_delete Twig b": 1, "post_delete Twig c": 1,
	}, count)
	stored[Twig](c, "d")
}

func cascadeOfLinks(c *C) {
	tables(c, &Team{}, &Player{})
	require.NoError(c, c.DB.Create(&Team{Name: "reds", Players: []Player{{Name: "ann"}, {Name: "bob"}}}).Error)
	require.NoError(c, c.DB.Create(&Team{Name: "blues", Players: []Player{{Name: "bob"}}}).Error)
	hearLinks[Team](c)
	hearLinks[Player](c)
	require.NoError(c, c.DB.Delete(&Team{Name: "reds"}).Error)
	c.want(moves("clear Team.Players of reds [ann bob]", "remove Player.Teams of ann [reds] reverse", "remove Player.Teams of bob [reds] reverse"))
}

func cascadeWithoutConstraint(c *C) {
	plain := *c.DB.Config
	plain.DisableForeignKeyConstraintWhenMigrating = true
	db := c.DB.Session(&gorm.Session{})
	db.Config = &plain
	tablesWith(c, db, &Shed{}, &Tool{})
	require.NoError(c, c.DB.Create(&Shed{Name: "old", Tools: []Tool{{Name: "saw"}}}).Error)
	hear[Shed](c)
	hear[Tool](c)
	require.NoError(c, c.DB.Delete(&Shed{Name: "old"}).Error)
	c.want(removes("Shed old"))
	stored[Tool](c, "saw")
}

func vetoOfCascade(c *C) {
	houses(c)
	chairs := signals.For[Chair](c.DB)
	for _, signal := range []*signals.Signal[signals.DeleteEvent[*Chair]]{chairs.PreDelete, chairs.PostDelete} {
		disconnect := signal.Connect(refuse[signals.DeleteEvent[*Chair]])
		require.ErrorIs(c, c.DB.Delete(&House{Name: "hut"}).Error, errRefused)
		disconnect()
		stored[House](c, "hut", "inn")
		stored[Room](c, "bar", "bath", "kitchen")
		stored[Chair](c, "bench", "stool")
	}
	stool := func(e signals.DeleteEvent[*Chair]) bool { return e.Instance.Name == "stool" }
	for _, signal := range []*signals.Signal[signals.DeleteEvent[*Chair]]{chairs.PreDelete, chairs.PostDelete} {
		disconnect := signal.Connect(signals.If(stool, refuse[signals.DeleteEvent[*Chair]]))
		_, err := remove[House](c, c.DB, "1 = 1")
		require.ErrorIs(c, err, errRefused)
		require.ErrorIs(c, c.DB.Delete(&Room{Name: "kitchen"}).Error, errRefused)
		stored[Room](c, "bar", "bath", "kitchen")
		stored[Chair](c, "bench", "stool")
		disconnect()
	}
	require.NoError(c, c.DB.Delete(&House{Name: "inn"}).Error)
	stored[Chair](c, "stool")
}
