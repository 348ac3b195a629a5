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
)

// Song has many Genres. The table between them has no model.
type Song struct {
	ID     uint
	Title  string
	Genres []Genre `gorm:"many2many:song_genres"`
}

// Genre is the other side of Song.
type Genre struct {
	ID    uint
	Name  string
	Songs []*Song `gorm:"many2many:song_genres"`
}

// music returns a database that is listened to, with the links of seedMusic.
func music(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db := seedMusic(t, open(t, &Song{}, &Genre{}))
	return db, traceMusic(db)
}

// seedMusic stores the songs a, b and c and the genres jazz, rock and folk. The links are a-jazz, a-rock and b-rock.
func seedMusic(t *testing.T, db *gorm.DB) *gorm.DB {
	t.Helper()
	require.NoError(t, db.Create(&[]Genre{{Name: "jazz"}, {Name: "rock"}, {Name: "folk"}}).Error)
	require.NoError(t, db.Create(&[]Song{{Title: "a", Genres: []Genre{{ID: 1}, {ID: 2}}}, {Title: "b", Genres: []Genre{{ID: 2}}}, {Title: "c"}}).Error)
	return db
}

func traceMusic(db *gorm.DB) *trace {
	tr := &trace{}
	traceLinks(db, tr, func(s *Song) string { return s.Title })
	traceLinks(db, tr, func(g *Genre) string { return g.Name })
	return tr
}

// traceLinks writes what m2m_changed sends for a model into tr. show writes an instance.
func traceLinks[M any](db *gorm.DB, tr *trace, show func(*M) string, opts ...signals.ConnectOption) {
	signals.For[M](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*M]) error {
		tr.add("%s", linkLine(e, show(e.Instance)))
		return nil
	}, opts...)
}

// linkLine writes an event: "pre_add Genres of a [1 2]", and "reverse" when the links were changed from the other side.
func linkLine[M any](e signals.M2MEvent[M], instance string) string {
	line := fmt.Sprintf("%s %s of %s %v", e.Action, e.Relation, instance, e.PKs)
	if e.Reverse {
		line += " reverse"
	}
	return line
}

// prePost writes out the events of one statement: all pre, then all post.
func prePost(lines ...string) []string {
	events := make([]string, 0, 2*len(lines))
	for _, phase := range []string{"pre_", "post_"} {
		for _, line := range lines {
			events = append(events, phase+line)
		}
	}
	return events
}

// then joins the events of statements that follow each other.
func then(statements ...[]string) []string {
	var events []string
	for _, s := range statements {
		events = append(events, s...)
	}
	return events
}

// pairsIn reads the links that a table stores: "1-1 1-2".
func pairsIn(t *testing.T, db *gorm.DB, table, from, to string) string {
	t.Helper()
	var pairs []string
	query := fmt.Sprintf("SELECT %s || '-' || %s FROM %s ORDER BY 1", from, to, table)
	require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Raw(query).Scan(&pairs).Error)
	return strings.Join(pairs, " ")
}

func songGenres(t *testing.T, db *gorm.DB) string {
	t.Helper()
	return pairsIn(t, db, "song_genres", "song_id", "genre_id")
}

// genresOf and songsOf return the associations of rows of which the caller has no more than the keys.
func genresOf(db *gorm.DB, song uint) *gorm.Association {
	return db.Model(&Song{ID: song}).Association("Genres")
}

func songsOf(db *gorm.DB, genre uint) *gorm.Association {
	return db.Model(&Genre{ID: genre}).Association("Songs")
}

func songs(keys ...uint) *[]Song {
	all := make([]Song, len(keys))
	for i, key := range keys {
		all[i].ID = key
	}
	return &all
}

// seededLinks is what seedMusic stores.
const seededLinks = "1-1 1-2 2-2"

// linkCase is a call on the database of music, the events that it sends, and the links that are stored then.
type linkCase struct {
	call   func(db *gorm.DB) error
	want   []string
	stored string
}

func runLinkCases(t *testing.T, cases map[string]linkCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, tr := music(t)
			require.NoError(t, c.call(db))
			assert.Equal(t, c.want, tr.take())
			assert.Equal(t, c.stored, songGenres(t, db))
		})
	}
}

