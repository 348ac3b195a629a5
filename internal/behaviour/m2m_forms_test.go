package behaviour_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestNestedMany2ManyOfCreateSendsAsAppend(t *testing.T) {
	t.Parallel()
	d := prePost("add Genres of d [4 1]", "add Songs of soul [4] reverse", "add Songs of jazz [4] reverse")
	e := prePost("add Genres of e [1]", "add Songs of jazz [4] reverse")
	const withD, withE, withBoth = "1-1 1-2 2-2 4-1 4-4", "1-1 1-2 2-2 4-1", "1-1 1-2 2-2 4-1 4-3 5-1"
	song := func() *Song { return &Song{Title: "d", Genres: []Genre{{Name: "soul"}, {ID: 1}}} }
	linked := func() *Song { return &Song{Title: "e", Genres: []Genre{{ID: 1}}} }
	two := func() *[]Song { return &[]Song{{Title: "d", Genres: []Genre{{ID: 1}, {ID: 3}}}, *linked()} }
	runLinkCases(t, map[string]linkCase{
		"Create": {func(db *gorm.DB) error { return db.Create(song()).Error }, d, withD},
		"a slice": {
			func(db *gorm.DB) error { return db.Create(two()).Error },
			prePost("add Genres of d [1 3]", "add Genres of e [1]", "add Songs of jazz [4 5] reverse", "add Songs of folk [4] reverse"), withBoth,
		},
		"CreateInBatches": {
			func(db *gorm.DB) error { return db.CreateInBatches(two(), 1).Error },
			then(prePost("add Genres of d [1 3]", "add Songs of jazz [4] reverse", "add Songs of folk [4] reverse"),
				prePost("add Genres of e [1]", "add Songs of jazz [5] reverse")), withBoth,
		},
		"from the other side": {
			func(db *gorm.DB) error {
				return db.Create(&Genre{Name: "soul", Songs: []*Song{{ID: 1}, {Title: "d"}}}).Error
			},
			prePost("add Songs of soul [1 4]", "add Genres of a [4] reverse", "add Genres of d [4] reverse"), "1-1 1-2 1-4 2-2 4-4",
		},
		"rows with links of their own": {
			func(db *gorm.DB) error {
				return db.Create(&Song{Title: "d", Genres: []Genre{{Name: "soul", Songs: []*Song{{ID: 3}}}}}).Error
			},
			then(prePost("add Songs of soul [3]", "add Genres of c [4] reverse"), prePost("add Genres of d [4]", "add Songs of soul [4] reverse")),
			"1-1 1-2 2-2 3-4 4-4",
		},
		"Omit of the rows":   {func(db *gorm.DB) error { return db.Omit("Genres.*").Create(linked()).Error }, e, withE},
		"Omit":               {func(db *gorm.DB) error { return db.Omit("Genres").Create(song()).Error }, nil, seededLinks},
		"gorm.G":             {func(db *gorm.DB) error { return gorm.G[Song](db).Create(t.Context(), song()) }, d, withD},
		"Save without a key": {func(db *gorm.DB) error { return db.Save(song()).Error }, d, withD},
		"FirstOrCreate":      {func(db *gorm.DB) error { return db.Where(Song{Title: "e"}).FirstOrCreate(linked()).Error }, e, withE},
		"FirstOrCreate with Attrs": {
			func(db *gorm.DB) error {
				return db.Where(Song{Title: "e"}).Attrs(*linked()).FirstOrCreate(&Song{}).Error
			}, e, withE,
		},
		"FirstOrCreate that finds": {
			func(db *gorm.DB) error { return db.Where(Song{Title: "b"}).FirstOrCreate(linked()).Error }, nil, seededLinks,
		},
	})
}

func TestNestedMany2ManyOfUpdatesAddsAndRemovesNothing(t *testing.T) {
	t.Parallel()
	full := &gorm.Session{FullSaveAssociations: true}
	folk := prePost("add Genres of a [3]", "add Songs of folk [1] reverse")
	const withFolk = "1-1 1-2 1-3 2-2"
	song := func() *Song { return &Song{ID: 1, Title: "a", Genres: []Genre{{ID: 1}, {ID: 3, Name: "folk"}}} }
	runLinkCases(t, map[string]linkCase{
		"Save":                            {func(db *gorm.DB) error { return db.Save(song()).Error }, folk, withFolk},
		"Save of a slice":                 {func(db *gorm.DB) error { return db.Save(&[]Song{*song()}).Error }, folk, withFolk},
		"Updates":                         {func(db *gorm.DB) error { return db.Updates(song()).Error }, folk, withFolk},
		"Updates with Select":             {func(db *gorm.DB) error { return db.Select("Title").Updates(song()).Error }, nil, seededLinks},
		"Update of a column":              {func(db *gorm.DB) error { return db.Model(song()).Omit("Genres").Update("title", "a").Error }, nil, seededLinks},
		"FullSaveAssociations":            {func(db *gorm.DB) error { return db.Session(full).Save(song()).Error }, folk, withFolk},
		"FullSaveAssociations of Updates": {func(db *gorm.DB) error { return db.Session(full).Updates(song()).Error }, folk, withFolk},
	})
}

