package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// failLinks connects a receiver that fails, to the pre or to the post actions.
func failLinks[M any](db *gorm.DB, pre bool) {
	signals.For[M](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*M]) error {
		if e.Action.Pre() == pre {
			return fmt.Errorf("no %s: %w", e.Action, errBoom)
		}
		return nil
	}, signals.UID("strict"))
}

func TestAnErrorBeforeOrAfterUndoesTheChangeOfTheLinks(t *testing.T) {
	t.Parallel()
	fail := map[string]func(db *gorm.DB, pre bool){"Song": failLinks[Song], "Genre": failLinks[Genre]}
	for name, call := range map[string]func(db *gorm.DB) error{
		"Append":                     func(db *gorm.DB) error { return genresOf(db, 1).Append(&Genre{ID: 3}) },
		"Append from the other side": func(db *gorm.DB) error { return songsOf(db, 3).Append(&Song{ID: 1}) },
		"Replace":                    func(db *gorm.DB) error { return genresOf(db, 1).Replace(&Genre{ID: 1}) },
		"Delete":                     func(db *gorm.DB) error { return genresOf(db, 1).Delete(&Genre{ID: 1}) },
		"Clear":                      func(db *gorm.DB) error { return genresOf(db, 1).Clear() },
		"Clear of a slice":           func(db *gorm.DB) error { return db.Model(songs(1, 2)).Association("Genres").Clear() },
		"Create":                     func(db *gorm.DB) error { return db.Create(&Song{Title: "d", Genres: []Genre{{ID: 1}}}).Error },
		"Save":                       func(db *gorm.DB) error { return db.Save(&Song{ID: 1, Genres: []Genre{{ID: 3}}}).Error },
		"delete with Select":         func(db *gorm.DB) error { return db.Select("Genres").Delete(&Song{ID: 1}).Error },
		"a join row created":         func(db *gorm.DB) error { return db.Create(&Styling{Piece: 1, Style: 3}).Error },
		"a join row updated": func(db *gorm.DB) error {
			return db.Model(&Styling{Piece: 1, Style: 1}).Update("genre_id", 3).Error
		},
		"a join row deleted": func(db *gorm.DB) error { return db.Delete(&Styling{Piece: 1, Style: 1}).Error },
	} {
		for _, skip := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, SkipDefaultTransaction %t", name, skip), func(t *testing.T) {
				t.Parallel()
				for side, connect := range fail {
					for _, pre := range []bool{true, false} {
						db := seedMusic(t, testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: skip}, signals.Plugin{}, &Song{}, &Genre{}))
						connect(db, pre)
						err := call(db)
						require.ErrorIs(t, err, errBoom, "%s, pre %t", side, pre)
						failed, ok := errors.AsType[*signals.ReceiverError](err)
						require.True(t, ok)
						assert.Equal(t, [...]string{"m2m_changed", side, "strict"}, [...]string{failed.Signal, failed.Sender, failed.Receiver})
						assert.Equal(t, seededLinks, songGenres(t, db), "%s, pre %t", side, pre)
					}
				}
			})
		}
	}
}

func TestAPanicOfAReceiverOfM2MChangedIsAnErrorOfTheCall(t *testing.T) {
	t.Parallel()
	db := seedMusic(t, open(t, &Song{}, &Genre{}))
	disconnect := signals.For[Song](db).M2MChanged.Connect(func(context.Context, signals.M2MEvent[*Song]) error { panic("no") })
	err := genresOf(db, 1).Clear()
	panicked, ok := errors.AsType[*signals.PanicError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "no", panicked.Value)
	assert.Equal(t, seededLinks, songGenres(t, db))
	assert.True(t, disconnect())
	require.NoError(t, genresOf(db, 1).Clear(), "the connection is fine")
}

func TestLinksThatTheDatabaseRefusesSendNoPost(t *testing.T) {
	t.Parallel()
	db, tr := music(t)
	require.ErrorContains(t, db.Omit("Genres.*").Create(&Song{Title: "d", Genres: []Genre{{ID: 99}}}).Error, "FOREIGN KEY")
	require.Error(t, db.Create(&Styling{Piece: 1, Style: 1}).Error, "the link exists")
	for _, line := range tr.take() {
		assert.Contains(t, line, "pre_")
	}
	assert.Equal(t, seededLinks, songGenres(t, db))
}

