package dbtest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/conformance"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"
)

func TestTransactionScripts(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]gorm.Config{"default": {}, "PrepareStmt": {PrepareStmt: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := connect(t, dialector(), &gorm.Config{PrepareStmt: config.PrepareStmt})
				require.NoError(t, db.Use(signals.Plugin{}))
				scripts := conformance.NewTransactions(t, db)
				random := rand.New(rand.NewPCG(3, 4))
				for range 40 {
					steps := make([]byte, 1+random.IntN(30))
					for i := range steps {
						steps[i] = byte(random.IntN(256))
					}
					scripts.Run(t, steps)
				}
			})
		})
	}
}

// Thing is the model of the tests below.
type Thing struct {
	ID   uint
	Name string
}

// hear notes what AfterCommit receivers of things hear.
func hear(db *gorm.DB) *[]string {
	var heard []string
	signals.For[Thing](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Thing]) error {
		var n int64
		err := e.DB().Model(&Thing{}).Count(&n).Error
		heard = append(heard, fmt.Sprintf("%s, %d stored", e.Instance.Name, n))
		return err
	}, signals.AfterCommit())
	return &heard
}

func write(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Create(&Thing{Name: "implicit"}).Error)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		return tx.Create(&Thing{Name: "explicit"}).Error
	}))
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Thing{Name: "undone"}).Error)
		return gorm.ErrInvalidData
	}), gorm.ErrInvalidData)
}

func TestDBResolverBeforeAndAfterThePlugin(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"plugin first", "resolver first"} {
		for _, prepare := range []bool{false, true} {
			t.Run(fmt.Sprint(order, " prepared ", prepare), func(t *testing.T) {
				t.Parallel()
				onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
					t.Helper()
					db := connect(t, dialector(), &gorm.Config{PrepareStmt: prepare})
					require.NoError(t, db.AutoMigrate(&Thing{}))
					resolver := dbresolver.Register(dbresolver.Config{
						Sources: []gorm.Dialector{dialector()}, Replicas: []gorm.Dialector{dialector()},
					})
					if order == "plugin first" {
						require.NoError(t, db.Use(signals.Plugin{}))
						require.NoError(t, db.Use(resolver))
					} else {
						require.NoError(t, db.Use(resolver))
						require.NoError(t, db.Use(signals.Plugin{}))
					}
					heard := hear(db)
					write(t, db)
					assert.Equal(t, []string{"implicit, 1 stored", "explicit, 2 stored"}, *heard)
				})
			})
		}
	}
}

func TestConnectionFollowsImplicitTransactionsAndRefusesOthers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.Use(signals.Plugin{}))
		require.NoError(t, db.AutoMigrate(&Thing{}))
		heard := hear(db)
		require.NoError(t, db.Connection(func(tx *gorm.DB) error {
			return tx.Create(&Thing{Name: "implicit"}).Error
		}))
		assert.Equal(t, []string{"implicit, 1 stored"}, *heard)
		require.ErrorIs(t, db.Connection(func(tx *gorm.DB) error {
			return tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&Thing{Name: "explicit"}).Error })
		}), signals.ErrUntracked)
		assert.Len(t, *heard, 1)
	})
}