func TestDeleteWithSelectSendsClearInsideTheOwnersPair(t *testing.T) {
	t.Parallel()
	a := prePost("clear Genres of a [1 2]", "remove Songs of jazz [1] reverse", "remove Songs of rock [1] reverse")
	rock := prePost("clear Songs of rock [1 2]", "remove Genres of a [2] reverse", "remove Genres of b [2] reverse")
	inside := func(pre, post string, links []string) []string { return then([]string{pre}, links, []string{post}) }
	inA := inside("pre_delete hard a", "post_delete hard a", a)
	for name, c := range map[string]struct {
		call   func(db *gorm.DB) error
		want   []string
		stored string
	}{
		"the relation":     {func(db *gorm.DB) error { return db.Select("Genres").Delete(&Song{ID: 1}).Error }, inA, "2-2"},
		"all associations": {func(db *gorm.DB) error { return db.Select(clause.Associations).Delete(&Song{ID: 1}).Error }, inA, "2-2"},
		"the other side": {
			func(db *gorm.DB) error { return db.Select("Songs").Delete(&Genre{ID: 2}).Error },
			inside("pre_delete hard rock", "post_delete hard rock", rock), "1-1",
		},
		"no links": {
			func(db *gorm.DB) error { return db.Select("Genres").Delete(&Song{ID: 3}).Error },
			inside("pre_delete hard c", "post_delete hard c", nil), seededLinks,
		},
		"a slice": {
			func(db *gorm.DB) error { return db.Select("Genres").Delete(songs(1, 2)).Error },
			then([]string{"pre_delete hard a", "pre_delete hard b"}, prePost(
				"clear Genres of a [1 2]", "clear Genres of b [2]", "remove Songs of jazz [1] reverse", "remove Songs of rock [1 2] reverse",
			), []string{"post_delete hard a", "post_delete hard b"}), "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, tr := music(t)
			into(tr, traceOf(db, func(s *Song) string { return s.Title }))
			into(tr, traceOf(db, func(g *Genre) string { return g.Name }))
			require.NoError(t, c.call(db))
			assert.Equal(t, c.want, tr.take())
			assert.Equal(t, c.stored, songGenres(t, db))
		})
	}
}

// Club has Players through a join model with soft delete.
type Club struct {
	ID      uint
	Name    string
	Players []Player `gorm:"many2many:club_players"`
}

// Player is the other side of Club.
type Player struct {
	ID    uint
	Name  string
	Clubs []Club `gorm:"many2many:club_players"`
}

// ClubPlayer is the join model of Club and Player.
type ClubPlayer struct {
	ClubID, PlayerID uint `gorm:"primaryKey"`
	Role             string
	DeletedAt        gorm.DeletedAt
}

// clubs returns a database with the clubs chess and go and the players ann, bob and cy. The links are chess-ann and chess-bob,
// and a soft-deleted one, chess-cy.
func clubs(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db := testkit.OpenWith(t, &gorm.Config{DisableForeignKeyConstraintWhenMigrating: true}, signals.Plugin{})
	require.NoError(t, db.SetupJoinTable(&Club{}, "Players", &ClubPlayer{}))
	require.NoError(t, db.SetupJoinTable(&Player{}, "Clubs", &ClubPlayer{}))
	require.NoError(t, db.AutoMigrate(&Club{}, &Player{}))
	require.NoError(t, db.Create(&[]Player{{Name: "ann"}, {Name: "bob"}, {Name: "cy"}}).Error)
	require.NoError(t, db.Create(&[]Club{{Name: "chess", Players: []Player{{ID: 1}, {ID: 2}, {ID: 3}}}, {Name: "go"}}).Error)
	require.NoError(t, db.Delete(&ClubPlayer{ClubID: 1, PlayerID: 3}).Error)
	tr := &trace{}
	traceLinks(db, tr, func(c *Club) string { return c.Name })
	traceLinks(db, tr, func(m *Player) string { return m.Name })
	return db, tr
}

