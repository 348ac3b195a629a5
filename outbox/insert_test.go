package outbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// inserts notes for each INSERT into the outbox how many bytes its values have.
func inserts(t *testing.T, db *gorm.DB) *[]int {
	t.Helper()
	var sizes []int
	require.NoError(t, db.Callback().Raw().After("gorm:raw").Register("test:inserts", func(tx *gorm.DB) {
		if !strings.HasPrefix(tx.Statement.SQL.String(), "INSERT") {
			return
		}
		size := 0
		for _, v := range tx.Statement.Vars {
			switch v := v.(type) {
			case string:
				size += len(v)
			case []byte:
				size += len(v)
			}
		}
		sizes = append(sizes, size)
	}))
	return &sizes
}

func TestLargeEventsAreWrittenInStatementsThatEveryServerTakes(t *testing.T) {
	t.Parallel()
	const most, large = 1 << 20, 300_000
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Product](ob)
	sizes := inserts(t, db)
	rows := make([]Product, 20)
	for i := range rows {
		rows[i].Name = fmt.Sprint(i, strings.Repeat("x", large))
	}
	require.NoError(t, db.Create(&rows).Error)
	assert.Len(t, entries(t, db), 20)
	assert.Len(t, *sizes, 7, "three of them in one")
	for _, size := range *sizes {
		assert.LessOrEqual(t, size, most)
	}

	*sizes = nil
	require.NoError(t, db.Create(&[]Product{{Name: "small"}, {Name: strings.Repeat("y", 3*most)}, {Name: "smaller"}}).Error)
	all := entries(t, db)
	assert.Len(t, all, 23, "one that is larger goes alone")
	assert.Len(t, *sizes, 3)
	assert.Equal(t, []string{"products/21", "products/22", "products/23"}, []string{all[20].Subject, all[21].Subject, all[22].Subject})
}
