package behaviour_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// mountain has peak 1 with both ridges, camps 1 (of all three), 2 (east) and 3 (west, and of another peak's east ridge).
func mountain(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db := open(t, &Peak{}, &EastRidge{}, &WestRidge{}, &Camp{})
	require.NoError(t, db.Create(&[]Peak{{ID: 1, East: []EastRidge{{}}, West: []WestRidge{{}}}, {ID: 2, East: []EastRidge{{}}}}).Error)
	one, two := new(uint(1)), new(uint(2))
	require.NoError(t, db.Create(&[]Camp{{1, one, one, one}, {2, one, nil, nil}, {3, two, one, nil}, {4, two, nil, nil}}).Error)
	tr := &trace{}
	deletesOf(db, tr, func(p *Peak) string { return fmt.Sprint("peak ", p.ID) })
	deletesOf(db, tr, func(r *EastRidge) string { return fmt.Sprint("east ", r.ID) })
	deletesOf(db, tr, func(r *WestRidge) string { return fmt.Sprint("west ", r.ID) })
	deletesOf(db, tr, func(c *Camp) string { return fmt.Sprint("camp ", c.ID) })
	return db, tr
}

// posts counts the post signals by row.
func posts(lines []string) map[string]int {
	counts := map[string]int{}
	for _, line := range lines {
		if row, ok := strings.CutPrefix(line, "post "); ok {
			counts[strings.TrimSuffix(row, " cascaded")]++
		}
	}
	return counts
}

func TestARowOnASelectedAndOnACascadedWaySendsOnePair(t *testing.T) {
	t.Parallel()
	t.Run("through two tables", func(t *testing.T) {
		t.Parallel()
		db, tr := mountain(t)
		require.NoError(t, db.Select("East").Delete(&Peak{ID: 1}).Error)
		lines := tr.take()
		assert.Equal(t, map[string]int{"peak 1": 1, "east 1": 1, "west 1": 1, "camp 1": 1, "camp 2": 1, "camp 3": 1}, posts(lines))
		assert.Len(t, lines, 12)
		assert.EqualValues(t, 1, count[Camp](t, db))
	})
	t.Run("through two columns", func(t *testing.T) {
		t.Parallel()
		db := open(t, &Team{}, &Match{})
		require.NoError(t, db.Create(&[]Team{{ID: 1}, {ID: 2}}).Error)
		require.NoError(t, db.Create(&[]Match{{1, 1, 2}, {2, 2, 1}, {3, 1, 1}, {4, 2, 2}}).Error)
		tr := &trace{}
		deletesOf(db, tr, func(m *Match) string { return fmt.Sprint("match ", m.ID) })
		require.NoError(t, db.Select("Home").Delete(&Team{ID: 1}).Error)
		lines := tr.take()
		assert.Equal(t, map[string]int{"match 1": 1, "match 2": 1, "match 3": 1}, posts(lines))
		assert.Len(t, lines, 6)
		assert.EqualValues(t, 1, count[Match](t, db))
	})
}

func TestSeveralRowsOfOneCircleSendOnePairEach(t *testing.T) {
	t.Parallel()
	db := open(t, &Latch{}, &Bolt{})
	require.NoError(t, db.Create(&[]Latch{{ID: 1}, {ID: 2}}).Error)
	require.NoError(t, db.Create(&[]Bolt{{ID: 1, LatchID: new(uint(2))}, {ID: 2}}).Error)
	require.NoError(t, db.Model(&Latch{ID: 1}).Update("bolt_id", 1).Error)
	require.NoError(t, db.Model(&Latch{ID: 2}).Update("bolt_id", 2).Error)
	tr := &trace{}
	deletesOf(db, tr, func(l *Latch) string { return fmt.Sprint("latch ", l.ID) })
	deletesOf(db, tr, func(b *Bolt) string { return fmt.Sprint("bolt ", b.ID) })
	require.NoError(t, db.Delete(&Bolt{}, []int{1, 2}).Error)
	lines := tr.take()
	assert.Equal(t, map[string]int{"latch 1": 1, "latch 2": 1, "bolt 1": 1, "bolt 2": 1}, posts(lines))
	assert.Len(t, lines, 8)
}