// storedPlayers reads all links of the clubs, the soft-deleted ones with a cross.
func storedPlayers(t *testing.T, db *gorm.DB) string {
	t.Helper()
	return pairsIn(t, db, "club_players", "club_id", "player_id || CASE WHEN deleted_at IS NULL THEN '' ELSE 'x' END")
}

func playersOf(db *gorm.DB, club uint) *gorm.Association {
	return db.Model(&Club{ID: club}).Association("Players")
}

func clubPlayer(club, player uint) *ClubPlayer { return &ClubPlayer{ClubID: club, PlayerID: player} }

func runClubCases(t *testing.T, cases map[string]linkCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, tr := clubs(t)
			require.NoError(t, c.call(db))
			assertPrePost(t, c.want, tr.take())
			assert.Equal(t, c.stored, storedPlayers(t, db))
		})
	}
}

// assertPrePost compares events of one statement whose order within pre and post is nobody's promise.
func assertPrePost(t *testing.T, want, got []string) {
	t.Helper()
	require.Len(t, got, len(want), "%q", got)
	half := len(want) / 2
	assert.ElementsMatch(t, want[:half], got[:half])
	assert.ElementsMatch(t, want[half:], got[half:])
}

func TestASoftDeletedLinkIsNoLink(t *testing.T) {
	t.Parallel()
	upsert := clause.OnConflict{UpdateAll: true}
	ann := prePost("remove Players of chess [1]", "remove Clubs of ann [1] reverse")
	cleared := prePost("clear Players of chess [1 2]", "remove Clubs of ann [1] reverse", "remove Clubs of bob [1] reverse")
	back := prePost("add Players of chess [3]", "add Clubs of cy [1]")
	const marked, all, same = "1-1x 1-2 1-3x", "1-1 1-2 1-3", "1-1 1-2 1-3x"
	restore := func(db *gorm.DB) error { return db.Unscoped().Model(clubPlayer(1, 3)).Update("deleted_at", nil).Error }
	runClubCases(t, map[string]linkCase{
		"Delete":                              {func(db *gorm.DB) error { return playersOf(db, 1).Delete(&Player{ID: 1}) }, ann, marked},
		"Delete of no link":                   {func(db *gorm.DB) error { return playersOf(db, 1).Delete(&Player{ID: 3}) }, nil, same},
		"Clear":                               {func(db *gorm.DB) error { return playersOf(db, 1).Clear() }, cleared, "1-1x 1-2x 1-3x"},
		"Unscoped Delete":                     {func(db *gorm.DB) error { return playersOf(db.Unscoped(), 1).Delete(&Player{ID: 1}) }, ann, "1-2 1-3x"},
		"Unscoped Clear":                      {func(db *gorm.DB) error { return playersOf(db.Unscoped(), 1).Clear() }, cleared, ""},
		"purge":                               {func(db *gorm.DB) error { return db.Unscoped().Delete(clubPlayer(1, 3)).Error }, nil, "1-1 1-2"},
		"delete with Select":                  {func(db *gorm.DB) error { return db.Select("Players").Delete(&Club{ID: 1}).Error }, cleared, "1-1x 1-2x 1-3x"},
		"Append, of which GORM makes nothing": {func(db *gorm.DB) error { return playersOf(db, 1).Append(&Player{ID: 3}) }, nil, same},
		"restored":                            {restore, back, all},
		"restored by an upsert":               {func(db *gorm.DB) error { return db.Clauses(upsert).Create(clubPlayer(1, 3)).Error }, back, all},
		"restored by Save":                    {func(db *gorm.DB) error { return db.Unscoped().Save(clubPlayer(1, 3)).Error }, back, all},
	})
}

