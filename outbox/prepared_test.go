package outbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// prepared counts the prepared statements that begin with a word and name the outbox table.
func prepared(t *testing.T, db *gorm.DB, word string) (n int) {
	t.Helper()
	pool, ok := db.ConnPool.(*gorm.PreparedStmtDB)
	require.True(t, ok)
	for _, sql := range pool.Stmts.Keys() {
		if strings.HasPrefix(sql, word) && strings.Contains(sql, "signals_outbox") {
			n++
		}
	}
	return n
}

func TestBatchesOfManySizesNeedFewPreparedStatements(t *testing.T) {
	t.Parallel()
	db := openAt(t, file(t), &gorm.Config{PrepareStmt: true}, signals.Plugin{}, &Product{})
	ob := install(t, db, outbox.Config{})
	require.NoError(t, db.Exec(old, 1, 0, int64(9e12)).Error) // an event has failed, so the outbox makes the query about rows
	refused := func(outbox.Message) error { return outbox.Permanent(errBoom) }
	sink := &memory{}
	for n := 1; n <= 40; n++ {
		rows := make([]Product, n)
		for i := range rows {
			rows[i].Name = fmt.Sprint(n, " ", i)
		}
		stop := outbox.Publish[Product](ob)
		require.NoError(t, db.Create(&rows).Error)
		stop()
		sink.refusing(refused)
		_, err := ob.Relay(sink).Drain(t.Context())
		require.NoError(t, err)
		parked, err := ob.Dead(t.Context())
		require.NoError(t, err)
		ids := make([]string, len(parked))
		for i := range parked {
			ids[i] = parked[i].ID
		}
		requeued, err := ob.Requeue(t.Context(), ids...)
		require.NoError(t, err)
		require.EqualValues(t, n, requeued)
		sink.refusing(nil)
		sent, err := ob.Relay(sink).Drain(t.Context())
		require.NoError(t, err)
		require.Equal(t, n, sent)
		purged, err := ob.Purge(t.Context(), time.Now().Add(time.Hour))
		require.NoError(t, err)
		require.EqualValues(t, n, purged)
	}
	assert.LessOrEqual(t, prepared(t, db, "UPDATE"), 15, "seven powers of two of what is done and requeued, and the failures")
	assert.LessOrEqual(t, prepared(t, db, "DELETE"), 7)
	assert.LessOrEqual(t, prepared(t, db, "/* outbox */"), 20)
}

func TestTransactionsOfManySizesThatNobodyFollowsNeedFewPreparedStatements(t *testing.T) {
	t.Parallel()
	db := openAt(t, file(t), &gorm.Config{PrepareStmt: true}, signals.Plugin{Tracking: signals.TrackExplicit, Untracked: signals.RunNow}, &Product{})
	ob := install(t, db, outbox.Config{})
	search(db, ob, &heard{}, nil)
	for n := 1; n <= 40; n++ {
		rows := make([]Product, n)
		for i := range rows {
			rows[i].Name = fmt.Sprint(n, " ", i)
		}
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.Create(&rows).Error }))
	}
	for _, e := range entries(t, db) {
		require.Zero(t, e.DueAt)
	}
	assert.LessOrEqual(t, prepared(t, db, "UPDATE"), 7)
}