func TestAppendSendsTheLinksThatAppear(t *testing.T) {
	t.Parallel()
	folk, soul := prePost("add Genres of a [3]", "add Songs of folk [1] reverse"), prePost("add Genres of a [4]", "add Songs of soul [1] reverse")
	const withFolk, withSoul = "1-1 1-2 1-3 2-2", "1-1 1-2 1-4 2-2"
	runLinkCases(t, map[string]linkCase{
		"new":      {func(db *gorm.DB) error { return genresOf(db, 1).Append(&Genre{ID: 3}) }, folk, withFolk},
		"existing": {func(db *gorm.DB) error { return genresOf(db, 1).Append(&Genre{ID: 1}) }, nil, seededLinks},
		"mixed":    {func(db *gorm.DB) error { return genresOf(db, 1).Append(&Genre{ID: 1}, &Genre{ID: 3}) }, folk, withFolk},
		"twice":    {func(db *gorm.DB) error { return genresOf(db, 1).Append(&Genre{ID: 3}, &Genre{ID: 3}) }, folk, withFolk},
		"unsaved":  {func(db *gorm.DB) error { return genresOf(db, 1).Append(&Genre{Name: "soul"}) }, soul, withSoul},
		"saved and unsaved": {
			func(db *gorm.DB) error { return genresOf(db, 1).Append(&Genre{ID: 3}, &Genre{Name: "soul"}) },
			prePost("add Genres of a [3 4]", "add Songs of folk [1] reverse", "add Songs of soul [1] reverse"), "1-1 1-2 1-3 1-4 2-2",
		},
		"a value":  {func(db *gorm.DB) error { return genresOf(db, 1).Append(Genre{ID: 3}) }, folk, withFolk},
		"a slice":  {func(db *gorm.DB) error { return genresOf(db, 1).Append([]Genre{{ID: 2}, {ID: 3}}) }, folk, withFolk},
		"pointers": {func(db *gorm.DB) error { return genresOf(db, 1).Append([]*Genre{{ID: 2}, {ID: 3}}) }, folk, withFolk},
		"a map":    {func(db *gorm.DB) error { return genresOf(db, 1).Append(map[string]any{"name": "soul"}) }, soul, withSoul},
		"nothing":  {func(db *gorm.DB) error { return genresOf(db, 1).Append() }, nil, seededLinks},
		"to a row with its links in memory": {func(db *gorm.DB) error {
			var a Song
			return errors.Join(db.Preload("Genres").First(&a, 1).Error, db.Model(&a).Association("Genres").Append(&Genre{ID: 3}))
		}, folk, withFolk},
		"from the other side": {
			func(db *gorm.DB) error { return songsOf(db, 3).Append(&Song{ID: 1}, &Song{ID: 3}) },
			prePost("add Songs of folk [1 3]", "add Genres of a [3] reverse", "add Genres of c [3] reverse"), "1-1 1-2 1-3 2-2 3-3",
		},
		"to a slice of owners": {
			func(db *gorm.DB) error {
				return db.Model(songs(1, 3)).Association("Genres").Append(&Genre{ID: 3}, &Genre{ID: 1})
			},
			then(folk, prePost("add Genres of c [1]", "add Songs of jazz [3] reverse")), "1-1 1-2 1-3 2-2 3-1",
		},
	})
}

func TestReplaceSendsAddForWhatComesThenRemoveForWhatGoes(t *testing.T) {
	t.Parallel()
	folk := prePost("add Genres of a [3]", "add Songs of folk [1] reverse")
	jazz := prePost("remove Genres of a [1]", "remove Songs of jazz [1] reverse")
	runLinkCases(t, map[string]linkCase{
		"some stay": {
			func(db *gorm.DB) error { return genresOf(db, 1).Replace(&Genre{ID: 2}, &Genre{ID: 3}) },
			then(folk, jazz), "1-2 1-3 2-2",
		},
		"none stays": {
			func(db *gorm.DB) error { return genresOf(db, 1).Replace(&Genre{ID: 3}) },
			then(folk, prePost("remove Genres of a [1 2]", "remove Songs of jazz [1] reverse", "remove Songs of rock [1] reverse")), "1-3 2-2",
		},
		"some go":   {func(db *gorm.DB) error { return genresOf(db, 1).Replace(&Genre{ID: 2}) }, jazz, "1-2 2-2"},
		"some come": {func(db *gorm.DB) error { return genresOf(db, 1).Replace([]Genre{{ID: 1}, {ID: 2}, {ID: 3}}) }, folk, "1-1 1-2 1-3 2-2"},
		"the same":  {func(db *gorm.DB) error { return genresOf(db, 1).Replace(&Genre{ID: 2}, &Genre{ID: 1}) }, nil, seededLinks},
		"from the other side": {
			func(db *gorm.DB) error { return songsOf(db, 2).Replace(&Song{ID: 2}, &Song{ID: 3}) },
			then(prePost("add Songs of rock [3]", "add Genres of c [2] reverse"), prePost("remove Songs of rock [1]", "remove Genres of a [2] reverse")),
			"1-1 2-2 3-2",
		},
		"of a slice of owners": {
			func(db *gorm.DB) error {
				return db.Model(songs(1, 2)).Association("Genres").Replace(&Genre{ID: 3}, &Genre{ID: 2})
			},
			then(folk, jazz), "1-2 1-3 2-2",
		},
	})
}