func TestALargeCircleSendsOnePairPerRow(t *testing.T) {
	t.Parallel()
	const n = 30
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: 1}, &Branch{})
	want := map[string]int{}
	for id := uint(1); id <= n; id++ {
		require.NoError(t, db.Create(&Branch{ID: id}).Error)
		want[fmt.Sprint("branch ", id)] = 1
	}
	require.NoError(t, db.Exec("UPDATE branches SET parent_id = id % ? + 1", n).Error)
	tr := traceBranches(db)
	result := db.Delete(&Branch{ID: 1})
	require.NoError(t, result.Error)
	assert.EqualValues(t, 1, result.RowsAffected)
	lines := tr.take()
	assert.Equal(t, want, posts(lines))
	assert.Len(t, lines, 2*n)
	assert.Zero(t, count[Branch](t, db))
}

func TestAParentThatAReceiverOfAChildDeletesHasOnePost(t *testing.T) {
	t.Parallel()
	db := depots(t, &gorm.Config{}, signals.Plugin{})
	tr := &trace{}
	signals.Implementing[any](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[any]) error {
		tr.add("post %v", e.Instance)
		return nil
	})
	done := false
	signals.For[Crate](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Crate]) error {
		if done {
			return nil
		}
		done = true
		return e.DB().Delete(&Depot{ID: 1}).Error
	})
	require.NoError(t, db.Delete(&Depot{}, []int{1, 2}).Error)
	stands(t, db, 1, 0, 0)
	lines := tr.take()
	for row, n := range posts(lines) {
		assert.Equal(t, 1, n, row)
	}
	assert.Len(t, lines, 8)
}

// Land has shires.
type Land struct {
	ID     uint
	Shires []Shire `gorm:"constraint:OnDelete:CASCADE"`
}

// Shire is referred to by its code.
type Shire struct {
	ID, LandID uint
	Code       string   `gorm:"unique"`
	Hamlets    []Hamlet `gorm:"foreignKey:ShireCode;references:Code;constraint:OnDelete:CASCADE"`
}

// Hamlet refers to the code of a Shire.
type Hamlet struct {
	ID        uint
	ShireCode *string
}

func TestCascadesReadWhatTheNextLevelRefersToWhateverReceiversNeed(t *testing.T) {
	t.Parallel()
	for name, connect := range map[string]func(db *gorm.DB){"nobody": func(*gorm.DB) {}, "keys": func(db *gorm.DB) {
		signals.For[Shire](db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Shire]) error { return nil }, signals.Needs(signals.Keys))
	}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Land{}, &Shire{}, &Hamlet{})
			require.NoError(t, db.Create(&Land{Shires: []Shire{{Code: "n", Hamlets: []Hamlet{{}, {}}}, {Code: "s", Hamlets: []Hamlet{{}}}}}).Error)
			require.NoError(t, db.Create(&Hamlet{}).Error)
			tr := &trace{}
			deletesOf(db, tr, func(h *Hamlet) string { return fmt.Sprint("hamlet ", h.ID) })
			connect(db)
			require.NoError(t, db.Delete(&Land{ID: 1}).Error)
			family{"hamlet 1": {}, "hamlet 2": {}, "hamlet 3": {}}.check(t, tr.take())
			assert.EqualValues(t, 1, count[Hamlet](t, db))
		})
	}
}

// Member has friends of its own kind, and belongs to a Guild.
type Member struct {
	ID      uint
	GuildID *uint
	Friends []Member `gorm:"many2many:member_friends;constraint:OnDelete:CASCADE"`
}

// Guild has members.
type Guild struct {
	ID      uint
	Members []Member `gorm:"constraint:OnDelete:CASCADE"`
}

