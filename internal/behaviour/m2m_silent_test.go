package behaviour_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// linkCalls change links of music in every way, and answer with what the caller sees.
func linkCalls() []func(db *gorm.DB) string {
	association := func(id uint, call func(a *gorm.Association) error) func(db *gorm.DB) string {
		return func(db *gorm.DB) string {
			song := Song{ID: id, Title: "in memory", Genres: []Genre{{ID: 1}}}
			err := call(db.Model(&song).Association("Genres"))
			return fmt.Sprint(song, err)
		}
	}
	write := func(call func(db *gorm.DB) *gorm.DB) func(db *gorm.DB) string {
		return func(db *gorm.DB) string {
			tx := call(db)
			return fmt.Sprint(tx.RowsAffected, tx.Error, tx.Statement.Dest)
		}
	}
	return []func(db *gorm.DB) string{
		association(1, func(a *gorm.Association) error { return a.Append(&Genre{ID: 3}, &Genre{Name: "soul"}) }),
		association(1, func(a *gorm.Association) error { return a.Replace(&Genre{ID: 2}, &Genre{ID: 3}) }),
		association(1, func(a *gorm.Association) error { return a.Delete(&Genre{ID: 1}, &Genre{ID: 2}) }),
		association(1, func(a *gorm.Association) error { return a.Append(map[string]any{"name": "ska"}) }),
		association(1, func(a *gorm.Association) error { return a.Clear() }),
		association(0, func(a *gorm.Association) error { return a.Clear() }),
		association(99, func(a *gorm.Association) error { return a.Append(&Genre{ID: 1}) }),
		write(func(db *gorm.DB) *gorm.DB {
			return db.Create(&[]Song{{Title: "d", Genres: []Genre{{ID: 1}, {Name: "raga"}}}, {Title: "e"}})
		}),
		write(func(db *gorm.DB) *gorm.DB { return db.Omit("Genres.*").Create(&Song{Genres: []Genre{{ID: 99}}}) }),
		write(func(db *gorm.DB) *gorm.DB { return db.Save(&Song{ID: 2, Title: "b", Genres: []Genre{{ID: 1}}}) }),
		write(func(db *gorm.DB) *gorm.DB { return db.Create(&[]Styling{{Piece: 3, Style: 1}, {Piece: 3, Style: 2}}) }),
		write(func(db *gorm.DB) *gorm.DB { return db.Create(&Styling{Piece: 3, Style: 1}) }),
		write(func(db *gorm.DB) *gorm.DB { return db.Model(&Styling{}).Where("song_id = 3").Update("song_id", 1) }),
		write(func(db *gorm.DB) *gorm.DB { return db.Where("genre_id = ?", 2).Delete(&Styling{}) }),
		write(func(db *gorm.DB) *gorm.DB { return db.Select("Genres").Delete(&Song{ID: 1}) }),
		write(func(db *gorm.DB) *gorm.DB { return db.Delete(&Song{ID: 2}) }),
	}
}

// outcomes makes the calls, and adds the links that are stored after each.
func outcomes(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	var lines []string
	for _, call := range linkCalls() {
		lines = append(lines, call(db)+" "+songGenres(t, db))
	}
	return lines
}

func TestCallersSeeOfTheirLinksWhatTheySeeWithoutThePlugin(t *testing.T) {
	t.Parallel()
	want := outcomes(t, seedMusic(t, testkit.Open(t, &gorm.Config{}, &Song{}, &Genre{})))
	db, tr := music(t)
	assert.Equal(t, want, outcomes(t, db))
	assert.NotEmpty(t, tr.take())
}

func TestLinksThatNobodyListensToRunNoFurtherQuery(t *testing.T) {
	t.Parallel()
	plain := seedMusic(t, testkit.Open(t, &gorm.Config{}, &Song{}, &Genre{}))
	want := recordSQL(plain)
	outcomes(t, plain)
	for name, connect := range map[string]func(db *gorm.DB){
		"no receiver": func(*gorm.DB) {},
		"a receiver of another model": func(db *gorm.DB) {
			signals.For[Singer](db).M2MChanged.Connect(func(context.Context, signals.M2MEvent[*Singer]) error { return errBoom })
		},
		"a receiver of another interface": func(db *gorm.DB) {
			signals.Implementing[Titled](db).M2MChanged.Connect(func(context.Context, signals.M2MEvent[Titled]) error { return errBoom })
		},
		"a receiver that is gone": func(db *gorm.DB) {
			signals.For[Song](db).M2MChanged.Connect(func(context.Context, signals.M2MEvent[*Song]) error { return errBoom })()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := seedMusic(t, open(t, &Song{}, &Genre{}, &Singer{}))
			connect(db)
			sql := recordSQL(db)
			outcomes(t, db)
			assert.Equal(t, want.texts, sql.texts)
		})
	}
}

