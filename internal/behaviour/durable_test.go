package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// shelf is a store that keeps events in a slice and hands them out when it is told to.
type shelf struct {
	receivers []signals.DurableReceiver
	kept      []func(ctx context.Context) error
	pools     []gorm.ConnPool
	err       error
	onCommit  error // what OnCommit said
}

func (s *shelf) Register(r signals.DurableReceiver) error {
	s.receivers = append(s.receivers, r)
	return s.err
}

func (s *shelf) Keep(_ context.Context, tx *gorm.DB, r signals.DurableReceiver, events []signals.KeptEvent) error {
	for _, e := range events {
		s.kept = append(s.kept, func(ctx context.Context) error { return r.Deliver(ctx, e.Data) })
		s.pools = append(s.pools, tx.Statement.ConnPool)
	}
	s.onCommit = signals.OnCommit(tx, func(context.Context) error { return nil })
	return s.err
}

// deliver delivers what is kept, once.
func (s *shelf) deliver(t *testing.T) {
	t.Helper()
	for _, deliver := range s.kept {
		require.NoError(t, deliver(t.Context()))
	}
	s.kept = nil
}

func TestADurableReceiverHearsWhatAWaitingOneHears(t *testing.T) {
	t.Parallel()
	db, store := open(t, &Product{}, &Page{}), &shelf{}
	var waiting, durable trace
	hear := func(to *trace) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(_ context.Context, e signals.SaveEvent[*Product]) error {
			old, err := e.Original()
			if old == nil {
				old = &Product{}
			}
			to.add("%t %d %s %d was %s %d (%v), %v of %v, name %t, raw %t", e.Created, e.Instance.ID, e.Instance.Name, e.Instance.Price, old.Name,
				old.Price, err, len(e.Changes()), e.UpdateFields(), e.Changed("Name"), e.Raw())
			return nil
		}
	}
	products := signals.For[Product](db)
	products.PostSave.Connect(hear(&waiting), signals.AfterCommit())
	products.PostSave.Connect(hear(&durable), signals.Durable(store, "all"))
	pages := signals.For[Page](db)
	hearPage := func(to *trace) signals.Receiver[signals.DeleteEvent[*Page]] {
		return func(_ context.Context, e signals.DeleteEvent[*Page]) error {
			to.add("%s soft %t cascade %t", e.Instance.Title, e.Soft, e.Cascade)
			return nil
		}
	}
	pages.PostDelete.Connect(hearPage(&waiting), signals.AfterCommit())
	pages.PostDelete.Connect(hearPage(&durable), signals.Durable(store, "all"))

	lamp, page := Product{Name: "lamp", Price: 30}, Page{Title: "home"}
	require.NoError(t, db.Create(&lamp).Error)
	require.NoError(t, db.Model(&lamp).Update("price", 25).Error)
	require.NoError(t, db.Model(&Product{}).Where("id = ?", lamp.ID).Update("price", gorm.Expr("price + ?", 1)).Error)
	lamp.Name = "bright lamp"
	require.NoError(t, db.WithContext(signals.Raw(t.Context())).Save(&lamp).Error)
	upsert := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}
	require.NoError(t, db.Clauses(upsert).Create(&[]Product{{ID: lamp.ID, Name: "dim lamp", Price: 99}, {Name: "chair"}}).Error)
	require.NoError(t, db.Create(&page).Error)
	require.NoError(t, db.Delete(&page).Error)
	require.NoError(t, db.Unscoped().Delete(&page).Error)

	assert.Empty(t, durable.take(), "nothing runs before the store says so")
	store.deliver(t)
	assert.Equal(t, waiting.take(), durable.take())
}

func TestADurableReceiverHearsOfAChangeOfItsFieldsOnly(t *testing.T) {
	t.Parallel()
	db, store := open(t, &Product{}), &shelf{}
	var heard trace
	signals.For[Product](db).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
		heard.add("%d of %d", len(events), events[0].Instance.Price)
		return nil
	}, signals.Durable(store, "prices"), signals.Fields("Price"))
	lamp := Product{Name: "lamp", Price: 30}
	require.NoError(t, db.Create(&lamp).Error)
	require.NoError(t, db.Model(&lamp).Update("name", "chair").Error)
	require.NoError(t, db.WithContext(signals.Mute(t.Context(), "prices")).Model(&lamp).Update("price", 29).Error)
	require.NoError(t, db.Model(&lamp).Update("price", 28).Error)
	store.deliver(t)
	assert.Equal(t, []string{"1 of 30", "1 of 28"}, heard.take())
}