// guild has members 1 (friends 1 and 2), 2 (none) and 3 (friends 1 and 2); the first two are of the guild.
func guild(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db := open(t, &Guild{}, &Member{})
	for _, insert := range []string{
		"guilds(id) VALUES (1)", "members(id, guild_id) VALUES (1, 1), (2, 1), (3, NULL)",
		"member_friends(member_id, friend_id) VALUES (1,1), (1,2), (3,1), (3,2)",
	} {
		require.NoError(t, db.Exec("INSERT INTO "+insert).Error)
	}
	tr := &trace{}
	linksOf(db, tr, func(m *Member) string { return fmt.Sprint("member ", m.ID) })
	return db, tr
}

func TestLinksWithinOneTableCascadeToBothSides(t *testing.T) {
	t.Parallel()
	db, tr := guild(t)
	require.NoError(t, db.Delete(&Member{ID: 1}).Error)
	assert.ElementsMatch(t, []string{
		"pre_clear member 1 Friends [1 2] reverse false", "pre_remove member 3 Friends [1] reverse true",
		"post_clear member 1 Friends [1 2] reverse false", "post_remove member 3 Friends [1] reverse true",
	}, tr.take())
	require.NoError(t, db.Delete(&Member{ID: 2}).Error)
	assert.ElementsMatch(t, []string{
		"pre_remove member 3 Friends [2] reverse true", "post_remove member 3 Friends [2] reverse true",
	}, tr.take())
}

func TestLinksOfCascadedRowsCascadeToo(t *testing.T) {
	t.Parallel()
	db, tr := guild(t)
	deletesOf(db, tr, func(m *Member) string { return fmt.Sprint("member ", m.ID) })
	require.NoError(t, db.Delete(&Guild{ID: 1}).Error)
	assert.ElementsMatch(t, []string{
		"pre_clear member 1 Friends [1 2] reverse false", "pre_remove member 3 Friends [1 2] reverse true",
		"post_clear member 1 Friends [1 2] reverse false", "post_remove member 3 Friends [1 2] reverse true",
		"pre member 1 cascaded", "pre member 2 cascaded", "post member 1 cascaded", "post member 2 cascaded",
	}, tr.take())
	var left int64
	require.NoError(t, db.Table("member_friends").Count(&left).Error)
	assert.Zero(t, left)
}

func TestSelectedLinksOfADeletedOwnerGoOnce(t *testing.T) {
	t.Parallel()
	db := library(t, true)
	tr := &trace{}
	deletesOf(db, tr, func(s *Subscription) string { return fmt.Sprint("subscription ", s.ReaderID, s.PaperID) })
	linksOf(db, tr, func(r *Reader) string { return fmt.Sprint("reader ", r.ID) })
	require.NoError(t, db.Select("Papers").Delete(&Reader{ID: 1}).Error)
	assert.ElementsMatch(t, []string{
		"pre subscription 1 1", "pre subscription 1 2", "post subscription 1 1", "post subscription 1 2",
		"pre_clear reader 1 Papers [1 2] reverse false", "post_clear reader 1 Papers [1 2] reverse false",
	}, tr.take())
}

func TestAChildThatAReceiverOfTheParentAddsIsToldOfToo(t *testing.T) {
	t.Parallel()
	db := depots(t, &gorm.Config{}, signals.Plugin{})
	tr := traceDepots(db)
	signals.For[Depot](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Depot]) error {
		return e.DB().Create(&Rack{DepotID: e.Instance.ID, Crates: []Crate{{}}}).Error
	})
	require.NoError(t, db.Delete(&Depot{ID: 3}).Error)
	assert.Equal(t, []string{
		"pre depot 3c", "pre crate 4 of 4 cascaded", "pre rack 4 of 3 cascaded",
		"post crate 4 of 4 cascaded", "post rack 4 of 3 cascaded", "post depot 3c",
	}, tr.take())
	stands(t, db, 2, 3, 3)
}
