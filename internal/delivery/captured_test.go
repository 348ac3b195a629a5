package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/pool"
)

// tracked returns the transaction of a session.
func tracked(t *testing.T, db *gorm.DB) *pool.Tx {
	t.Helper()
	tx, _ := pool.Find(db.Statement.ConnPool)
	require.NotNil(t, tx)
	return tx
}

func TestWhatWaitsForACommitCanBeListed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact, receivers, script string
		want                    []string
	}{
		{"each receiver for each row", "a@after", "+1x,+2y|-1x", []string{"post_save item to a", "post_save item to a", "post_delete item to a"}},
		{"first those before the commit", "a@after b@before", "+1x", []string{"post_save item to b before the commit", "post_save item to a"}},
		{"net events as they will be", "n@net", "+1x|1x>y|+2z|-2z", []string{"post_save item to n"}},
		{"nobody that waits for a rollback", "u@undone", "+1x", nil},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.connect(c.receivers)
			db := w.play(c.script)
			tx := tracked(t, db)
			assert.Equal(t, c.want, tx.Captured().List(tx, 0))
			assert.Empty(t, w.heard(), "nobody is called")
			place, err := dispatch.Here(1), w.queue(db, "f", dispatch.AfterCommit) // on one line
			require.NoError(t, err)
			require.NoError(t, w.queue(db, "g", dispatch.AfterRollback))
			queued := "function queued at " + place.String()
			assert.Equal(t, append(c.want, queued), tx.Captured().List(tx, 0))
			assert.Equal(t, []string{queued}, tx.Captured().List(tx, tx.Queue.Last()-2), "after a place")
			require.NoError(t, db.Rollback().Error)
		})
	}
}

// run runs what waits for the commit of a transaction after a place, and returns the errors.
func run(t *testing.T, db *gorm.DB, place int) (failed []string) {
	t.Helper()
	tx := tracked(t, db)
	tx.Captured().Run(tx, place, func(before bool, err error) { failed = append(failed, fmt.Sprint(err, " ", before)) })
	return failed
}

func TestWhatWaitsForACommitCanBeRunInsideTheTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after b@before u@undone N@net")
	db := w.play("+1x|1x>y")
	w.does["a"] = func(f *dispatch.Frame) error {
		assert.Same(t, tracked(t, db), f.Session().Statement.ConnPool, "there is no other place for what receivers write")
		return nil
	}
	assert.Empty(t, run(t, db, 0))
	assert.Equal(t, "b:+1x b:1x>y a:+1x a:1x>y N:+1y", w.heard())
	assert.Empty(t, run(t, db, 0))
	assert.Empty(t, w.heard(), "once")
	require.NoError(t, db.Rollback().Error)
	assert.Empty(t, w.heard(), "nor is it rolled back")
}

func TestOnlyWhatCameAfterAPlaceIsRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after b@before u@undone")
	db := w.play("+1x")
	place := tracked(t, db).Queue.Last()
	require.NoError(t, w.write(db, "+2y"))
	assert.Empty(t, run(t, db, place))
	assert.Equal(t, "b:+2y a:+2y", w.heard())
	require.NoError(t, db.Rollback().Error)
	assert.Equal(t, "u:+1x", w.heard())
}

func TestWhatIsQueuedWhileItRunsRunsInTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after b@before")
	db := w.db.Begin()
	require.NoError(t, w.queue(db, "f", dispatch.AfterCommit, func(context.Context) error { return w.write(db, "+2y") }))
	require.NoError(t, w.queue(db, "g", dispatch.AfterCommit))
	assert.Empty(t, run(t, db, 0))
	assert.Equal(t, "f b:+2y a:+2y g", w.heard(), "its own write would have committed outside the transaction")
	require.NoError(t, db.Rollback().Error)
}

func TestEveryErrorOfARunIsHandedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after b@before u@undone")
	w.does["a"] = func(*dispatch.Frame) error { return errors.New("no") }
	db := w.play("+1x|+2y")
	assert.Equal(t, []string{"a: no false", "a: no false"}, run(t, db, 0))
	w.heard()
	w.does["b"] = func(*dispatch.Frame) error { return errors.New("never") }
	require.NoError(t, w.write(db, "+3z"))
	require.NoError(t, w.write(db, "+4z"))
	assert.Equal(t, []string{"b: never true"}, run(t, db, 0), "one before the commit would roll back")
	assert.Equal(t, "b:+3z", w.heard(), "so nothing waits any more")
	require.NoError(t, db.Rollback().Error)
	assert.Empty(t, w.heard())
}
