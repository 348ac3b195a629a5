package behaviour_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestDeleteSendsOnePairPerRowThatExistsLoadedWhole(t *testing.T) {
	t.Parallel()
	one := []string{"pre_delete hard 1 a 1", "post_delete hard 1 a 1"}
	two := []string{"pre_delete hard 1 a 1", "pre_delete hard 2 b 2", "post_delete hard 1 a 1", "post_delete hard 2 b 2"}
	for name, c := range map[string]struct {
		remove func(db *gorm.DB) *gorm.DB
		want   []string
	}{
		"by value":         {func(db *gorm.DB) *gorm.DB { return db.Delete(&Product{ID: 1}) }, one},
		"by slice":         {func(db *gorm.DB) *gorm.DB { return db.Delete(&[]Product{{ID: 1}, {ID: 2}, {ID: 99}}) }, two},
		"by pointers":      {func(db *gorm.DB) *gorm.DB { return db.Delete([]*Product{{ID: 1}, {ID: 2}}) }, two},
		"by key":           {func(db *gorm.DB) *gorm.DB { return db.Delete(&Product{}, 1) }, one},
		"by key as text":   {func(db *gorm.DB) *gorm.DB { return db.Delete(&Product{}, "1") }, one},
		"by keys":          {func(db *gorm.DB) *gorm.DB { return db.Delete(&Product{}, []int{1, 2, 99}) }, two},
		"by condition":     {func(db *gorm.DB) *gorm.DB { return db.Where("price < ?", 3).Delete(&Product{}) }, two},
		"inline condition": {func(db *gorm.DB) *gorm.DB { return db.Delete(&Product{}, "price < ?", 3) }, two},
		"by OR":            {func(db *gorm.DB) *gorm.DB { return db.Where("price = 1").Or("price = 2").Delete(&Product{}) }, two},
		"value and more":   {func(db *gorm.DB) *gorm.DB { return db.Where("name = 'a'").Delete(&Product{ID: 1}) }, one},
		"model and dest":   {func(db *gorm.DB) *gorm.DB { return db.Model(&Product{ID: 1}).Delete(&Product{}) }, one},
		"scope":            {func(db *gorm.DB) *gorm.DB { return db.Scopes(cheap).Delete(&Product{}) }, two},
		"table":            {func(db *gorm.DB) *gorm.DB { return db.Table("products").Where("price < 3").Delete(&Product{}) }, two},
		"not matching":     {func(db *gorm.DB) *gorm.DB { return db.Where("name = 'b'").Delete(&Product{ID: 1}) }, nil},
		"missing":          {func(db *gorm.DB) *gorm.DB { return db.Delete(&Product{ID: 99}) }, nil},
		"of no row":        {func(db *gorm.DB) *gorm.DB { return db.Where("price > 100").Delete(&Product{}) }, nil},
		"with a subquery": {func(db *gorm.DB) *gorm.DB {
			return db.Where("price < (?)", db.Model(&Product{}).Select("MAX(price)")).Delete(&Product{})
		}, two},
		"generics": {func(db *gorm.DB) *gorm.DB {
			n, err := gorm.G[Product](db).Where("price < ?", 3).Delete(context.Background())
			return &gorm.DB{Error: err, RowsAffected: int64(n)}
		}, two},
	} {
		for _, size := range []int{0, 1} {
			t.Run(fmt.Sprint(name, " in batches of ", size), func(t *testing.T) {
				t.Parallel()
				db, tr := seeded(t, signals.Plugin{BatchSize: size})
				result := c.remove(db)
				require.NoError(t, result.Error)
				assert.EqualValues(t, len(c.want)/2, result.RowsAffected)
				assert.ElementsMatch(t, c.want, tr.lines)
				if size == 0 {
					assert.Equal(t, c.want, tr.lines)
				}
				assert.EqualValues(t, 3-len(c.want)/2, count[Product](t, db))
			})
		}
	}
}

func cheap(db *gorm.DB) *gorm.DB { return db.Where("price < 3") }

func TestSoftDeleteSendsSoftAndUnscopedDeleteDoesNot(t *testing.T) {
	t.Parallel()
	db := open(t, &Page{})
	require.NoError(t, db.Create(&[]Page{{Title: "home"}, {Title: "about"}}).Error)
	tr := tracePages(db)
	require.NoError(t, db.Delete(&Page{ID: 1}).Error)
	assert.Equal(t, []string{"pre_delete soft 1 home 0", "post_delete soft 1 home 0"}, tr.take())
	require.NoError(t, db.Delete(&Page{ID: 1}).Error)
	assert.Empty(t, tr.take(), "it is deleted already")
	require.NoError(t, db.Where("1 = 1").Delete(&Page{}).Error)
	assert.Equal(t, []string{"pre_delete soft 2 about 0", "post_delete soft 2 about 0"}, tr.take())
	require.NoError(t, db.Unscoped().Where("1 = 1").Delete(&Page{}).Error)
	assert.Equal(t, []string{
		"pre_delete hard 1 home 0", "pre_delete hard 2 about 0", "post_delete hard 1 home 0", "post_delete hard 2 about 0",
	}, tr.take())
	assert.Zero(t, count[Page](t, db))
}

func TestAllowGlobalUpdateSendsForEveryRow(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{BatchSize: 2})
	require.ErrorIs(t, db.Delete(&Product{}).Error, gorm.ErrMissingWhereClause)
	assert.Empty(t, tr.take())
	all := db.Session(&gorm.Session{AllowGlobalUpdate: true})
	require.NoError(t, all.Model(&Product{}).Update("stock", 1).Error)
	assert.Len(t, tr.take(), 6)
	require.NoError(t, all.Delete(&Product{}).Error)
	assert.Len(t, tr.take(), 6)
	assert.Zero(t, count[Product](t, db))
}

