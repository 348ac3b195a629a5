package accounts_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/accounts"
	"github.com/gorm-signals/signals/signalstest"
)

func TestANewUserGetsAProfileAndAMail(t *testing.T) {
	t.Parallel()
	db, sent := open(t)
	profiles := signalstest.Record[accounts.Profile](t, db)
	tx := db.Begin()
	defer tx.Rollback() // the test leaves no row behind
	waiting := signalstest.CaptureCommit(t, tx)

	require.NoError(t, tx.Create(&accounts.User{Email: "ann@example.com"}).Error)

	profiles.Want("pre_save created", "post_save created")
	waiting.Want("post_save User to accounts.welcome")
	assert.Empty(t, *sent, "nothing is sent before the commit")
	waiting.Run()
	assert.Equal(t, []string{"ann@example.com"}, *sent)
}

func TestFixturesBringTheirOwnProfiles(t *testing.T) {
	t.Parallel()
	db, sent := open(t)
	load(t, db)
	var profile accounts.Profile
	require.NoError(t, db.First(&profile, "user_id = ?", 7).Error)
	assert.Equal(t, "Hello, I am Ann.", profile.Text)
	assert.Empty(t, *sent)
}

func TestASecondAddressIsNoNewUser(t *testing.T) {
	t.Parallel()
	db, sent := open(t)
	load(t, db)
	users := signalstest.Record[accounts.User](t, db)
	require.NoError(t, db.Model(&accounts.User{ID: 7}).Update("email", "ann@example.org").Error)
	users.Want("pre_save updated", "post_save updated")
	assert.Empty(t, *sent)
}

// load loads fixtures: Raw tells receivers so, and Mute leaves one of them out.
func load(t *testing.T, db *gorm.DB) {
	t.Helper()
	ctx := signals.Mute(signals.Raw(t.Context()), "accounts.welcome")
	require.NoError(t, db.WithContext(ctx).Create(&accounts.User{ID: 7, Email: "ann@example.com"}).Error)
	require.NoError(t, db.WithContext(ctx).Create(&accounts.Profile{UserID: 7, Text: "Hello, I am Ann."}).Error)
}

// open opens a database of its own for a test, and returns the list of those to whom mails were sent.
func open(t *testing.T) (db *gorm.DB, sent *[]string) {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")))
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	require.NoError(t, db.Use(signals.Plugin{Strict: true})) // finds probable mistakes, such as Mute of an unknown name
	require.NoError(t, db.AutoMigrate(&accounts.User{}, &accounts.Profile{}))
	sent = &[]string{}
	accounts.Connect(db, func(_ context.Context, to, _ string) error {
		*sent = append(*sent, to)
		return nil
	})
	return db, sent
}