func TestAReceiverMayChangeOtherLinksUntilItDoesSoForEver(t *testing.T) {
	t.Parallel()
	for limit, want := range map[uint]string{5: "1-1 1-2 1-3 1-4 1-5 2-2", 1000: seededLinks} {
		db, tr := music(t)
		signals.For[Song](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Song]) error {
			next, ok := e.PKs[len(e.PKs)-1].(uint)
			if next++; !ok || e.Action != signals.PostAdd || next > limit {
				return nil
			}
			return e.DB().Model(e.Instance).Association("Genres").Append(&Genre{ID: next, Name: fmt.Sprint(next)})
		}, signals.Priority(-1))
		err := genresOf(db, 1).Append(&Genre{ID: 3})
		if limit == 1000 {
			require.ErrorIs(t, err, signals.ErrRecursion)
			assert.ErrorContains(t, err, "m2m_changed Song -> m2m_changed Song")
		} else {
			require.NoError(t, err)
			add := func(n uint, name string) []string {
				return prePost(fmt.Sprintf("add Genres of a [%d]", n), fmt.Sprintf("add Songs of %s [1] reverse", name))
			}
			outer, inner, last := add(3, "folk"), add(4, "4"), add(5, "5")
			assert.Equal(t, then(outer[:3], inner[:3], last, inner[3:], outer[3:]), tr.take())
		}
		assert.Equal(t, want, songGenres(t, db))
	}
}

// hearLinks connects receivers of all phases to the links of songs.
func hearLinks(db *gorm.DB) *heard {
	h := &heard{}
	for name, phase := range map[string]signals.ConnectOption{
		"before": signals.BeforeCommit(), "after": signals.AfterCommit(), "undone": signals.AfterRollback(),
	} {
		signals.For[Song](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Song]) error {
			h.add("%s %s", name, linkLine(e, e.Instance.Title))
			return nil
		}, phase)
	}
	return h
}

// inModesOfMusic runs a test on the database of music under every configuration of transactions.
func inModesOfMusic(t *testing.T, test func(t *testing.T, db *gorm.DB, h *heard)) {
	t.Helper()
	for name, config := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := seedMusic(t, testkit.OpenWith(t, config, signals.Plugin{}, &Song{}, &Genre{}))
			test(t, db, hearLinks(db))
		})
	}
}

func TestDeferredReceiversHearPostActionsAndGetASnapshot(t *testing.T) {
	t.Parallel()
	inModesOfMusic(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		require.NoError(t, genresOf(db, 1).Append(&Genre{ID: 3}))
		assert.Equal(t, []string{"before post_add Genres of a [3]", "after post_add Genres of a [3]"}, h.take())
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			a := Song{ID: 1}
			require.NoError(t, tx.Model(&a).Association("Genres").Delete(&Genre{ID: 3}))
			require.NoError(t, tx.Model(&a).Update("title", "z").Error)
			require.NoError(t, tx.Model(&a).Association("Genres").Clear())
			assert.Empty(t, h.take())
			return nil
		}))
		assert.Equal(t, []string{
			"before post_remove Genres of a [3]", "before post_clear Genres of z [1 2]",
			"after post_remove Genres of a [3]", "after post_clear Genres of z [1 2]",
		}, h.take())
	})
}

