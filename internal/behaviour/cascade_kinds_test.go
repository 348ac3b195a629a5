package behaviour_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Jar declares nothing about its Lid.
type Jar struct{ ID uint }

// Lid refers to a Jar. The constraint stands on this side alone.
type Lid struct {
	ID, JarID uint
	Jar       Jar `gorm:"constraint:OnDelete:CASCADE"`
}

func TestAConstraintOnTheBelongsToSideIsEnough(t *testing.T) {
	t.Parallel()
	db := open(t, &Jar{}, &Lid{})
	tr := &trace{}
	deletesOf(db, tr, func(l *Lid) string { return fmt.Sprint("lid ", l.ID) })
	require.NoError(t, db.Exec("INSERT INTO jars DEFAULT VALUES").Error)
	require.NoError(t, db.Exec("INSERT INTO lids(jar_id) VALUES (1), (1)").Error)
	require.NoError(t, db.Delete(&Jar{ID: 1}).Error)
	assert.ElementsMatch(t, []string{"pre lid 1 cascaded", "pre lid 2 cascaded", "post lid 1 cascaded", "post lid 2 cascaded"}, tr.take())
	assert.Zero(t, count[Lid](t, db))
}

// Hall has a composite key.
type Hall struct {
	House  string  `gorm:"primaryKey"`
	Floor  int     `gorm:"primaryKey;autoIncrement:false"`
	Stools []Stool `gorm:"foreignKey:House,Floor;references:House,Floor;constraint:OnDelete:CASCADE"`
}

// Stool stands in a Hall.
type Stool struct {
	ID    uint
	House string
	Floor int
}

func TestCascadesFollowCompositeForeignKeys(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Hall{}, &Stool{})
			require.NoError(t, db.Create(&[]Hall{
				{"A", 0, []Stool{{}, {}}}, {"A", 1, []Stool{{}}}, {"B", 0, []Stool{{}}}, {"B", 1, []Stool{{}}},
			}).Error)
			tr := &trace{}
			deletesOf(db, tr, func(h *Hall) string { return fmt.Sprint("hall ", h.House, h.Floor) })
			deletesOf(db, tr, func(s *Stool) string { return fmt.Sprint("stool ", s.ID, " of ", s.House, s.Floor) })
			require.NoError(t, db.Where("house = 'A' AND floor = 0 OR house = 'B' AND floor = 1").Delete(&Hall{}).Error)
			family{
				"hall A0": nil, "hall B1": nil, "stool 1 of A0": {"hall A0"}, "stool 2 of A0": {"hall A0"}, "stool 5 of B1": {"hall B1"},
			}.check(t, tr.take())
			assert.EqualValues(t, 2, count[Stool](t, db))
		})
	}
}

// Region is referred to by its code.
type Region struct {
	ID    uint
	Code  string `gorm:"unique"`
	Towns []Town `gorm:"foreignKey:RegionCode;references:Code;constraint:OnDelete:CASCADE"`
}

// Town refers to the code of a Region.
type Town struct {
	ID         uint
	RegionCode string
}

func TestCascadesFollowReferencesToOtherColumnsThanTheKey(t *testing.T) {
	t.Parallel()
	db := open(t, &Region{}, &Town{})
	require.NoError(t, db.Create(&[]Region{{Code: "n", Towns: []Town{{}, {}}}, {Code: "s", Towns: []Town{{}}}}).Error)
	tr := &trace{}
	deletesOf(db, tr, func(t *Town) string { return fmt.Sprint("town ", t.ID) })
	signals.For[Region](db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Region]) error { return nil },
		signals.Needs(signals.Keys))
	require.NoError(t, db.Delete(&Region{ID: 1}).Error)
	family{"town 1": {}, "town 2": {}}.check(t, tr.take())
	assert.EqualValues(t, 1, count[Town](t, db))
}

// Peak leads to its camps on two ways.
type Peak struct {
	ID    uint
	East  []EastRidge `gorm:"constraint:OnDelete:CASCADE"`
	West  []WestRidge `gorm:"constraint:OnDelete:CASCADE"`
	Camps []Camp      `gorm:"constraint:OnDelete:CASCADE"`
}

// EastRidge is one of them.
type EastRidge struct {
	ID, PeakID uint
	Camps      []Camp `gorm:"constraint:OnDelete:CASCADE"`
}

// WestRidge is the other one.
type WestRidge struct {
	ID, PeakID uint
	Camps      []Camp `gorm:"constraint:OnDelete:CASCADE"`
}

// Camp stands on both ridges, and may belong to the Peak itself.
type Camp struct {
	ID                       uint
	EastRidgeID, WestRidgeID *uint
	PeakID                   *uint
}