func TestCreatedRowsOfAJoinModelSendToBothSidesAndNoneIsReverse(t *testing.T) {
	t.Parallel()
	skip, upsert := clause.OnConflict{DoNothing: true}, clause.OnConflict{UpdateAll: true}
	ann := prePost("add Players of go [1]", "add Clubs of ann [2]")
	both := prePost("add Players of go [1 2]", "add Clubs of ann [2]", "add Clubs of bob [2]")
	const withAnn, withBoth = "1-1 1-2 1-3x 2-1", "1-1 1-2 1-3x 2-1 2-2"
	two := func() *[]ClubPlayer { return &[]ClubPlayer{*clubPlayer(2, 1), *clubPlayer(2, 2)} }
	oldAndNew := func() *[]ClubPlayer { return &[]ClubPlayer{{ClubID: 1, PlayerID: 1, Role: "x"}, *clubPlayer(2, 1)} }
	byHand := map[string]any{"club_id": 2, "player_id": 1}
	runClubCases(t, map[string]linkCase{
		"Create":          {func(db *gorm.DB) error { return db.Create(clubPlayer(2, 1)).Error }, ann, withAnn},
		"a slice":         {func(db *gorm.DB) error { return db.Create(two()).Error }, both, withBoth},
		"a map":           {func(db *gorm.DB) error { return db.Model(&ClubPlayer{}).Create(byHand).Error }, ann, withAnn},
		"DoNothing":       {func(db *gorm.DB) error { return db.Clauses(skip).Create(oldAndNew()).Error }, ann, withAnn},
		"UpdateAll":       {func(db *gorm.DB) error { return db.Clauses(upsert).Create(oldAndNew()).Error }, ann, withAnn},
		"FirstOrCreate":   {func(db *gorm.DB) error { return db.FirstOrCreate(&ClubPlayer{}, clubPlayer(2, 1)).Error }, ann, withAnn},
		"Save":            {func(db *gorm.DB) error { return db.Save(clubPlayer(2, 1)).Error }, ann, withAnn},
		"Save of a slice": {func(db *gorm.DB) error { return db.Save(oldAndNew()).Error }, ann, withAnn},
	})
}

func TestChangedAndDeletedRowsOfAJoinModelSendToBothSidesAndNoneIsReverse(t *testing.T) {
	t.Parallel()
	ann := prePost("remove Players of chess [1]", "remove Clubs of ann [1]")
	all := prePost("remove Players of chess [1 2]", "remove Clubs of ann [1]", "remove Clubs of bob [1]")
	moved := prePost("remove Players of chess [1]", "remove Clubs of ann [1]", "add Players of go [1]", "add Clubs of ann [2]")
	allMoved := prePost("remove Players of chess [1 2]", "remove Clubs of ann [1]", "remove Clubs of bob [1]",
		"add Players of go [1 2]", "add Clubs of ann [2]", "add Clubs of bob [2]")
	const same, annMarked, allMarked = "1-1 1-2 1-3x", "1-1x 1-2 1-3x", "1-1x 1-2x 1-3x"
	one := func(db *gorm.DB) *gorm.DB { return db.Model(clubPlayer(1, 1)) }
	chess := func(db *gorm.DB) *gorm.DB { return db.Model(&ClubPlayer{}).Where("club_id = 1") }
	runClubCases(t, map[string]linkCase{
		"Update of another column": {func(db *gorm.DB) error { return one(db).Update("role", "x").Error }, nil, same},
		"Save of another column":   {func(db *gorm.DB) error { return db.Save(&ClubPlayer{ClubID: 1, PlayerID: 1, Role: "x"}).Error }, nil, same},
		"Update of a foreign key":  {func(db *gorm.DB) error { return one(db).Update("club_id", 2).Error }, moved, "1-2 1-3x 2-1"},
		"Update to what it is":     {func(db *gorm.DB) error { return one(db).Update("club_id", 1).Error }, nil, same},
		"Updates by condition":     {func(db *gorm.DB) error { return chess(db).Updates(ClubPlayer{ClubID: 2}).Error }, allMoved, "1-3x 2-1 2-2"},
		"marked by hand":           {func(db *gorm.DB) error { return one(db).Update("deleted_at", time.Now()).Error }, ann, annMarked},
		"Delete":                   {func(db *gorm.DB) error { return db.Delete(clubPlayer(1, 1)).Error }, ann, annMarked},
		"Delete by condition":      {func(db *gorm.DB) error { return chess(db).Delete(&ClubPlayer{}).Error }, all, allMarked},
		"Delete by a map":          {func(db *gorm.DB) error { return db.Delete(&ClubPlayer{}, map[string]any{"club_id": []uint{1}}).Error }, all, allMarked},
		"Unscoped Delete":          {func(db *gorm.DB) error { return chess(db).Unscoped().Delete(&ClubPlayer{}).Error }, all, ""},
	})
}