func TestARollbackAndASavepointTakeTheLinksAlong(t *testing.T) {
	t.Parallel()
	inModesOfMusic(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, genresOf(tx, 1).Append(&Genre{ID: 3}))
			require.NoError(t, songsOf(tx, 2).Clear())
			return errBoom
		}), errBoom)
		assert.Equal(t, []string{
			"undone post_remove Genres of b [2] reverse", "undone post_remove Genres of a [2] reverse", "undone post_add Genres of a [3]",
		}, h.take())
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, genresOf(tx, 1).Append(&Genre{ID: 3}))
			require.NoError(t, tx.SavePoint("sp").Error)
			require.NoError(t, genresOf(tx, 2).Clear())
			require.NoError(t, tx.RollbackTo("sp").Error)
			return genresOf(tx, 3).Append(&Genre{ID: 3})
		}))
		assert.Equal(t, []string{
			"before post_add Genres of a [3]", "before post_add Genres of c [3]",
			"undone post_clear Genres of b [2]", "after post_add Genres of a [3]", "after post_add Genres of c [3]",
		}, h.take())
		assert.Equal(t, "1-1 1-2 1-3 2-2 3-3", songGenres(t, db))
	})
}

func TestOnCommitInAReceiverOfM2MChangedWaitsForTheCommit(t *testing.T) {
	t.Parallel()
	db := seedMusic(t, open(t, &Song{}, &Genre{}))
	h := &heard{}
	signals.For[Genre](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Genre]) error {
		h.add("%s", linkLine(e, e.Instance.Name))
		return signals.OnCommit(e.DB(), func(context.Context) error { h.add("committed %s", e.Action); return nil })
	})
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error { return errors.Join(genresOf(tx, 3).Append(&Genre{ID: 1}), errBoom) }), errBoom)
	assert.Equal(t, prePost("add Songs of jazz [3] reverse"), h.take())
	require.NoError(t, genresOf(db, 3).Append(&Genre{ID: 1}))
	assert.Equal(t, then(prePost("add Songs of jazz [3] reverse"), []string{"committed pre_add", "committed post_add"}), h.take())
}

func TestABeforeCommitErrorOfM2MChangedRollsBack(t *testing.T) {
	t.Parallel()
	db := seedMusic(t, open(t, &Song{}, &Genre{}))
	signals.For[Song](db).M2MChanged.Connect(func(context.Context, signals.M2MEvent[*Song]) error { return errBoom }, signals.BeforeCommit())
	require.ErrorIs(t, genresOf(db, 1).Clear(), errBoom)
	assert.Equal(t, seededLinks, songGenres(t, db))
}

func TestMuteOfOneUIDAndRawHoldForM2MChanged(t *testing.T) {
	t.Parallel()
	db, tr := music(t)
	failLinks[Song](db, true)
	signals.For[Song](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Song]) error {
		tr.add("raw %t", e.Raw())
		return nil
	})
	require.ErrorIs(t, genresOf(db, 1).Append(&Genre{ID: 3}), errBoom)
	tr.take()
	fixtures := db.WithContext(signals.Raw(signals.Mute(t.Context(), "strict")))
	require.NoError(t, genresOf(fixtures, 1).Append(&Genre{ID: 3}))
	assert.Equal(t, []string{
		"pre_add Genres of a [3]", "raw true", "pre_add Songs of folk [1] reverse",
		"post_add Genres of a [3]", "raw true", "post_add Songs of folk [1] reverse",
	}, tr.take())
}

// Owner has many Pets, who are no many2many relation.
type Owner struct {
	ID   uint
	Pets []Pet
}

// Pet belongs to an Owner.
type Pet struct{ ID, OwnerID uint }

func TestBadOptionsOfM2MChangedPanicAndNameTheCure(t *testing.T) {
	t.Parallel()
	db := open(t, &Song{}, &Genre{}, &Owner{}, &Pet{})
	ok := func(context.Context, signals.M2MEvent[*Song]) error { return nil }
	links := signals.For[Song](db).M2MChanged
	for want, connect := range map[string]func(){
		`Song has no many2many relation "Gnres": did you mean "Genres"? Use the Go name of its field`: func() { links.Connect(ok, signals.Fields("Genres", "Gnres")) },
		`no many2many relation "Title"`: func() { links.Connect(ok, signals.Fields("Title")) },
		`no many2many relation "Pets"`: func() {
			signals.For[Owner](db).M2MChanged.Connect(func(context.Context, signals.M2MEvent[*Owner]) error { return nil }, signals.Fields("Pets"))
		},
		"Needs(Row)":       func() { links.Connect(ok, signals.Needs(signals.Original)) },
		"connect to post_": func() { links.Connect(ok, signals.Net(), signals.AfterCommit()) },
		"pass a function":  func() { links.Connect(nil) },
	} {
		assert.Contains(t, testkit.PanicOf(connect), want)
	}
	assert.False(t, links.HasReceivers())
}

