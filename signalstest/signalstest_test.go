package signalstest_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/signalstest"
)

// Order is the model of these tests.
type Order struct {
	ID        uint
	Item      string
	DeletedAt gorm.DeletedAt
}

func open(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
	require.NoError(t, db.Use(signals.Plugin{}))
	require.NoError(t, db.AutoMigrate(&Order{}))
	return db
}

// failing is a testing.TB that notes failures instead of failing.
type failing struct {
	testing.TB

	messages []string
}

func (f *failing) Helper() {}

func (f *failing) Errorf(format string, args ...any) {
	f.messages = append(f.messages, fmt.Sprintf(format, args...))
}

func (f *failing) Fatal(args ...any) { f.messages = append(f.messages, fmt.Sprint(args...)) }

func TestRecordNotesWhatIsSent(t *testing.T) {
	t.Parallel()
	db := open(t)
	orders := signalstest.Record[Order](t, db)
	require.NoError(t, db.Create(&Order{Item: "lamp"}).Error)
	orders.Want("pre_save created", "post_save created")
	require.NoError(t, db.Model(&Order{ID: 1}).Update("item", "chair").Error)
	events := orders.Events()
	require.Len(t, events, 2)
	assert.Equal(t, "chair", events[1].Instance.Item)
	assert.Equal(t, []signals.Change{{Field: "Item", Column: "item", Old: "lamp", New: "chair"}}, events[1].Changes)
	orders.Reset()
	require.NoError(t, db.Delete(&Order{}, 1).Error)
	orders.Want("pre_delete soft-deleted", "post_delete soft-deleted")
	require.NoError(t, db.Save(&Order{ID: 1}).Error)
	orders.Want("pre_save restored", "post_save restored")
	require.NoError(t, db.Unscoped().Delete(&Order{}, 1).Error)
	orders.Want("pre_delete deleted", "post_delete deleted")
}

func TestWantSaysWhatWasSentInstead(t *testing.T) {
	t.Parallel()
	db := open(t)
	fails := &failing{TB: t}
	orders := signalstest.Record[Order](fails, db)
	assert.False(t, orders.Want("post_save created"))
	require.NoError(t, db.Create(&Order{Item: "lamp"}).Error)
	assert.False(t, orders.Want())
	require.Len(t, fails.messages, 2)
	assert.Contains(t, fails.messages[0], "wanted \n\tpost_save created, but sent was nothing")
	assert.Contains(t, fails.messages[1], "wanted nothing, but sent was \n\tpre_save created")
	assert.Contains(t, fails.messages[1], "Item:lamp")
	assert.Empty(t, orders.Events(), "Want forgets what it has compared")
}

func TestCaptureCommitRunsWhatWaitsInsideATransactionThatIsRolledBack(t *testing.T) {
	t.Parallel()
	db := open(t)
	var mailed []string
	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		var n int64
		require.NoError(t, e.DB().Model(&Order{}).Count(&n).Error)
		mailed = append(mailed, fmt.Sprintf("%s, %d in the transaction", e.Instance.Item, n))
		return nil
	}, signals.AfterCommit(), signals.UID("mail"))
	tx := db.Begin()
	require.NoError(t, tx.Create(&Order{Item: "before"}).Error)
	waiting := signalstest.CaptureCommit(t, tx)
	require.NoError(t, tx.Create(&Order{Item: "lamp"}).Error)
	require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Order{Item: "undone"}).Error)
		return gorm.ErrInvalidData
	}), gorm.ErrInvalidData)
	require.NoError(t, signals.OnCommit(tx, func(context.Context) error {
		mailed = append(mailed, "function")
		return nil
	}))
	lines := waiting.List()
	require.Len(t, lines, 2)
	assert.Equal(t, "post_save Order to mail", lines[0])
	assert.True(t, strings.HasPrefix(lines[1], "function queued at ") && strings.Contains(lines[1], "signalstest_test.go:"), lines[1])
	waiting.Run()
	assert.Equal(t, []string{"lamp, 2 in the transaction", "function"}, mailed)
	waiting.Want()
	waiting.Run()
	assert.Len(t, mailed, 2, "nothing runs twice")
	require.NoError(t, tx.Rollback().Error)
	assert.Len(t, mailed, 2)
	var n int64
	require.NoError(t, db.Model(&Order{}).Count(&n).Error)
	assert.Zero(t, n)
}

func TestCaptureCommitFailsTheTestForErrorsAndWrongExpectations(t *testing.T) {
	t.Parallel()
	db := open(t)
	fails := &failing{TB: t}
	tx := db.Begin()
	defer tx.Rollback()
	waiting := signalstest.CaptureCommit(fails, tx)
	boom := errors.New("boom")
	require.NoError(t, signals.OnCommit(tx, func(context.Context) error { return boom }))
	assert.False(t, waiting.Want("post_save Order to mail"))
	waiting.Run()
	require.Len(t, fails.messages, 2)
	assert.Contains(t, fails.messages[0], "wanted \n\tpost_save Order to mail, but there was \n\tfunction queued at")
	assert.Contains(t, fails.messages[1], "boom")
	assert.Nil(t, signalstest.CaptureCommit(fails, db))
	require.Len(t, fails.messages, 3)
	assert.Contains(t, fails.messages[2], "use db.Begin")
}

func TestARecorderSeesWhatReceiversWithLastChange(t *testing.T) {
	t.Parallel()
	db := open(t)
	signals.For[Order](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		e.Instance.Item = "changed"
		return nil
	}, signals.Last())
	sent := signalstest.Record[Order](t, db)
	require.NoError(t, db.Create(&Order{Item: "given"}).Error)
	require.Len(t, sent.Events(), 2)
	for _, e := range sent.Events() {
		assert.Equal(t, "changed", e.Instance.Item, e)
	}
}