func TestAssociationDeleteSendsTheLinksThatGo(t *testing.T) {
	t.Parallel()
	jazz := prePost("remove Genres of a [1]", "remove Songs of jazz [1] reverse")
	runLinkCases(t, map[string]linkCase{
		"related":      {func(db *gorm.DB) error { return genresOf(db, 1).Delete(&Genre{ID: 1}) }, jazz, "1-2 2-2"},
		"unrelated":    {func(db *gorm.DB) error { return genresOf(db, 1).Delete(&Genre{ID: 3}) }, nil, seededLinks},
		"some of them": {func(db *gorm.DB) error { return genresOf(db, 1).Delete([]Genre{{ID: 1}, {ID: 3}, {ID: 9}}) }, jazz, "1-2 2-2"},
		"Unscoped":     {func(db *gorm.DB) error { return genresOf(db, 1).Unscoped().Delete(&Genre{ID: 1}) }, jazz, "1-2 2-2"},
		"from the other side": {
			func(db *gorm.DB) error { return songsOf(db, 2).Delete(&Song{ID: 1}, &Song{ID: 2}) },
			prePost("remove Songs of rock [1 2]", "remove Genres of a [2] reverse", "remove Genres of b [2] reverse"), "1-1",
		},
		"of a slice of owners": {
			func(db *gorm.DB) error { return db.Model(songs(1, 2, 3)).Association("Genres").Delete(&Genre{ID: 2}) },
			prePost("remove Genres of a [2]", "remove Genres of b [2]", "remove Songs of rock [1 2] reverse"), "1-1",
		},
	})
}

func TestClearSendsWhatWentAndTheOtherSideHearsRemove(t *testing.T) {
	t.Parallel()
	a := prePost("clear Genres of a [1 2]", "remove Songs of jazz [1] reverse", "remove Songs of rock [1] reverse")
	runLinkCases(t, map[string]linkCase{
		"links":    {func(db *gorm.DB) error { return genresOf(db, 1).Clear() }, a, "2-2"},
		"Replace":  {func(db *gorm.DB) error { return genresOf(db, 1).Replace() }, a, "2-2"},
		"Unscoped": {func(db *gorm.DB) error { return genresOf(db.Unscoped(), 1).Unscoped().Clear() }, a, "2-2"},
		"no links": {func(db *gorm.DB) error { return genresOf(db, 3).Clear() }, nil, seededLinks},
		"twice":    {func(db *gorm.DB) error { return errors.Join(genresOf(db, 1).Clear(), genresOf(db, 1).Clear()) }, a, "2-2"},
		"from the other side": {
			func(db *gorm.DB) error { return songsOf(db, 2).Clear() },
			prePost("clear Songs of rock [1 2]", "remove Genres of a [2] reverse", "remove Genres of b [2] reverse"), "1-1",
		},
		"of a slice of owners": {
			func(db *gorm.DB) error { return db.Model(songs(1, 2, 3)).Association("Genres").Clear() },
			prePost("clear Genres of a [1 2]", "clear Genres of b [2]", "remove Songs of jazz [1] reverse", "remove Songs of rock [1 2] reverse"), "",
		},
	})
}

func TestM2MChangedGivesACopyOfTheStoredRowAndKeysAsTheFieldsHoldThem(t *testing.T) {
	t.Parallel()
	db, _ := music(t)
	mine := Song{ID: 1, Title: "in memory"}
	var events []signals.M2MEvent[*Song]
	signals.For[Song](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Song]) error {
		assert.Equal(t, Song{ID: 1, Title: "a"}, *e.Instance)
		assert.NotSame(t, &mine, e.Instance)
		assert.Equal(t, "songs", e.Schema().Table)
		assert.False(t, e.Raw())
		events = append(events, e)
		return nil
	})
	require.NoError(t, db.Model(&mine).Association("Genres").Append(&Genre{ID: 3}))
	require.Len(t, events, 2)
	assert.Equal(t, [...]signals.M2MAction{signals.PreAdd, signals.PostAdd}, [...]signals.M2MAction{events[0].Action, events[1].Action})
	assert.Equal(t, [...]bool{true, false}, [...]bool{events[0].Action.Pre(), events[1].Action.Pre()})
	assert.Equal(t, []any{uint(3)}, events[1].PKs)
	assert.Equal(t, Song{ID: 1, Title: "in memory", Genres: []Genre{{ID: 3}}}, mine)
	assert.Equal(t, "no action", signals.M2MAction(0).String())
}

