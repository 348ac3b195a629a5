package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// WideParent has ten columns which its children refer to.
type WideParent struct {
	ID                           uint
	A, B, C, D, E, F, G, H, I, J int         `gorm:"uniqueIndex:wide"`
	Children                     []WideChild `gorm:"foreignKey:A,B,C,D,E,F,G,H,I,J;references:A,B,C,D,E,F,G,H,I,J;constraint:OnDelete:CASCADE"`
}

// WideChild has them as a part of its key.
type WideChild struct {
	A, B, C, D, E, F, G, H, I, J int `gorm:"primaryKey;autoIncrement:false"`
	N                            int `gorm:"primaryKey;autoIncrement:false"`
}

// TestCascadesOverManyColumnsStayBelowTheLimitOfParameters: the children are so many that they are deleted batch by batch.
func TestCascadesOverManyColumnsStayBelowTheLimitOfParameters(t *testing.T) {
	t.Parallel()
	const n, each = 3_300, 11
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: n}, &WideParent{}, &WideChild{})
	const numbers = "WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM s WHERE i+1 < ?) "
	require.NoError(t, db.Exec(numbers+"INSERT INTO wide_parents SELECT i+1,i,1,1,1,1,1,1,1,1,1 FROM s", n).Error)
	require.NoError(t, db.Exec(numbers+"INSERT INTO wide_children SELECT i/?,1,1,1,1,1,1,1,1,1,i FROM s", n*each, each).Error)
	told := 0
	signals.For[WideChild](db).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*WideChild]) error { told++; return nil })
	require.NoError(t, db.Where("id > 0").Delete(&WideParent{}).Error)
	assert.Equal(t, n*each, told)
	assert.Zero(t, count[WideChild](t, db))
}
