package versions_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/versions"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestASaveOfAnOldStructFails(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &versions.Document{})
	versions.Connect(db)
	require.NoError(t, db.Create(&versions.Document{Text: "first"}).Error)
	var anns, bobs, stored versions.Document
	require.NoError(t, db.First(&anns, 1).Error)
	require.NoError(t, db.First(&bobs, 1).Error)

	anns.Text, bobs.Text = "from ann", "from bob"
	require.NoError(t, db.Save(&anns).Error)
	require.ErrorIs(t, db.Save(&bobs).Error, versions.ErrStale)
	require.NoError(t, db.Model(&versions.Document{}).Where("id = ?", 1).Update("text", "by a condition").Error)
	require.ErrorIs(t, db.Save(&anns).Error, versions.ErrStale, "the update has counted up")

	require.NoError(t, db.First(&stored, 1).Error)
	assert.Equal(t, versions.Document{ID: 1, Text: "by a condition", Version: 3}, stored)
}