func TestARowThatIsReachedOnSeveralWaysSendsOnePair(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Peak{}, &EastRidge{}, &WestRidge{}, &Camp{})
			require.NoError(t, db.Create(&[]Peak{{ID: 1, East: []EastRidge{{}}, West: []WestRidge{{}}}, {ID: 2, East: []EastRidge{{}}}}).Error)
			one := new(uint(1))
			require.NoError(t, db.Create(&[]Camp{{1, one, one, one}, {2, one, nil, nil}, {3, new(uint(2)), one, nil}, {4, new(uint(2)), nil, nil}}).Error)
			tr := &trace{}
			deletesOf(db, tr, func(p *Peak) string { return fmt.Sprint("peak ", p.ID) })
			deletesOf(db, tr, func(r *EastRidge) string { return fmt.Sprint("east ", r.ID) })
			deletesOf(db, tr, func(r *WestRidge) string { return fmt.Sprint("west ", r.ID) })
			deletesOf(db, tr, func(c *Camp) string { return fmt.Sprint("camp ", c.ID) })
			require.NoError(t, db.Delete(&Peak{ID: 1}).Error)
			family{
				"peak 1": nil, "east 1": {"peak 1"}, "west 1": {"peak 1"}, "camp 1": {"peak 1", "east 1", "west 1"}, "camp 2": {"east 1"}, "camp 3": {"west 1"},
			}.check(t, tr.take())
			assert.EqualValues(t, 1, count[Camp](t, db))
		})
	}
}

// Team plays at home and away.
type Team struct {
	ID   uint
	Home []Match `gorm:"foreignKey:HomeID;constraint:OnDelete:CASCADE"`
	Away []Match `gorm:"foreignKey:AwayID;constraint:OnDelete:CASCADE"`
}

// Match refers to two teams.
type Match struct{ ID, HomeID, AwayID uint }

func TestARowThatRefersToOneTableTwiceSendsOnePair(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Team{}, &Match{})
			require.NoError(t, db.Create(&[]Team{{ID: 1}, {ID: 2}, {ID: 3}}).Error)
			require.NoError(t, db.Create(&[]Match{{1, 1, 2}, {2, 2, 1}, {3, 1, 1}, {4, 2, 3}, {5, 3, 3}}).Error)
			tr := &trace{}
			deletesOf(db, tr, func(m *Match) string { return fmt.Sprint("match ", m.ID) })
			require.NoError(t, db.Delete(&Team{}, []int{1, 2}).Error)
			family{"match 1": {}, "match 2": {}, "match 3": {}, "match 4": {}}.check(t, tr.take())
			assert.EqualValues(t, 1, count[Match](t, db))
		})
	}
}

// Titled is satisfied through an embedded struct.
type Titled interface{ ShownTitle() string }

// Base gives its models a title.
type Base struct{ Title string }

// ShownTitle returns the title.
func (b *Base) ShownTitle() string { return b.Title }

// Volume has chapters.
type Volume struct {
	ID       uint
	Chapters []Chapter `gorm:"constraint:OnDelete:CASCADE"`
}

// Chapter is Titled through what it embeds.
type Chapter struct {
	ID, VolumeID uint
	Base
}

func TestImplementingHearsOfCascadedRowsToo(t *testing.T) {
	t.Parallel()
	db := open(t, &Volume{}, &Chapter{})
	require.NoError(t, db.Create(&Volume{Chapters: []Chapter{{Base: Base{Title: "one"}}, {Base: Base{Title: "two"}}}}).Error)
	tr := &trace{}
	signals.Implementing[Titled](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[Titled]) error {
		tr.add("pre %s cascaded %t", e.Instance.ShownTitle(), e.Cascade)
		return nil
	})
	signals.Implementing[any](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[any]) error {
		tr.add("post %T cascaded %t", e.Instance, e.Cascade)
		return nil
	})
	require.NoError(t, db.Delete(&Volume{ID: 1}).Error)
	chapter := "post *behaviour_test.Chapter cascaded true"
	assert.Equal(t, []string{"pre one cascaded true", "pre two cascaded true", chapter, chapter, "post *behaviour_test.Volume cascaded false"}, tr.take())
	assert.Zero(t, count[Chapter](t, db))
}

// linksOf notes m2m_changed of a model.
func linksOf[M any](db *gorm.DB, tr *trace, show func(*M) string) {
	signals.For[M](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*M]) error {
		keys := slices.SortedFunc(slices.Values(e.PKs), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		tr.add("%s %s %s %v reverse %t", e.Action, show(e.Instance), e.Relation, keys, e.Reverse)
		return nil
	})
}