func TestADurableReceiverFailsByItself(t *testing.T) {
	t.Parallel()
	db, store := open(t, &Product{}), &shelf{}
	refused := errors.New("refused")
	products := signals.For[Product](db)
	products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return refused }, signals.Durable(store, "fails"))
	products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { panic("no") }, signals.Durable(store, "panics"))
	products.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		_, inTransaction := signals.SQLTx(e.DB())
		assert.False(t, inTransaction)
		return signals.OnCommit(e.DB(), func(context.Context) error { return refused })
	}, signals.Durable(store, "queues"))
	require.NoError(t, db.Create(&Product{Name: "lamp"}).Error)
	require.Len(t, store.kept, 3)

	var failure *signals.ReceiverError
	require.ErrorAs(t, store.kept[0](t.Context()), &failure)
	assert.Equal(t, "fails", failure.Receiver)
	require.ErrorIs(t, failure, refused)
	var panicked *signals.PanicError
	require.ErrorAs(t, store.kept[1](t.Context()), &panicked)
	require.ErrorIs(t, store.kept[2](t.Context()), refused)
	require.ErrorContains(t, store.receivers[0].Deliver(t.Context(), []byte("{")), "what was kept for fails cannot be read")
	require.ErrorContains(t, store.receivers[0].Deliver(t.Context(), []byte(`{"row":{"price":"much"}}`)), "column price of Product does not fit")
}

func TestAWriteWhoseEventCannotBeKeptFails(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprintf("SkipDefaultTransaction %t", skip), func(t *testing.T) {
			t.Parallel()
			db, store := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: skip}, signals.Plugin{}, &Product{}), &shelf{}
			require.NoError(t, db.Create(&Product{ID: 1, Name: "lamp"}).Error)
			signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil },
				signals.Durable(store, "all"), signals.Needs(signals.Keys))
			store.err = errors.New("the shelf is full")

			require.ErrorIs(t, db.Create(&Product{Name: "chair"}).Error, store.err)
			require.ErrorIs(t, db.Save(&Product{ID: 1, Name: "chair"}).Error, store.err)
			require.ErrorIs(t, db.Save(&Product{ID: 2, Name: "chair"}).Error, store.err)
			require.ErrorIs(t, db.Model(&Product{ID: 1}).Update("name", "chair").Error, store.err)
			var stored []string
			require.NoError(t, db.Model(&Product{}).Pluck("name", &stored).Error)
			assert.Equal(t, []string{"lamp"}, stored)
			for _, pool := range store.pools {
				assert.Implements(t, (*gorm.TxCommitter)(nil), pool)
			}
		})
	}
}

func TestAStoreLearnsThatNobodyFollowsItsTransaction(t *testing.T) {
	t.Parallel()
	for _, policy := range []signals.UntrackedPolicy{signals.Refuse, signals.RunNow, signals.Drop} {
		db, store := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Tracking: signals.TrackExplicit, Untracked: policy}, &Product{}), &shelf{}
		signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.Durable(store, "all"))
		require.NoError(t, db.Create(&Product{Name: "followed"}).Error)
		require.NoError(t, store.onCommit)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "not followed"}).Error }))
		require.ErrorIs(t, store.onCommit, signals.ErrUntracked, "policy %d", policy)
	}
}

func TestAnAtomicReceiverOpensNoTransactionInATransaction(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}, &Product{}, &Page{})
	refused := errors.New("refused")
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if err := e.DB().Create(&Page{Title: e.Instance.Name}).Error; err != nil || e.Instance.Name == "lamp" {
			return err
		}
		return refused
	}, signals.Atomic())
	require.NoError(t, db.Create(&Product{Name: "lamp"}).Error)
	require.ErrorIs(t, db.Create(&Product{Name: "chair"}).Error, refused)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "lamp"}).Error)
		return nil
	}))
	var products, pages int64
	require.NoError(t, db.Model(&Product{}).Count(&products).Error)
	require.NoError(t, db.Model(&Page{}).Count(&pages).Error)
	assert.Equal(t, []int64{2, 2}, []int64{products, pages})
}

// plainPool is a pool that begins no transactions. GORM then goes on without one.
type plainPool struct{ gorm.ConnPool }