func TestPreAndPostOfM2MChangedStandAroundTheSQL(t *testing.T) {
	t.Parallel()
	db := seedMusic(t, open(t, &Song{}, &Genre{}))
	tr := &trace{}
	signals.For[Genre](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Genre]) error {
		var links int64
		err := e.DB().Table("song_genres").Where("genre_id = ?", e.Instance.ID).Count(&links).Error
		tr.add("%s %s %d", e.Action, e.Instance.Name, links)
		return err
	})
	require.NoError(t, genresOf(db, 3).Replace(&Genre{ID: 1}, &Genre{ID: 2}))
	require.NoError(t, genresOf(db, 3).Delete(&Genre{ID: 1}))
	require.NoError(t, songsOf(db, 2).Clear())
	assert.Equal(t, []string{
		"pre_add jazz 1", "pre_add rock 2", "post_add jazz 2", "post_add rock 3",
		"pre_remove jazz 2", "post_remove jazz 1", "pre_clear rock 3", "post_clear rock 0",
	}, tr.take())
}

// Locker and Parcel have keys of two columns.
type Locker struct {
	Room    string   `gorm:"primaryKey"`
	No      int      `gorm:"primaryKey;autoIncrement:false"`
	Parcels []Parcel `gorm:"many2many:locker_parcels"`
}

// Parcel is the other side of Locker.
type Parcel struct {
	Code    string    `gorm:"primaryKey"`
	Year    int       `gorm:"primaryKey;autoIncrement:false"`
	Lockers []*Locker `gorm:"many2many:locker_parcels"`
}

func TestCompositeKeysAreSlices(t *testing.T) {
	t.Parallel()
	db := open(t, &Locker{}, &Parcel{})
	tr := &trace{}
	traceLinks(db, tr, func(s *Locker) string { return fmt.Sprint(s.Room, s.No) })
	traceLinks(db, tr, func(b *Parcel) string { return fmt.Sprint(b.Code, b.Year) })
	var keys []any
	signals.For[Locker](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Locker]) error { keys = e.PKs; return nil })
	require.NoError(t, db.Create(&Locker{Room: "r", No: 1, Parcels: []Parcel{{Code: "x", Year: 20}, {Code: "x", Year: 21}}}).Error)
	assert.Equal(t, prePost("add Parcels of r1 [[x 20] [x 21]]", "add Lockers of x20 [[r 1]] reverse", "add Lockers of x21 [[r 1]] reverse"), tr.take())
	assert.Equal(t, []any{[]any{"x", 20}, []any{"x", 21}}, keys)
	require.NoError(t, db.Model(&Parcel{Code: "x", Year: 21}).Association("Lockers").Replace(&Locker{Room: "r", No: 2}))
	assert.Equal(t, then(
		prePost("add Lockers of x21 [[r 2]]", "add Parcels of r2 [[x 21]] reverse"), prePost("remove Lockers of x21 [[r 1]]", "remove Parcels of r1 [[x 21]] reverse"),
	), tr.take())
	require.NoError(t, db.Model(&Locker{Room: "r", No: 1}).Association("Parcels").Clear())
	assert.Equal(t, prePost("clear Parcels of r1 [[x 20]]", "remove Lockers of x20 [[r 1]] reverse"), tr.take())
}

// Shop and Brand are linked by columns that are not their keys.
type Shop struct {
	ID     uint
	Slug   string  `gorm:"unique"`
	Brands []Brand `gorm:"many2many:shop_brands;foreignKey:Slug;joinForeignKey:ShopSlug;references:Code;joinReferences:BrandCode"`
}

// Brand is the other side of Shop.
type Brand struct {
	ID    uint
	Code  string `gorm:"unique"`
	Shops []Shop `gorm:"many2many:shop_brands;foreignKey:Code;joinForeignKey:BrandCode;references:Slug;joinReferences:ShopSlug"`
}

func TestPKsArePrimaryKeysAlsoWhenLinksNameOtherColumns(t *testing.T) {
	t.Parallel()
	db := open(t, &Shop{}, &Brand{})
	tr := &trace{}
	traceLinks(db, tr, func(s *Shop) string { return s.Slug })
	traceLinks(db, tr, func(b *Brand) string { return b.Code })
	shop := Shop{ID: 7, Slug: "s", Brands: []Brand{{ID: 5, Code: "x"}, {ID: 6, Code: "y"}}}
	require.NoError(t, db.Create(&shop).Error)
	assert.Equal(t, prePost("add Brands of s [5 6]", "add Shops of x [7] reverse", "add Shops of y [7] reverse"), tr.take())
	require.NoError(t, db.Model(&shop).Association("Brands").Delete(&Brand{ID: 5, Code: "x"}))
	assert.Equal(t, prePost("remove Brands of s [5]", "remove Shops of x [7] reverse"), tr.take())
	require.NoError(t, db.Model(&Brand{ID: 6, Code: "y"}).Association("Shops").Clear())
	assert.Equal(t, prePost("clear Shops of y [7]", "remove Brands of s [6] reverse"), tr.take())
}