func TestFieldsOfM2MChangedNamesRelationsAndTheOthersRunNoFurtherQuery(t *testing.T) {
	t.Parallel()
	db, all := singers(t, false)
	tr := &trace{}
	traceLinks(db, tr, func(s *Singer) string { return s.Name }, signals.Fields("Following", "Friends"))
	of := func(relation string) *gorm.Association { return db.Model(&Singer{ID: 1}).Association(relation) }
	require.NoError(t, of("Followers").Append(&Singer{ID: 2}))
	require.NoError(t, of("Friends").Append(&Singer{ID: 2}))
	require.NoError(t, of("Following").Append(&Singer{ID: 3}))
	assert.Equal(t, then(prePost("add Following of bob [1] reverse"), prePost("add Friends of ann [2]"), prePost("add Following of ann [3]")), tr.take())
	assert.Len(t, all.take(), 10)
	quiet := open(t, &Singer{})
	require.NoError(t, quiet.Create(&[]Singer{{Name: "ann"}, {Name: "bob"}}).Error)
	signals.For[Singer](quiet).M2MChanged.Connect(func(context.Context, signals.M2MEvent[*Singer]) error { return errBoom }, signals.Fields("Friends"))
	sql := recordSQL(quiet)
	require.NoError(t, quiet.Model(&Singer{ID: 1}).Association("Following").Append(&Singer{ID: 2}))
	require.NoError(t, quiet.Model(&Singer{ID: 1}).Association("Following").Clear())
	assert.Equal(t, map[string]int{"INSERT": 2, "DELETE": 1}, sql.kinds())
	require.ErrorIs(t, quiet.Model(&Singer{ID: 1}).Association("Friends").Append(&Singer{ID: 2}), errBoom)
}

func TestAKeysReceiverOfM2MChangedReadsNoOwner(t *testing.T) {
	t.Parallel()
	db := seedMusic(t, open(t, &Song{}, &Genre{}))
	tr := &trace{}
	traceLinks(db, tr, func(s *Song) string { return fmt.Sprint(*s) }, signals.Needs(signals.Keys))
	sql := recordSQL(db)
	require.NoError(t, genresOf(db, 1).Append(&Genre{ID: 3}))
	require.NoError(t, songsOf(db, 3).Append(&Song{ID: 2}))
	require.NoError(t, genresOf(db, 2).Clear())
	require.NoError(t, db.Delete(&Styling{Piece: 1, Style: 1}).Error)
	assert.Equal(t, then(
		prePost("add Genres of {1  []} [3]"), prePost("add Genres of {2  []} [3] reverse"), prePost("clear Genres of {2  []} [2 3]"),
		prePost("remove Genres of {1  []} [1]"),
	), tr.take())
	for _, text := range sql.texts {
		assert.False(t, strings.Contains(text, "FROM `songs`") || strings.Contains(text, "FROM `genres`"), text)
	}
}

func TestLinksAreSilentWhereReceiversAre(t *testing.T) {
	t.Parallel()
	for name, session := range map[string]func(db *gorm.DB) *gorm.DB{
		"SkipHooks": func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{SkipHooks: true}) },
		"Mute":      func(db *gorm.DB) *gorm.DB { return db.WithContext(signals.Mute(context.Background())) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, tr := music(t)
			want := outcomes(t, seedMusic(t, testkit.Open(t, &gorm.Config{}, &Song{}, &Genre{})))
			assert.Equal(t, want, outcomes(t, session(db)))
			assert.Empty(t, tr.take())
		})
	}
}

func TestADryRunOfLinksSendsNothingAndRunsNoFurtherQuery(t *testing.T) {
	t.Parallel()
	plain := seedMusic(t, testkit.Open(t, &gorm.Config{}, &Song{}, &Genre{}))
	db, tr := music(t)
	want, got := recordSQL(plain), recordSQL(db)
	for _, call := range linkCalls() {
		call(plain.Session(&gorm.Session{DryRun: true}))
		call(db.Session(&gorm.Session{DryRun: true}))
	}
	assert.Equal(t, want.texts, got.texts)
	assert.Empty(t, tr.take())
	assert.Equal(t, seededLinks, songGenres(t, db))
}

