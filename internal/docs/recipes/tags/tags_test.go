package tags_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/tags"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestTheNumberOfUsesFollowsTheLinks(t *testing.T) {
	t.Parallel()
	of := func(db *gorm.DB) *gorm.Association { return db.Model(&tags.Article{ID: 1}).Association("Tags") }
	for name, c := range map[string]struct {
		write func(db *gorm.DB) error
		uses  []int
	}{
		"nothing":                  {func(*gorm.DB) error { return nil }, []int{2, 1, 0}},
		"append":                   {func(db *gorm.DB) error { return of(db).Append(&tags.Tag{ID: 2}, &tags.Tag{ID: 3}) }, []int{2, 1, 1}},
		"replace":                  {func(db *gorm.DB) error { return of(db).Replace(&tags.Tag{ID: 2}, &tags.Tag{ID: 3}) }, []int{1, 1, 1}},
		"delete":                   {func(db *gorm.DB) error { return of(db).Delete(&tags.Tag{ID: 1}, &tags.Tag{ID: 3}) }, []int{1, 1, 0}},
		"clear":                    {func(db *gorm.DB) error { return of(db).Clear() }, []int{1, 0, 0}},
		"a new article":            {func(db *gorm.DB) error { return db.Create(&tags.Article{Tags: []tags.Tag{{ID: 1}, {ID: 3}}}).Error }, []int{3, 1, 1}},
		"deleted with its links":   {func(db *gorm.DB) error { return db.Select("Tags").Delete(&tags.Article{ID: 1}).Error }, []int{1, 0, 0}},
		"deleted by a cascade":     {func(db *gorm.DB) error { return db.Delete(&tags.Article{}, 1).Error }, []int{1, 0, 0}},
		"all deleted by a cascade": {func(db *gorm.DB) error { return db.Where("1 = 1").Delete(&tags.Article{}).Error }, []int{0, 0, 0}},
		"from the other side": {func(db *gorm.DB) error {
			return db.Model(&tags.Tag{ID: 3}).Association("Articles").Replace(&tags.Article{ID: 1}, &tags.Article{ID: 2})
		}, []int{2, 1, 2}},
		"cleared from the other side": {func(db *gorm.DB) error { return db.Model(&tags.Tag{ID: 1}).Association("Articles").Clear() }, []int{0, 1, 0}},
		"a new tag with articles": {func(db *gorm.DB) error {
			return db.Create(&tags.Tag{Articles: []tags.Article{{ID: 1}, {ID: 2}, {}}}).Error
		}, []int{2, 1, 0, 3}},
		"rolled back": {func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return errors.Join(of(tx).Clear(), errors.New("no")) })
		}, []int{2, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &tags.Tag{}, &tags.Article{})
			tags.Connect(db)
			require.NoError(t, db.Create(&[]tags.Tag{{Name: "red"}, {Name: "green"}, {Name: "blue"}}).Error)
			require.NoError(t, db.Create(&tags.Article{Tags: []tags.Tag{{ID: 1}, {ID: 2}}}).Error)
			require.NoError(t, db.Create(&tags.Article{Tags: []tags.Tag{{ID: 1}}}).Error)
			_ = c.write(db)
			var uses []int
			require.NoError(t, db.Model(&tags.Tag{}).Order("id").Pluck("uses", &uses).Error)
			assert.Equal(t, c.uses, uses)
		})
	}
}
