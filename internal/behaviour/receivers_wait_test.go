package behaviour_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestAReceiverThatWouldWaitForItsOwnWriteIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(db *gorm.DB) error{
		"create": func(db *gorm.DB) error { return db.Create(&Page{Title: "x"}).Error },
		"update": func(db *gorm.DB) error { return db.Model(&Page{}).Where("id = 1").Update("title", "x").Error },
		"Exec":   func(db *gorm.DB) error { return db.Exec("UPDATE pages SET title = 'x'").Error },
		"Find":   func(db *gorm.DB) error { return db.Find(&[]Page{}).Error },
		"Scan":   func(db *gorm.DB) error { return db.Raw("SELECT 1").Scan(new(int)).Error },
		"transaction": func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Page{Title: "x"}).Error })
		},
		"no transaction": func(db *gorm.DB) error {
			return db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&Page{Title: "x"}).Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := oneConnection(t, &gorm.Config{}, signals.Plugin{})
			signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
				return use(db.WithContext(ctx))
			})
			err := db.Create(&Product{Name: "a"}).Error
			require.ErrorContains(t, err, "write through e.DB()")
			assert.Zero(t, count[Product](t, db))
		})
	}
}

func TestALockedDatabaseInAReceiverSaysWhatToDo(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Page{})
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(2)
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		other := db.WithContext(ctx)
		require.NoError(t, other.Exec("PRAGMA busy_timeout = 1").Error)
		return other.Create(&Page{Title: "x"}).Error
	})
	err = db.Create(&Product{Name: "a"}).Error
	require.ErrorContains(t, err, "write through e.DB()")
	require.ErrorContains(t, err, "locked")

	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	err = db.WithContext(late).Exec("SELECT 1").Error
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotContains(t, err.Error(), "e.DB()", "no receiver is to blame")
}

func TestReceiversMayReadThroughAnotherConnection(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Page{})
	var before int64
	signals.For[Product](db).PreSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		return db.WithContext(ctx).Model(&Product{}).Count(&before).Error
	})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Create(&Product{Name: "b"}).Error)
	assert.EqualValues(t, 1, before)
}

func TestRecursionSaysOnceWhatHappened(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{MaxDepth: 4}, &Product{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return e.DB().Create(&Product{Name: "again"}).Error
	})
	err := db.Create(&Product{Name: "a"}).Error
	require.ErrorIs(t, err, signals.ErrRecursion)
	for _, once := range []string{"signals: ", "post_save Product -> post_save Product", "MaxDepth is 4", "Mute"} {
		assert.Equal(t, 1, strings.Count(strings.ReplaceAll(err.Error(), " -> post_save Product -> post_save Product -> post_save Product", ""), once), err.Error())
	}
	assert.Equal(t, 5, strings.Count(err.Error(), "post_save Product"), err.Error())
}

func TestReceiversAfterTheCommitThatCallEachOtherForEverStop(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(ctx context.Context, e signals.SaveEvent[*Product], db *gorm.DB) error{
		"e.DB()": func(_ context.Context, e signals.SaveEvent[*Product], _ *gorm.DB) error {
			return e.DB().Create(&Product{Name: "again"}).Error
		},
		"the context": func(ctx context.Context, _ signals.SaveEvent[*Product], db *gorm.DB) error {
			return db.WithContext(ctx).Create(&Product{Name: "again"}).Error
		},
		"a function": func(_ context.Context, e signals.SaveEvent[*Product], db *gorm.DB) error {
			return signals.OnCommit(e.DB(), func(ctx context.Context) error { return db.WithContext(ctx).Create(&Product{Name: "again"}).Error })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var handled []error
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{
				MaxDepth: 5, ErrorHandler: func(_ context.Context, err error) { handled = append(handled, err) },
			}, &Product{})
			signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error { return again(ctx, e, db) },
				signals.AfterCommit())
			require.NoError(t, db.Create(&Product{Name: "a"}).Error)
			require.Len(t, handled, 1)
			require.ErrorIs(t, handled[0], signals.ErrRecursion)
			assert.EqualValues(t, 6, count[Product](t, db))
		})
	}
}

func TestTheStackOfAPanicIsInItsError(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { panic("boom") })
	err := db.Create(&Product{Name: "a"}).Error
	var panicked *signals.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Contains(t, string(panicked.Stack), "wait_test.go")
	assert.NotContains(t, err.Error(), "goroutine")
	assert.Equal(t, 1, strings.Count(err.Error(), "\n")+1, "one line")
}

func TestImplementingOfAPointerNamesTheModel(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	assert.PanicsWithValue(t, "signals: Implementing[*behaviour_test.Product]: *behaviour_test.Product is no interface: use For[behaviour_test.Product]",
		func() { signals.Implementing[*Product](db) })
}
