package behaviour_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// noted is a logger of a session.
type noted struct{ logger.Interface }

// Hooked is a model with a hook, to see what hooks get.
type Hooked struct {
	ID   uint
	Name string

	Hook func(tx *gorm.DB) `gorm:"-"`
}

// BeforeCreate shows the hook's session.
func (h *Hooked) BeforeCreate(tx *gorm.DB) error {
	if h.Hook != nil {
		h.Hook(tx)
	}
	return nil
}

// carried is what a session carries of the session that writes.
type carried struct {
	Tenant                                    any
	Logger                                    logger.Interface
	Year, Batch, Selects, Omits, Clauses      int
	Global, Prepared, Fields, Full, SkipHooks bool
}

func carriedBy(tx *gorm.DB) (c carried) {
	c.Tenant, _ = tx.Get("tenant")
	c.Logger, c.Year, c.Batch = tx.Logger, tx.NowFunc().Year(), tx.CreateBatchSize
	c.Global, c.Prepared, c.Fields, c.Full = tx.AllowGlobalUpdate, tx.PrepareStmt, tx.QueryFields, tx.FullSaveAssociations
	fresh := tx.Model(&Hooked{}).Statement
	c.Selects, c.Omits, c.Clauses, c.SkipHooks = len(fresh.Selects), len(fresh.Omits), len(fresh.Clauses), fresh.SkipHooks
	return c
}

func TestTheSessionOfAnEventCarriesWhatHooksGet(t *testing.T) {
	t.Parallel()
	db := open(t, &Hooked{})
	sessions := map[string]carried{}
	hooked := signals.For[Hooked](db)
	note := func(name string) signals.Receiver[signals.SaveEvent[*Hooked]] {
		return func(_ context.Context, e signals.SaveEvent[*Hooked]) error {
			sessions[name] = carriedBy(e.DB())
			return e.DB().Where("1 = 1").First(&Hooked{}).Error
		}
	}
	hooked.PostSave.Connect(note("send"))
	hooked.PostSave.Connect(note("before"), signals.BeforeCommit())
	hooked.PostSave.Connect(note("after"), signals.AfterCommit())
	writer := db.Session(&gorm.Session{
		Logger: &noted{logger.Discard}, AllowGlobalUpdate: true, PrepareStmt: true, QueryFields: true, FullSaveAssociations: true, CreateBatchSize: 7,
		NowFunc: func() time.Time { return time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) },
	}).Set("tenant", 5)
	require.NoError(t, writer.Where("name = 'x'").Select("Name").Omit("ID").Create(&Hooked{Name: "a", Hook: func(tx *gorm.DB) {
		sessions["hook"] = carriedBy(tx)
	}}).Error)
	require.Len(t, sessions, 4)
	assert.Equal(t, 5, sessions["hook"].Tenant)
	assert.Equal(t, 1999, sessions["hook"].Year)
	for name, got := range sessions {
		assert.Equal(t, sessions["hook"], got, name)
	}
}

func TestReceiversAfterARollbackWriteThroughTheirEvent(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, _ *heard) {
		t.Helper()
		if db.SkipDefaultTransaction {
			t.Skip("nothing is rolled back")
		}
		require.NoError(t, db.AutoMigrate(&Hooked{}))
		products := signals.For[Product](db)
		products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			return e.DB().Create(&Hooked{Name: e.Instance.Name}).Error
		}, signals.AfterRollback())
		products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			if e.Instance.Stock > 0 {
				return errBoom
			}
			return nil
		})
		require.ErrorIs(t, db.Create(&Product{Name: "a", Stock: 1}).Error, errBoom)
		require.NoError(t, db.Create(&Product{Name: "b"}).Error)
		require.ErrorIs(t, db.Model(&Product{}).Where("name = ?", "b").Update("stock", 1).Error, errBoom)
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Create(&Product{Name: "c"}).Error, errBoom)
		}), errBoom)
		var names []string
		require.NoError(t, db.Model(&Hooked{}).Order("id").Pluck("name", &names).Error)
		assert.Equal(t, []string{"a", "b", "c"}, names)
	})
}

func TestAKeptEventSharesNothingWithItsStatement(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, _ *heard) {
		t.Helper()
		products := signals.For[Product](db)
		done := make(chan error, 10)
		read := func(e signals.SaveEvent[*Product]) { done <- e.DB().Where("name = 'a'").First(&Product{}).Error }
		var kept []signals.SaveEvent[*Product]
		keep := func(_ context.Context, e signals.SaveEvent[*Product]) error { kept = append(kept, e); return nil }
		products.PreSave.Connect(keep)
		products.PostSave.Connect(keep)
		products.PostSave.Connect(keep, signals.BeforeCommit())
		products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error { go read(e); return nil }, signals.AfterCommit())
		for range 3 {
			require.NoError(t, db.Create(&Product{Name: "a"}).Error)
			for _, e := range kept {
				go read(e)
			}
			reads := len(kept) + 1
			_ = db.Create(&Product{ID: 1, Name: "twice"}).Error
			for range reads {
				require.NoError(t, <-done)
			}
			kept = nil
		}
	})
}

func TestTwoGoroutinesReadInOneTransaction(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, _ *heard) {
		t.Helper()
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			done := make(chan error, 4)
			for i := range cap(done) {
				go func() {
					var n int64
					if i%2 == 0 {
						done <- tx.Model(&Product{}).Count(&n).Error
					} else {
						done <- tx.Raw("SELECT count(*) FROM products").Scan(&n).Error
					}
				}()
			}
			return errors.Join(<-done, <-done, <-done, <-done)
		}))
	})
}
