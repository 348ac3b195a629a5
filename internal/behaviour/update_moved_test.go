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

// Standing is a row whose key says where it stands.
type Standing struct {
	At   int `gorm:"primaryKey;autoIncrement:false"`
	Name string
}

func TestARowWhoseKeyAReceiverMovesBehindTheBatchIsWrittenOnce(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 5} {
		db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Standing{})
		require.NoError(t, db.Create(&[]Standing{{At: 1, Name: "a"}, {At: 2, Name: "b"}, {At: 3, Name: "c"}}).Error)
		signals.For[Standing](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Standing]) error {
			e.Instance.At += 100
			return nil
		})
		tx := db.Model(&Standing{}).Where("at > ?", 0).Update("name", "moved")
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 3, tx.RowsAffected, size)
		var places []Standing
		require.NoError(t, db.Order("at").Find(&places).Error)
		assert.Equal(t, []Standing{{101, "moved"}, {102, "moved"}, {103, "moved"}}, places, size)
	}
}