func TestAModelWithoutPrimaryKeyIsResolvedOnce(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: 1}, &Entry{})
	require.NoError(t, db.Create(&[]Entry{{Text: "a"}, {Text: "b"}}).Error)
	tr := traceOf(db, func(e *Entry) string { return fmt.Sprint(e.Text, e.N) })
	require.NoError(t, db.Model(&Entry{}).Where("1 = 1").Update("n", 1).Error)
	assert.Equal(t, []string{"pre_save update a1", "pre_save update b1", "post_save update a1", "post_save update b1"}, tr.take())
	disconnect := signals.For[Entry](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Entry]) error {
		e.Instance.Text += "!"
		return nil
	})
	require.ErrorIs(t, db.Model(&Entry{}).Where("1 = 1").Update("n", 2).Error, gorm.ErrPrimaryKeyRequired)
	disconnect()
	tr.take()
	require.NoError(t, db.Where("text = ?", "a").Delete(&Entry{}).Error)
	assert.Equal(t, []string{"pre_delete hard a1", "post_delete hard a1"}, tr.take())
}

// Entry has no primary key.
type Entry struct {
	Text string
	N    int
}

func TestCompositeKeysSendLikeOthers(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Seat{})
			require.NoError(t, db.Create(&[]Seat{{"A", 1, ""}, {"A", 2, ""}, {"B", 1, ""}}).Error)
			tr := traceOf(db, func(s *Seat) string { return fmt.Sprint(s.Row, s.Number, s.Guest) })
			require.NoError(t, db.Save(&Seat{"A", 1, "x"}).Error)
			assert.Equal(t, []string{"pre_save update A1x", "post_save update A1x"}, tr.take())
			require.NoError(t, db.Save(&Seat{"C", 1, "y"}).Error)
			assert.Equal(t, []string{"pre_save create C1y", "post_save create C1y"}, tr.take())
			require.NoError(t, db.Model(&Seat{}).Where("number = ?", 1).Update("guest", "z").Error)
			assert.ElementsMatch(t, []string{
				"pre_save update A1z", "pre_save update B1z", "pre_save update C1z",
				"post_save update A1z", "post_save update B1z", "post_save update C1z",
			}, tr.take())
			require.NoError(t, db.Where("1 = 1").Delete(&Seat{}).Error)
			assert.Len(t, tr.take(), 8)
			assert.Zero(t, count[Seat](t, db))
		})
	}
}

// Seat has a composite key.
type Seat struct {
	Row    string `gorm:"primaryKey"`
	Number int    `gorm:"primaryKey;autoIncrement:false"`
	Guest  string
}

func TestDeleteReturningFillsWhatItFillsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{BatchSize: 1})
	var gone []Product
	require.NoError(t, db.Clauses(clause.Returning{}).Where("price > 1").Delete(&gone).Error)
	assert.Len(t, gone, 2)
	assert.Len(t, tr.take(), 4)
}

func TestAKeysReceiverOfADeleteGetsTheKeyOnly(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	var got Product
	signals.For[Product](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		got = *e.Instance
		return nil
	}, signals.Needs(signals.Keys))
	require.NoError(t, db.Where("name = ?", "a").Delete(&Product{}).Error)
	assert.Equal(t, Product{ID: 1}, got)
}

func TestAVetoRollsTheWriteBack(t *testing.T) {
	t.Parallel()
	for _, config := range []*gorm.Config{{}, {SkipDefaultTransaction: true}} {
		for _, phase := range []string{"pre", "post"} {
			t.Run(fmt.Sprint(phase, " skip ", config.SkipDefaultTransaction), func(t *testing.T) {
				t.Parallel()
				db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: config.SkipDefaultTransaction},
					signals.Plugin{BatchSize: 1}, &Product{})
				require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
				products := signals.For[Product](db)
				veto := func(_ context.Context, e signals.DeleteEvent[*Product]) error {
					if e.Instance.Name == "b" {
						return errBoom
					}
					return nil
				}
				vetoSave := func(_ context.Context, e signals.SaveEvent[*Product]) error {
					if e.Instance.ID == 2 {
						return errBoom
					}
					return nil
				}
				if phase == "pre" {
					products.PreDelete.Connect(veto)
					products.PreSave.Connect(vetoSave)
				} else {
					products.PostDelete.Connect(veto)
					products.PostSave.Connect(vetoSave)
				}
				require.ErrorIs(t, db.Where("1 = 1").Delete(&Product{}).Error, errBoom)
				require.ErrorIs(t, db.Model(&Product{}).Where("1 = 1").Update("stock", 9).Error, errBoom)
				var stored []Product
				require.NoError(t, db.Find(&stored).Error)
				require.Len(t, stored, 2, "the batch before the veto is rolled back too")
				assert.Zero(t, stored[0].Stock)
			})
		}
	}
}

func TestARowThatAReceiverDeletesMeanwhileGetsOnePairOnly(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	signals.For[Product](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		if e.Instance.Name == "a" {
			return e.DB().Delete(&Product{}, 2).Error
		}
		return nil
	}, signals.Priority(-1))
	require.NoError(t, db.Where("1 = 1").Delete(&Product{}).Error)
	assert.Equal(t, []string{
		"pre_delete hard 1 a 1", "pre_delete hard 2 b 2", "post_delete hard 2 b 2", "pre_delete hard 2 b 2", "pre_delete hard 3 c 3",
		"post_delete hard 1 a 1", "post_delete hard 3 c 3",
	}, tr.take(), "b is announced twice, because it was there when the outer delete began, and told of once")
}
