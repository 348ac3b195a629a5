package product_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// outbox is a Mailer that keeps what it is given.
type outbox struct {
	mu    sync.Mutex
	mails []product.Mail
	err   error // what Send answers
}

func (o *outbox) Send(_ context.Context, m product.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.mails = append(o.mails, m)
	return nil
}

// take returns the subjects so far and forgets them.
func (o *outbox) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	subjects := make([]string, len(o.mails))
	for i, m := range o.mails {
		subjects[i] = m.Subject
	}
	o.mails = nil
	return subjects
}

// testShop is a connected shop on a fresh database.
type testShop struct {
	t          *testing.T
	db         *gorm.DB
	store      *product.ImageStore
	outbox     *outbox
	disconnect func()
}

func newShop(t *testing.T) *testShop {
	t.Helper()
	s := &testShop{t: t, db: openDB(t), store: openStore(t), outbox: &outbox{}}
	require.NoError(t, s.db.Use(signals.Plugin{}))
	disconnect, err := product.Connect(s.db, s.config())
	require.NoError(t, err)
	t.Cleanup(disconnect)
	s.disconnect = disconnect
	return s
}

func (s *testShop) config() product.Shop {
	return product.Shop{Images: s.store, Mailer: s.outbox, From: "shop@example.com", To: []string{"ann@example.com"}}
}

// openDB returns a fresh database with the tables and without the plugin.
func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "shop.db") + "?_foreign_keys=on&_busy_timeout=10000&_txlock=immediate"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
	require.NoError(t, db.AutoMigrate(product.Models()...))
	return db
}

func openStore(t *testing.T) *product.ImageStore {
	t.Helper()
	store, err := product.OpenImageStore(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// add creates a product with images, and forgets the mail about it.
func (s *testShop) add(name string, price int64, stock int, files ...string) *product.Product {
	s.t.Helper()
	p := &product.Product{Name: name, Price: price, Stock: stock}
	require.NoError(s.t, s.db.Create(p).Error)
	for _, file := range files {
		_, err := product.AddImage(s.db, s.store, p.ID, file, strings.NewReader("picture"))
		require.NoError(s.t, err)
	}
	s.outbox.take()
	return p
}

// files lists the image directory.
func (s *testShop) files() []string {
	s.t.Helper()
	names, err := s.store.List()
	require.NoError(s.t, err)
	return names
}

// rows counts the rows that a condition matches, archived ones too.
func (s *testShop) rows(model any, where ...any) int64 {
	s.t.Helper()
	tx := s.db.Unscoped().Model(model)
	if len(where) > 0 {
		tx = tx.Where(where[0], where[1:]...)
	}
	var n int64
	require.NoError(s.t, tx.Count(&n).Error)
	return n
}

func picture() *bytes.Reader { return bytes.NewReader([]byte("picture")) }