func TestSignalsOfTheJoinModelAreSentBesideM2MChanged(t *testing.T) {
	t.Parallel()
	db, tr := clubs(t)
	into(tr, traceOf(db, func(l *ClubPlayer) string { return fmt.Sprint(l.ClubID, "-", l.PlayerID) }))
	require.NoError(t, playersOf(db, 2).Append(&Player{ID: 1}))
	assertPrePost(t, then(
		[]string{"pre_save create 2-1"}, prePost("add Players of go [1]", "add Clubs of ann [2] reverse"), []string{"post_save create 2-1"},
	), tr.take())
	require.NoError(t, playersOf(db, 1).Append(&Player{ID: 1}))
	assert.Empty(t, tr.take(), "the link exists")
	require.NoError(t, playersOf(db, 2).Clear())
	assertPrePost(t, then(
		[]string{"pre_delete soft 2-1"}, prePost("clear Players of go [1]", "remove Clubs of ann [2] reverse"), []string{"post_delete soft 2-1"},
	), tr.take())
}

// Styling is mapped to the table between Song and Genre, of which GORM knows nothing there.
type Styling struct {
	Piece uint `gorm:"primaryKey;column:song_id"`
	Style uint `gorm:"primaryKey;column:genre_id"`
}

// TableName returns the table that GORM makes for Song.
func (Styling) TableName() string { return "song_genres" }

func TestAModelThatIsMappedToAJoinTableByHandSendsAsAJoinModel(t *testing.T) {
	t.Parallel()
	db, tr := music(t)
	require.NoError(t, db.Create(&[]Styling{{Piece: 3, Style: 1}, {Piece: 3, Style: 3}}).Error)
	assertPrePost(t, prePost("add Genres of c [1 3]", "add Songs of jazz [3]", "add Songs of folk [3]"), tr.take())
	require.NoError(t, db.Model(&Styling{}).Where("genre_id = ?", 3).Update("genre_id", 2).Error)
	assertPrePost(t, prePost("remove Genres of c [3]", "remove Songs of folk [3]", "add Genres of c [2]", "add Songs of rock [3]"), tr.take())
	require.NoError(t, db.Where("song_id = ?", 3).Delete(&Styling{}).Error)
	assertPrePost(t, prePost("remove Genres of c [1 2]", "remove Songs of jazz [3]", "remove Songs of rock [3]"), tr.take())
	assert.Equal(t, seededLinks, songGenres(t, db))
}

// Novel and Topic are Titled through Base.
type Novel struct {
	ID uint
	Base
	Topics []Topic `gorm:"many2many:novel_topics"`
}

// Topic is the other side of Novel.
type Topic struct {
	ID uint
	Base
	Novels []Novel `gorm:"many2many:novel_topics"`
}

func TestReceiversOfM2MChangedRunInOneOrder(t *testing.T) {
	t.Parallel()
	db := open(t, &Novel{}, &Topic{})
	tr := &trace{}
	novel := func(name string) signals.Receiver[signals.M2MEvent[*Novel]] {
		return func(_ context.Context, e signals.M2MEvent[*Novel]) error {
			tr.add("%s: %s", name, linkLine(e, e.Instance.Title))
			return nil
		}
	}
	novels := signals.For[Novel](db).M2MChanged
	novels.Connect(novel("replaced"), signals.UID("one"))
	signals.Implementing[Titled](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[Titled]) error {
		tr.add("titled: %s", linkLine(e, e.Instance.ShownTitle()))
		return nil
	})
	novels.Connect(novel("second"))
	novels.Connect(novel("first"), signals.Priority(9))
	novels.Connect(novel("one"), signals.UID("one"))
	signals.Implementing[any](db).M2MChanged.ConnectBatch(func(_ context.Context, events []signals.M2MEvent[any]) error {
		tr.add("batch of %d %T %s", len(events), events[0].Instance, events[0].Action)
		return nil
	}, signals.Priority(-1))
	require.NoError(t, db.Create(&[]Novel{{Base: Base{Title: "n"}, Topics: []Topic{{Base: Base{Title: "t"}}}}}).Error)
	var want []string
	for _, phase := range []string{"pre_", "post_"} {
		for _, name := range []string{"first", "one", "titled", "second"} {
			want = append(want, fmt.Sprintf("%s: %sadd Topics of n [1]", name, phase))
		}
		want = append(want, "batch of 1 *behaviour_test.Novel "+phase+"add", "titled: "+phase+"add Novels of t [1] reverse", "batch of 1 *behaviour_test.Topic "+phase+"add")
	}
	assert.Equal(t, want, tr.take())
}
