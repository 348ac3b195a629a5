package dbtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// tagged has many tags, of which some are stored already.
type tagged struct {
	ID   uint
	Name string
	Tags []label `gorm:"many2many:tagged_labels"`
}

type label struct {
	ID   uint
	Name string `gorm:"size:20"`
}

// TestKeysOfRowsBesideSkippedOnesAreThoseThatAreStored mixes rows with a key, which DO NOTHING skips, and new ones.
func TestKeysOfRowsBesideSkippedOnesAreThoseThatAreStored(t *testing.T) {
	t.Parallel()
	onTwins(t, nil, nil, []any{&tagged{}, &label{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		for _, db := range []*gorm.DB{tw.quiet, tw.loud} {
			require.NoError(t, db.Create(&[]label{{Name: "a"}, {Name: "b"}}).Error)
		}
		for _, db := range []*gorm.DB{tw.quiet, tw.loud} {
			one := tagged{Name: "one", Tags: []label{{ID: 1, Name: "a"}, {Name: "c"}, {ID: 2, Name: "b"}, {Name: "d"}}}
			require.NoError(t, db.Create(&one).Error)
			require.NoError(t, db.Model(&one).Association("Tags").Append(&[]label{{ID: 1, Name: "a"}, {Name: "e"}}))
			var stored tagged
			require.NoError(t, db.Preload("Tags", func(db *gorm.DB) *gorm.DB { return db.Order("id") }).First(&stored).Error)
			assert.Len(t, stored.Tags, 5)
			labels := []label{{ID: 2, Name: "b"}, {Name: "f"}, {Name: "g"}}
			require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&labels).Error)
			for _, l := range labels[1:] {
				var found label
				require.NoError(t, db.First(&found, l.ID).Error)
				if db.Name() != "mysql" { // GORM gives other rows' keys there
					assert.Equal(t, l, found)
				}
			}
		}
	})
}
