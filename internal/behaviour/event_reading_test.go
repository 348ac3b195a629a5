package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Pitch is embedded by pointer: it may not be there.
type Pitch struct {
	Lat, Lng float64
	Mark     string
}

type Arena struct {
	ID    uint
	Name  string
	Pitch *Pitch `gorm:"embedded;embeddedPrefix:spot_"`
}

// looking is an observer that looks at everything.
type looking struct{}

func (looking) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	_ = o.Rows()
	return ctx
}

func (looking) ObserveEnd(_ context.Context, o signals.Observed, _ error) { _ = o.Rows() }

func TestReadingAnEventChangesNothing(t *testing.T) {
	t.Parallel()
	look := func(_ context.Context, e signals.SaveEvent[*Arena]) error {
		_, _, _, _ = e.Changes(), e.Changed(), e.Changed("Lat", "spot_mark"), e.UpdateFields()
		_ = e.Restored()
		original, err := e.Original()
		assert.Nil(t, e.Instance.Pitch)
		if original != nil {
			assert.Nil(t, original.Pitch)
		}
		return err
	}
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Observer: looking{}}, &Arena{})
	s := signals.For[Arena](db)
	s.PreSave.Connect(look)
	s.PostSave.Connect(look)
	s.PostSave.Connect(look, signals.Fields("Lat", "Name"))
	s.PostSave.Connect(look, signals.BeforeCommit())
	s.PostSave.Connect(look, signals.AfterCommit())
	s.PostSave.Connect(look, signals.AfterCommit(), signals.Net())
	s.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Arena]) error {
		assert.Nil(t, e.Instance.Pitch)
		return nil
	})
	v := Arena{Name: "a"}
	all := []Arena{{Name: "b"}, {Name: "c"}}
	require.NoError(t, db.Create(&v).Error)
	for name, call := range map[string]func() error{
		"slice": func() error { return db.Create(&all).Error },
		"upsert": func() error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Arena{ID: 1, Name: "d"}).Error
		},
		"insert or nothing": func() error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Arena{{Name: "e"}, {Name: "f"}}).Error
		},
		"update":              func() error { return db.Model(&v).Update("name", "h").Error },
		"update by condition": func() error { return db.Model(&Arena{}).Where("id > 0").Update("name", gorm.Expr("name || 'x'")).Error },
		"delete":              func() error { return db.Where("name = ?", "no").Delete(&Arena{}).Error },
	} {
		require.NoError(t, call(), name)
		assert.Nil(t, v.Pitch, name)
		assert.Nil(t, all[0].Pitch, name)
	}
	var there int64
	require.NoError(t, db.Model(&Arena{}).Where("spot_lat IS NOT NULL OR spot_mark IS NOT NULL").Count(&there).Error)
	assert.Zero(t, there)
	require.NoError(t, db.Where("id > 0").Delete(&Arena{}).Error)
}

// GORM itself makes the embedded struct when it works out what Save assigns, after pre_save.
func TestReadingASaveLeavesThatToGORM(t *testing.T) {
	t.Parallel()
	db := open(t, &Arena{})
	v := Arena{Name: "a"}
	require.NoError(t, db.Create(&v).Error)
	signals.For[Arena](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Arena]) error {
		_, _, _ = e.Changes(), e.Changed(), e.Restored()
		original, err := e.Original()
		assert.Nil(t, e.Instance.Pitch)
		assert.Nil(t, original.Pitch)
		return err
	})
	v.Name = "b"
	require.NoError(t, db.Save(&v).Error)
}

func TestWhatIsInNoEmbeddedStructIsNull(t *testing.T) {
	t.Parallel()
	db := open(t, &Arena{})
	var changes []signals.Change
	signals.For[Arena](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Arena]) error {
		changes = e.Changes()
		return nil
	})
	v := Arena{Name: "a"}
	require.NoError(t, db.Create(&v).Error)
	v.Pitch = &Pitch{Lat: 1}
	require.NoError(t, db.Save(&v).Error)
	assert.Equal(t, []signals.Change{
		{Field: "Lat", Column: "spot_lat", Old: 0.0, New: 1.0},
		{Field: "Lng", Column: "spot_lng", Old: 0.0, New: 0.0}, // NULL is not 0
		{Field: "Mark", Column: "spot_mark", Old: "", New: ""},
	}, changes)
}

func TestWhatIsBesideAnAssignedFieldStaysNull(t *testing.T) {
	t.Parallel()
	db := open(t, &Arena{})
	require.NoError(t, db.Create(&Arena{Name: "a"}).Error)
	var changes []signals.Change
	note := func(_ context.Context, e signals.SaveEvent[*Arena]) error {
		changes = e.Changes()
		return nil
	}
	signals.For[Arena](db).PreSave.Connect(note)
	for _, phase := range [][]signals.ConnectOption{nil, {signals.AfterCommit()}} {
		off := signals.For[Arena](db).PostSave.Connect(note, phase...)
		require.NoError(t, db.Session(&gorm.Session{SkipHooks: true}).Save(&Arena{ID: 1, Name: "a"}).Error)
		require.NoError(t, db.Exec("UPDATE arenas SET spot_lat = NULL, spot_lng = NULL, spot_mark = NULL").Error)
		require.NoError(t, db.Model(&Arena{}).Where("id = 1").Update("spot_lat", 1).Error)
		assert.Equal(t, []signals.Change{{Field: "Lat", Column: "spot_lat", Old: 0.0, New: 1.0}}, changes)
		var nulls int64
		require.NoError(t, db.Model(&Arena{}).Where("spot_lng IS NULL AND spot_mark IS NULL").Count(&nulls).Error)
		assert.EqualValues(t, 1, nulls)
		off()
	}
}

func TestEventsThatAreKeptStayAsTheyWere(t *testing.T) {
	t.Parallel()
	db, _ := seeded(t, signals.Plugin{BatchSize: 1})
	var kept []signals.SaveEvent[*Product]
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		kept = append(kept, e)
		return nil
	})
	require.NoError(t, db.Model(&Product{}).Where("1 = 1").Update("price", gorm.Expr("price * 10")).Error)
	require.Len(t, kept, 3)
	for i, e := range kept {
		assert.Equal(t, []signals.Change{{Field: "Price", Column: "price", Old: int64(i + 1), New: int64(10 * (i + 1))}}, e.Changes())
	}
}

func TestAPreSaveEventThatIsKeptAnswersAsItDidBeforeTheWrite(t *testing.T) {
	t.Parallel()
	db, _ := seeded(t, signals.Plugin{BatchSize: 2})
	var kept []signals.SaveEvent[*Product]
	signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		kept = append(kept, e)
		return nil
	})
	require.NoError(t, db.Model(&Product{}).Where("1 = 1").Update("price", gorm.Expr("price + 0")).Error)
	upsert := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.Assignments(map[string]any{"name": gorm.Expr("products.name")})}
	require.NoError(t, db.Clauses(upsert).Create(&Product{ID: 1, Name: "a", Price: 1}).Error)
	require.Len(t, kept, 4)
	for _, e := range kept[:3] { // nobody knew before what the expression gives
		assert.True(t, e.Changed("Price"))
		assert.Len(t, e.Changes(), 1)
		assert.Equal(t, []string{"Price"}, e.UpdateFields())
	}
	assert.True(t, kept[3].Changed("Name"))
	assert.Equal(t, []string{"Name"}, kept[3].UpdateFields())
}
