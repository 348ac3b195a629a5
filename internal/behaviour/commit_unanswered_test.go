package behaviour_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/faults"
)

func TestAWriteOutsideATransactionWithoutAnAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	type Letter struct {
		ID   uint
		Text string `gorm:"unique"`
	}
	in := &faults.Injector{}
	conns := faults.Open(&sqlite3.SQLiteDriver{}, filepath.Join(t.TempDir(), "letters.db"), in)
	t.Cleanup(func() { _ = conns.Close() })
	db, err := gorm.Open(&sqlite.Dialector{Conn: conns}, &gorm.Config{Logger: logger.Discard, SkipDefaultTransaction: true})
	require.NoError(t, err)
	require.NoError(t, db.AutoMigrate(&Letter{}))
	var handled []error
	require.NoError(t, db.Use(signals.Plugin{ErrorHandler: func(_ context.Context, err error) { handled = append(handled, err) }}))
	heard := 0
	signals.For[Letter](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Letter]) error { heard++; return nil }, signals.AfterCommit())

	require.NoError(t, db.Create(&Letter{ID: 1, Text: "a"}).Error)
	require.Error(t, db.Create(&Letter{ID: 2, Text: "a"}).Error, "the database refuses it")
	in.Arm(1, faults.BadConn, nil)
	_ = db.Create(&Letter{ID: 2, Text: "b"}).Error // database/sql tries again
	in.Disarm()
	assert.Equal(t, 2, heard)
	assert.Empty(t, handled)

	ctx, cancel := context.WithCancel(t.Context())
	in.Arm(1, faults.Unheard, cancel)
	require.ErrorIs(t, db.WithContext(ctx).Create(&Letter{Text: "c"}).Error, context.Canceled)
	in.Disarm()
	assert.Equal(t, 2, heard)
	require.Len(t, handled, 1)
	require.ErrorIs(t, handled[0], signals.ErrOutcomeUnknown)
	assert.ErrorIs(t, handled[0], context.Canceled)
}