func TestAnAtomicWriteThatCanHaveNoTransactionFailsBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: skip}, signals.Plugin{}, &Product{})
		require.NoError(t, db.Create(&Product{Name: "lamp", Price: 1}).Error)
		plain := db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
		plain.Statement.ConnPool = &plainPool{plain.Statement.ConnPool}
		m, sent := signals.For[Product](db), 0
		m.PreSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { sent++; return nil })
		m.PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { sent++; return nil })
		m.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { sent++; return nil }, signals.Atomic(), signals.UID("atomic"))
		for name, write := range map[string]func() error{
			"create": func() error { return plain.Create(&Product{Name: "new"}).Error },
			"save":   func() error { return plain.Save(&Product{ID: 1, Name: "saved"}).Error },
			"update": func() error { return plain.Model(&Product{}).Where("id = 1").Update("name", "updated").Error },
			"delete": func() error { return plain.Delete(&Product{ID: 1}).Error },
		} {
			err := write()
			require.ErrorIs(t, err, gorm.ErrInvalidTransaction, "%s, skip %t", name, skip)
			require.ErrorContains(t, err, "need a transaction", "%s, skip %t", name, skip)
		}
		assert.Zero(t, sent)
		var stored []Product
		require.NoError(t, db.Find(&stored).Error)
		require.Len(t, stored, 1)
		assert.Equal(t, "lamp", stored[0].Name)
		if !skip {
			m.PostSave.Disconnect("atomic")
			require.NoError(t, plain.Create(&Product{Name: "new"}).Error, "nobody needs one")
		}
	}
}

func TestADeleteWithoutATransactionFailsWhenAReceiverOfWhatGoesWithTheRowIsAtomic(t *testing.T) {
	t.Parallel()
	type Shelf struct{ ID uint }
	type Book struct {
		ID      uint
		ShelfID uint
		Shelf   Shelf `gorm:"constraint:OnDelete:CASCADE"`
	}
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &Shelf{}, &Book{})
	require.NoError(t, db.Create(&Book{Shelf: Shelf{ID: 1}}).Error)
	signals.For[Shelf](db)
	signals.For[Book](db).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Book]) error { return nil }, signals.Atomic())
	plain := db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
	plain.Statement.ConnPool = &plainPool{plain.Statement.ConnPool}
	require.ErrorContains(t, plain.Delete(&Shelf{ID: 1}).Error, "need a transaction")
	assert.EqualValues(t, 1, count[Shelf](t, db))
}

func TestWhatCannotBeDurableIsRefusedAtConnect(t *testing.T) {
	t.Parallel()
	db, store := open(t, &Product{}), &shelf{}
	receive := func(context.Context, signals.SaveEvent[*Product]) error { return nil }
	type bare struct{ Name string }
	for text, connect := range map[string]func(){
		"needs a store": func() { signals.For[Product](db).PostSave.Connect(receive, signals.Durable(nil, "a")) },
		"needs a name":  func() { signals.For[Product](db).PostSave.Connect(receive, signals.Durable(store, "")) },
		"leave signals.UID": func() {
			signals.For[Product](db).PostSave.Connect(receive, signals.UID("b"), signals.Durable(store, "a"))
		},
		"is the UID": func() {
			signals.For[Product](db).PostSave.Connect(receive, signals.Durable(store, "a"), signals.UID("b"))
		},
		"connect to post_sav": func() { signals.For[Product](db).PreSave.Connect(receive, signals.Durable(store, "a")) },
		"leave AfterCommit": func() {
			signals.For[Product](db).PostSave.Connect(receive, signals.Durable(store, "a"), signals.AfterCommit())
		},
		"connect with For": func() {
			signals.Implementing[any](db).PostSave.Connect(func(context.Context, signals.SaveEvent[any]) error { return nil }, signals.Durable(store, "a"))
		},
		"needs a primary key": func() {
			signals.For[bare](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*bare]) error { return nil }, signals.Durable(store, "a"))
		},
		"Atomic has no meaning": func() {
			signals.For[Product](db).PostLoad.Connect(func(context.Context, signals.LoadEvent[*Product]) error { return nil }, signals.Atomic())
		},
		"cannot be written so": func() {
			signals.New[func()]("n").Connect(func(context.Context, func()) error { return nil }, signals.Durable(store, "a"))
		},
		"full": func() {
			signals.For[Product](db).PostSave.Connect(receive, signals.Durable(&shelf{err: errors.New("full")}, "a"))
		},
	} {
		func() {
			defer func() { assert.Contains(t, recover(), text) }()
			connect()
			t.Errorf("nothing was refused: %s", text)
		}()
	}
	assert.Empty(t, signals.Receivers(db))
	signals.For[Product](db).PostSave.Connect(receive, signals.Durable(store, "a"))
	assert.Equal(t, "durable", signals.Receivers(db)[0].Phase)
	assert.Equal(t, "a", signals.Receivers(db)[0].UID)
}
