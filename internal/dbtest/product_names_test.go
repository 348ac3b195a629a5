package dbtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// noMails is a Mailer that sends nothing.
type noMails struct{}

func (noMails) Send(context.Context, product.Mail) error { return nil }

func TestFilesWhoseNamesTheDatabaseTakesForOneAreTwo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		for _, other := range []string{"logo.png", "Logo.PNG "} {
			db, err := gorm.Open(dialector(), &gorm.Config{Logger: logger.Discard})
			require.NoError(t, err)
			require.NoError(t, db.Use(signals.Plugin{}))
			require.NoError(t, db.Migrator().DropTable(product.Models()...))
			require.NoError(t, db.AutoMigrate(product.Models()...))
			store, err := product.OpenImageStore(t.TempDir())
			require.NoError(t, err)
			disconnect, err := product.Connect(db, product.Shop{Images: store, Mailer: noMails{}, From: "a@example.com", To: []string{"b@example.com"}})
			require.NoError(t, err)
			mug := product.Product{Name: "mug", Price: 1}
			require.NoError(t, db.Create(&mug).Error)
			one, err := product.AddImage(db, store, mug.ID, "Logo.PNG", strings.NewReader("1"))
			require.NoError(t, err)
			two, err := product.AddImage(db, store, mug.ID, other, strings.NewReader("2"))
			require.NoError(t, err)
			undo := errors.New("undo")
			for _, image := range []*product.Image{one, two} {
				require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Delete(image).Error)
					return undo
				}), undo)
				names, listing := store.List()
				require.NoError(t, listing)
				assert.ElementsMatch(t, []string{"Logo.PNG", other}, names)
			}
			swept, err := product.Sweep(t.Context(), db, store, 0)
			require.NoError(t, err)
			assert.Zero(t, swept)
			require.NoError(t, db.Delete(two).Error)
			names, err := store.List()
			require.NoError(t, err)
			assert.Equal(t, []string{"Logo.PNG"}, names)
			disconnect()
			require.NoError(t, store.Close())
			pool, err := db.DB()
			require.NoError(t, err)
			require.NoError(t, pool.Close())
		}
	})
}