// Singer follows other Singers. Friends has no other side.
type Singer struct {
	ID        uint
	Name      string
	Friends   []*Singer `gorm:"many2many:singer_friends"`
	Following []*Singer `gorm:"many2many:follows;joinForeignKey:FollowerID;joinReferences:FolloweeID"`
	Followers []*Singer `gorm:"many2many:follows;joinForeignKey:FolloweeID;joinReferences:FollowerID"`
}

// Follow is the join model of both directions.
type Follow struct {
	FollowerID, FolloweeID uint `gorm:"primaryKey"`
	Note                   string
}

// singers returns a database with the singers ann, bob and cy, without links.
func singers(t *testing.T, joinModel bool) (*gorm.DB, *trace) {
	t.Helper()
	db := open(t)
	if joinModel {
		require.NoError(t, db.SetupJoinTable(&Singer{}, "Following", &Follow{}))
		require.NoError(t, db.SetupJoinTable(&Singer{}, "Followers", &Follow{}))
	}
	require.NoError(t, db.AutoMigrate(&Singer{}))
	require.NoError(t, db.Create(&[]Singer{{Name: "ann"}, {Name: "bob"}, {Name: "cy"}}).Error)
	tr := &trace{}
	traceLinks(db, tr, func(s *Singer) string { return s.Name })
	return db, tr
}

func TestASelfReferentialRelationKnowsItsTwoDirections(t *testing.T) {
	t.Parallel()
	for _, joinModel := range []bool{false, true} {
		t.Run(fmt.Sprintf("join model %t", joinModel), func(t *testing.T) {
			t.Parallel()
			db, tr := singers(t, joinModel)
			of := func(relation string) *gorm.Association { return db.Model(&Singer{ID: 1}).Association(relation) }
			require.NoError(t, of("Following").Append(&Singer{ID: 2}))
			assert.Equal(t, prePost("add Following of ann [2]", "add Followers of bob [1] reverse"), tr.take())
			require.NoError(t, of("Followers").Append(&Singer{ID: 2}, &Singer{ID: 3}))
			assert.Equal(t, prePost("add Followers of ann [2 3]", "add Following of bob [1] reverse", "add Following of cy [1] reverse"), tr.take())
			assert.Equal(t, "1-2 2-1 3-1", pairsIn(t, db, "follows", "follower_id", "followee_id"))
			require.NoError(t, db.Omit("Note").Create(&Follow{FollowerID: 3, FolloweeID: 2}).Error)
			assertPrePost(t, prePost("add Following of cy [2]", "add Followers of bob [3]"), tr.take())
			require.NoError(t, of("Followers").Append(&Singer{ID: 1}))
			assert.Equal(t, prePost("add Followers of ann [1]", "add Following of ann [1] reverse"), tr.take())
			require.NoError(t, of("Following").Delete(&Singer{ID: 2}))
			assert.Equal(t, prePost("remove Following of ann [2]", "remove Followers of bob [1] reverse"), tr.take())
			require.NoError(t, of("Following").Clear())
			assert.Equal(t, prePost("clear Following of ann [1]", "remove Followers of ann [1] reverse"), tr.take())
			require.NoError(t, of("Followers").Replace(&Singer{ID: 3}))
			assert.Equal(t, prePost("remove Followers of ann [2]", "remove Following of bob [1] reverse"), tr.take())
			require.NoError(t, db.Select("Followers").Delete(&Singer{ID: 1}).Error)
			assert.Equal(t, prePost("clear Followers of ann [3]", "remove Following of cy [1] reverse"), tr.take())
			require.NoError(t, db.Create(&Singer{Name: "dee", Followers: []*Singer{{ID: 2}}}).Error)
			assert.Equal(t, prePost("add Followers of dee [2]", "add Following of bob [4] reverse"), tr.take())
		})
	}
}

// Photo and Video share the table of their Labels, which tells them apart by OwnerType.
type Photo struct {
	ID     uint
	Name   string
	Labels []Label `gorm:"many2many:taggings;joinForeignKey:OwnerID;joinReferences:LabelID"`
}