func TestABatchReceiverOfM2MChangedGetsTheOwnersOfAStatementAndAfterCommitThoseOfTheTransaction(t *testing.T) {
	t.Parallel()
	db := seedMusic(t, open(t, &Song{}, &Genre{}))
	tr := &trace{}
	batch := func(_ context.Context, events []signals.M2MEvent[*Song]) error {
		var lines []string
		for _, e := range events {
			lines = append(lines, linkLine(e, e.Instance.Title))
		}
		tr.add("%s", strings.Join(lines, ", "))
		return nil
	}
	signals.For[Song](db).M2MChanged.ConnectBatch(batch)
	signals.For[Song](db).M2MChanged.ConnectBatch(batch, signals.AfterCommit())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(songsOf(tx, 3).Append(&Song{ID: 1}, &Song{ID: 3}), genresOf(tx, 2).Clear())
	}))
	added, cleared := "post_add Genres of a [3] reverse, post_add Genres of c [3] reverse", "post_clear Genres of b [2]"
	assert.Equal(t, []string{
		"pre_add Genres of a [3] reverse, pre_add Genres of c [3] reverse", added, "pre_clear Genres of b [2]", cleared, added + ", " + cleared,
	}, tr.take())
}

func TestAnOwnerWithMoreLinksThanABatchHearsOneEvent(t *testing.T) {
	t.Parallel()
	db := seedMusic(t, testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: 1}, &Song{}, &Genre{}))
	tr := &trace{}
	traceLinks(db, tr, func(s *Song) string { return s.Title })
	require.NoError(t, genresOf(db, 1).Replace(&Genre{ID: 3}))
	assert.Equal(t, then(prePost("add Genres of a [3]"), prePost("remove Genres of a [1 2]")), tr.take())
	require.NoError(t, db.Create(&[]Styling{{Piece: 3, Style: 1}, {Piece: 3, Style: 2}}).Error)
	assert.Equal(t, prePost("add Genres of c [1 2]"), tr.take())
	require.NoError(t, genresOf(db, 3).Clear())
	assert.Equal(t, prePost("clear Genres of c [1 2]"), tr.take())
}

func TestM2MChangedCanBeSentByHandAndIsListed(t *testing.T) {
	t.Parallel()
	db := open(t, &Song{}, &Genre{})
	tr := traceMusic(db)
	songs := signals.For[Song](db).M2MChanged
	songs.Connect(func(context.Context, signals.M2MEvent[*Song]) error { return errBoom }, signals.Fields("Genres"), signals.UID("strict"))
	e := signals.M2MEvent[*Song]{Instance: &Song{Title: "x"}, Relation: "Others", Action: signals.PostRemove, Reverse: true, PKs: []any{1}}
	require.NoError(t, songs.Send(t.Context(), e))
	assert.Equal(t, []string{"post_remove Others of x [1] reverse"}, tr.take())
	e.Relation = "Genres"
	require.ErrorIs(t, songs.Send(t.Context(), e), errBoom)
	assert.Len(t, songs.SendRobust(t.Context(), e), 2)
	require.ErrorContains(t, songs.Send(t.Context(), signals.M2MEvent[*Song]{}), "Instance")
	assert.Nil(t, e.DB())
	assert.Nil(t, e.Schema())
	assert.False(t, e.Raw())
	infos := signals.Receivers(db)
	require.Len(t, infos, 3)
	assert.Contains(t, infos[2].Location, "m2m_errors_test.go")
	infos[2].Location = ""
	assert.Equal(t, signals.ReceiverInfo{Signal: "m2m_changed", Sender: "Song", UID: "strict", Phase: "send", Needs: signals.Row}, infos[2])
}
