package dbtest_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestAWriteThatAReceiverRunsThroughTheOuterSessionDoesNotTakeItsSavepoint has transactions that the plugin follows, and transactions that it does not.
func TestAWriteThatAReceiverRunsThroughTheOuterSessionDoesNotTakeItsSavepoint(t *testing.T) {
	t.Parallel()
	for name, plugin := range map[string]signals.Plugin{"followed": {}, "not followed": {Tracking: signals.TrackExplicit}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMySQL(t, func(t *testing.T, open ownDB) {
				t.Helper()
				db := open(t)
				require.NoError(t, db.AutoMigrate(&Term{}, &Wagon{}))
				require.NoError(t, db.Use(plugin))
				require.NoError(t, db.Create(&[]Term{{Word: "a", Short: "a"}, {Word: "b", Short: "b"}}).Error)
				require.NoError(t, db.Create(&[]Wagon{{Name: "a"}, {Name: "b"}}).Error)
				signals.For[Wagon](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Wagon]) error {
					e.Instance.Name += e.Instance.Name // each row gets a statement of its own
					return nil
				})
				signals.For[Term](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Term]) error {
					e.Instance.Short += e.Instance.Word
					return nil
				})
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					signals.For[Term](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Term]) error {
						return tx.Model(&Wagon{}).Where("id > ?", 0).Update("name", gorm.Expr("CONCAT(name, ?)", "x")).Error // instead of e.DB()
					})
					return tx.Model(&Term{}).Where("uses = ?", 0).Update("uses", 1).Error
				}))
				var words []string
				require.NoError(t, db.Model(&Term{}).Order("word").Pluck("short", &words).Error)
				assert.Equal(t, []string{"aa", "bb"}, words)
			})
		})
	}
}

func TestACallbackThatInsertsDoesNotTakeTheSavepointOfTheInsert(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		skip := clause.OnConflict{DoNothing: true}
		db := open(t)
		require.NoError(t, db.AutoMigrate(&Account{}, &Vase{}))
		require.NoError(t, db.Create(&Account{Mail: new("a"), Shop: 1}).Error)
		require.NoError(t, db.Create(&Vase{Name: "a"}).Error)
		require.NoError(t, db.Use(signals.Plugin{}))
		var created []string
		signals.For[Account](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Account]) error {
			created = append(created, *e.Instance.Mail)
			return nil
		})
		signals.For[Vase](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Vase]) error {
			created = append(created, "vase "+e.Instance.Name)
			return nil
		})
		require.NoError(t, db.Callback().Create().After("gorm:create").Before("signals:leave_race").Register("audit", func(tx *gorm.DB) {
			if tx.Statement.Table == "accounts" && tx.Error == nil {
				_ = tx.AddError(tx.Session(&gorm.Session{NewDB: true}).Clauses(skip).Create(&[]Vase{{Name: "a"}, {Name: "b"}}).Error)
			}
		}))
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			return tx.Clauses(skip).Create(&[]Account{{Mail: new("a"), Shop: 2}, {Mail: new("b"), Shop: 3}}).Error
		}))
		assert.Contains(t, created, "b")
		assert.NotContains(t, created, "a")
		var stored int64
		require.NoError(t, db.Model(&Account{}).Count(&stored).Error)
		assert.EqualValues(t, 2, stored)
	})
}