// Video is the other owner of Labels.
type Video struct {
	ID     uint
	Name   string
	Labels []Label `gorm:"many2many:taggings;joinForeignKey:OwnerID;joinReferences:LabelID"`
}

// Label knows its Photos, and not its Videos.
type Label struct {
	ID     uint
	Name   string
	Photos []Photo `gorm:"many2many:taggings;joinForeignKey:LabelID;joinReferences:OwnerID"`
}

// Tagging is the join model of Labels.
type Tagging struct {
	OwnerID   uint   `gorm:"primaryKey"`
	OwnerType string `gorm:"primaryKey"`
	LabelID   uint   `gorm:"primaryKey"`
}

// gallery returns a database with a photo p, a video v, and the labels red, green and blue. The links are p-red, p-green and v-red.
func gallery(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db := testkit.OpenWith(t, &gorm.Config{DisableForeignKeyConstraintWhenMigrating: true}, signals.Plugin{})
	typed := func(of any, field, value string) {
		require.NoError(t, db.SetupJoinTable(of, field, &Tagging{}))
		stmt := &gorm.Statement{DB: db}
		require.NoError(t, stmt.Parse(of))
		rel := stmt.Schema.Relationships.Relations[field]
		rel.References = append(rel.References, &schema.Reference{PrimaryValue: value, ForeignKey: rel.JoinTable.LookUpField("OwnerType")})
	}
	typed(&Photo{}, "Labels", "photos")
	typed(&Video{}, "Labels", "videos")
	typed(&Label{}, "Photos", "photos")
	require.NoError(t, db.AutoMigrate(&Photo{}, &Video{}, &Label{}, &Tagging{}))
	require.NoError(t, db.Create(&Photo{Name: "p", Labels: []Label{{Name: "red"}, {Name: "green"}}}).Error)
	require.NoError(t, db.Create(&Video{Name: "v", Labels: []Label{{ID: 1}}}).Error)
	require.NoError(t, db.Create(&Label{Name: "blue"}).Error)
	tr := &trace{}
	traceLinks(db, tr, func(p *Photo) string { return p.Name })
	traceLinks(db, tr, func(v *Video) string { return v.Name })
	traceLinks(db, tr, func(l *Label) string { return l.Name })
	return db, tr
}

func TestLinksOfAPolymorphicJoinTableCountForTheirOwnTypeOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call func(db *gorm.DB) error
		want []string
	}{
		"Append": {
			func(db *gorm.DB) error {
				return db.Model(&Video{ID: 1}).Association("Labels").Append(&Label{ID: 1}, &Label{ID: 2})
			},
			prePost("add Labels of v [2]"),
		},
		"Append from the other side": {
			func(db *gorm.DB) error { return db.Model(&Label{ID: 3}).Association("Photos").Append(&Photo{ID: 1}) },
			prePost("add Photos of blue [1]", "add Labels of p [3] reverse"),
		},
		"Delete": {
			func(db *gorm.DB) error { return db.Model(&Photo{ID: 1}).Association("Labels").Delete(&Label{ID: 1}) },
			prePost("remove Labels of p [1]", "remove Photos of red [1] reverse"),
		},
		"Clear": {
			func(db *gorm.DB) error { return db.Model(&Video{ID: 1}).Association("Labels").Clear() }, prePost("clear Labels of v [1]"),
		},
		"Clear from the other side": {
			func(db *gorm.DB) error { return db.Model(&Label{ID: 1}).Association("Photos").Clear() },
			prePost("clear Photos of red [1]", "remove Labels of p [1] reverse"),
		},
		"delete with Select": {
			func(db *gorm.DB) error { return db.Select("Labels").Delete(&Photo{ID: 1}).Error },
			prePost("clear Labels of p [1 2]", "remove Photos of red [1] reverse", "remove Photos of green [1] reverse"),
		},
		"Create of the join model": {
			func(db *gorm.DB) error { return db.Create(&Tagging{OwnerID: 1, OwnerType: "videos", LabelID: 3}).Error },
			prePost("add Labels of v [3]"),
		},
		"Create of a link of nobody": {
			func(db *gorm.DB) error { return db.Create(&Tagging{OwnerID: 1, OwnerType: "poems", LabelID: 3}).Error }, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, tr := gallery(t)
			require.NoError(t, c.call(db))
			assert.Equal(t, c.want, tr.take())
		})
	}
}