// Reader reads papers by subscription.
type Reader struct {
	ID     uint
	Papers []Paper `gorm:"many2many:subscriptions;constraint:OnDelete:CASCADE"`
}

// Paper has readers.
type Paper struct {
	ID      uint
	Readers []Reader `gorm:"many2many:subscriptions;constraint:OnDelete:CASCADE"`
}

// Subscription is the model of their join table.
type Subscription struct {
	ReaderID uint `gorm:"primaryKey"`
	PaperID  uint `gorm:"primaryKey"`
	Since    int
}

// library has reader 1 with papers 1 and 2, and reader 2 with paper 2.
func library(t *testing.T, explicit bool) *gorm.DB {
	t.Helper()
	db := open(t)
	if explicit {
		require.NoError(t, db.SetupJoinTable(&Reader{}, "Papers", &Subscription{}))
		require.NoError(t, db.SetupJoinTable(&Paper{}, "Readers", &Subscription{}))
	}
	require.NoError(t, db.AutoMigrate(&Reader{}, &Paper{}))
	for _, insert := range []string{"readers(id) VALUES (1), (2)", "papers(id) VALUES (1), (2)", "subscriptions(reader_id, paper_id) VALUES (1,1), (1,2), (2,2)"} {
		require.NoError(t, db.Exec("INSERT INTO "+insert).Error)
	}
	return db
}

func TestCascadedJoinRowsWithAModelSendTheirOwnPairs(t *testing.T) {
	t.Parallel()
	db := library(t, true)
	tr := &trace{}
	deletesOf(db, tr, func(r *Reader) string { return fmt.Sprint("reader ", r.ID) })
	deletesOf(db, tr, func(s *Subscription) string { return fmt.Sprint("subscription ", s.ReaderID, s.PaperID) })
	require.NoError(t, db.Delete(&Reader{ID: 1}).Error)
	family{"reader 1": nil, "subscription 1 1": {"reader 1"}, "subscription 1 2": {"reader 1"}}.check(t, tr.take())
	require.NoError(t, db.Delete(&Paper{ID: 2}).Error)
	family{"subscription 2 2": {}}.check(t, tr.take())
	assert.Zero(t, count[Subscription](t, db))
}

func TestCascadedJoinRowsChangeTheLinksOfBothSides(t *testing.T) {
	t.Parallel()
	for _, explicit := range []bool{false, true} {
		t.Run(fmt.Sprint("explicit ", explicit), func(t *testing.T) {
			t.Parallel()
			db := library(t, explicit)
			tr := &trace{}
			linksOf(db, tr, func(r *Reader) string { return fmt.Sprint("reader ", r.ID) })
			linksOf(db, tr, func(p *Paper) string { return fmt.Sprint("paper ", p.ID) })
			require.NoError(t, db.Delete(&Reader{ID: 1}).Error)
			lines := tr.take()
			require.Len(t, lines, 6)
			assert.ElementsMatch(t, []string{
				"pre_clear reader 1 Papers [1 2] reverse false", "pre_remove paper 1 Readers [1] reverse true", "pre_remove paper 2 Readers [1] reverse true",
			}, lines[:3])
			assert.ElementsMatch(t, []string{
				"post_clear reader 1 Papers [1 2] reverse false", "post_remove paper 1 Readers [1] reverse true", "post_remove paper 2 Readers [1] reverse true",
			}, lines[3:])
			require.NoError(t, db.Where("1 = 1").Delete(&Paper{}).Error)
			assert.ElementsMatch(t, []string{
				"pre_clear paper 2 Readers [2] reverse false", "pre_remove reader 2 Papers [2] reverse true",
				"post_clear paper 2 Readers [2] reverse false", "post_remove reader 2 Papers [2] reverse true",
			}, tr.take(), "paper 1 has no links")
			var left int64
			require.NoError(t, db.Table("subscriptions").Count(&left).Error)
			assert.Zero(t, left)
		})
	}
}

func TestTheOtherSideAloneHearsThatLinksCascade(t *testing.T) {
	t.Parallel()
	db := library(t, false)
	tr := &trace{}
	linksOf(db, tr, func(p *Paper) string { return fmt.Sprint("paper ", p.ID) })
	require.NoError(t, db.Where("id < 3").Delete(&Reader{}).Error)
	lines := tr.take()
	assert.ElementsMatch(t, []string{
		"pre_remove paper 1 Readers [1] reverse true", "pre_remove paper 2 Readers [1 2] reverse true",
		"post_remove paper 1 Readers [1] reverse true", "post_remove paper 2 Readers [1 2] reverse true",
	}, lines)
	assert.True(t, strings.HasPrefix(lines[0], "pre_") && strings.HasPrefix(lines[1], "pre_"))
}
