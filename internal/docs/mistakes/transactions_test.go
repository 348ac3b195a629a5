package mistakes_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestAReaderBecomesAWriterOnSQLite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.db")
	other, _ := openAt(t, file+"?_journal_mode=wal&_busy_timeout=5000&_txlock=immediate", signals.Plugin{}) // another process
	require.NoError(t, other.Create(&[]Order{{}, {}}).Error)
	open := func(dsn string, between func()) *gorm.DB {
		db, _ := openAt(t, file+dsn, signals.Plugin{})
		signals.For[Order](db).PreSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
			between()
			return nil
		})
		return db
	}
	write := func() error { return other.Model(&Order{ID: 2}).Update("total", 1).Error }

	db := open("?_journal_mode=wal&_busy_timeout=5000", func() { assert.NoError(t, write()) })
	err := db.Model(&Order{ID: 1}).Update("total", 1).Error
	require.Error(t, err)
	prints(t, "SQLite without _txlock=immediate", err.Error())

	written := make(chan error, 1)
	db = open("?_journal_mode=wal&_busy_timeout=5000&_txlock=immediate", func() { go func() { written <- write() }() })
	require.NoError(t, db.Model(&Order{ID: 1}).Update("total", 1).Error)
	require.NoError(t, <-written, "it has waited")
}

// These are the calls of the page. The tests open files of their own.
var (
	_ = func() (*gorm.DB, error) {
		return gorm.Open(sqlite.Open("shop.db")) // wrong: two connections cannot write at the same time
	}
	_ = func() (*gorm.DB, error) {
		return gorm.Open(sqlite.Open("shop.db?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal"))
	}
)

func TestASessionIsUsedAfterItsTransaction(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	returned, done := make(chan bool), make(chan error, 1)
	background := func(f func() error) {
		go func() {
			<-returned
			done <- f()
		}()
	}
	end := signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		tx := e.DB()
		background(func() error {
			return tx.Create(&Entry{OrderID: e.Instance.ID}).Error // wrong: the transaction of tx has ended
		})
		return nil
	})
	require.NoError(t, db.Create(&Order{}).Error)
	close(returned)
	prints(t, "Using a session after its transaction", (<-done).Error())
	end()

	lane := signals.NewLane(signals.LaneConfig{Name: "log"})
	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		return e.DB().Create(&Entry{OrderID: e.Instance.ID}).Error // a session of its own, outside the transaction
	}, signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&Order{}).Error)
	require.NoError(t, lane.Wait(t.Context()))
	assert.EqualValues(t, 1, count[Entry](t, db))
}

func TestALaneIsShutDownTooEarly(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, lines := open(t)
	lane := signals.NewLane(signals.LaneConfig{Name: "mail"})
	signals.For[Order](db).PostSave.Connect(mailNew, signals.AfterCommit(), signals.In(lane), signals.UID("mail.new"))
	_ = lane.Shutdown(ctx) // wrong: before the last write
	db.Create(&Order{})
	assert.EqualValues(t, 1, lane.Stats().Rejected)
	prints(t, "Not shutting a lane down, or too early", lines.take()...)

	db, lines = open(t)
	mails := signals.NewLane(signals.LaneConfig{Name: "mail"})
	signals.For[Order](db).PostSave.Connect(mailNew, signals.AfterCommit(), signals.In(mails), signals.UID("mail.new"))
	require.NoError(t, db.Create(&Order{}).Error)
	err := mails.Shutdown(ctx) // after the last write, and before the program ends
	require.NoError(t, err)
	assert.EqualValues(t, 1, mails.Stats().Done)
	assert.Empty(t, lines.take())
}

// untracked writes in a transaction that GORM has not begun.
func untracked(ctx context.Context, pool *sql.DB) error {
	raw, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer raw.Rollback()                                       //nolint:errcheck // it is a mistake
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: raw})) // wrong: GORM knows no more than the transaction
	if err != nil {
		return err
	}
	_ = db.Use(signals.Plugin{})
	signals.For[Order](db).PostSave.Connect(mailNew, signals.AfterCommit())
	return db.Create(&Order{}).Error
}

//nolint:forcetypeassert,errcheck // as programs do
func TestABareTransactionOfSQL(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	ctx := t.Context()
	assertion := testkit.PanicOf(func() {
		_ = db.Transaction(func(tx *gorm.DB) error {
			raw := tx.Statement.ConnPool.(*sql.Tx) // wrong: the plugin wraps the transaction
			_, err := raw.ExecContext(ctx, "DELETE FROM entries")
			return err
		})
	})
	pool, err := db.DB()
	require.NoError(t, err)
	err = untracked(ctx, pool)
	require.ErrorIs(t, err, signals.ErrUntracked)
	prints(t, "A bare *sql.Tx", assertion, err.Error())

	sessions := 0
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
		sessions++
		return nil
	}, signals.AfterCommit())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		if raw, ok := signals.SQLTx(tx); ok {
			if _, err := raw.ExecContext(ctx, "DELETE FROM entries"); err != nil {
				return err
			}
		}
		return tx.Create(&Order{}).Error
	}))
	assert.Equal(t, 1, sessions)
}
