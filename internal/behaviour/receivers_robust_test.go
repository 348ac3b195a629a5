package behaviour_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestErrorsOfReceiversKeepTheirIdentity(t *testing.T) {
	t.Parallel()
	for _, translate := range []bool{false, true} {
		db := testkit.OpenWith(t, &gorm.Config{TranslateError: translate}, signals.Plugin{}, &Product{})
		signals.For[Product](db).PreSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
			return fmt.Errorf("out of stock: %w", errBoom)
		})
		err := db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Product{}).Error })
		require.ErrorIs(t, err, errBoom)
	}
}

func TestAReceiverThatSavesItsOwnModelForEverFailsWithTheChain(t *testing.T) {
	t.Parallel()
	for name, save := range map[string]func(ctx context.Context, e signals.SaveEvent[*Product], db *gorm.DB) error{
		"through the event": func(_ context.Context, e signals.SaveEvent[*Product], _ *gorm.DB) error {
			return e.DB().Save(e.Instance).Error
		},
		"through the context": func(ctx context.Context, e signals.SaveEvent[*Product], _ *gorm.DB) error {
			return e.DB().WithContext(ctx).Create(&Product{}).Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{MaxDepth: 3}, &Product{})
			calls := 0
			signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
				calls++
				return save(ctx, e, db)
			})
			err := db.Create(&Product{}).Error
			require.ErrorIs(t, err, signals.ErrRecursion)
			assert.ErrorContains(t, err, "post_save Product -> post_save Product -> post_save Product -> post_save Product")
			assert.Equal(t, 3, calls, "the outermost counts as 1")
			assert.Zero(t, count[Product](t, db))
		})
	}
}

func TestNestedSendsUpToMaxDepthWork(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{MaxDepth: 3}, &Product{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.ID == 3 {
			return nil
		}
		return e.DB().Create(&Product{}).Error
	})
	require.NoError(t, db.Create(&Product{}).Error)
	assert.EqualValues(t, 3, count[Product](t, db))
}

func TestAWriteWithACancelledContextSendsNoPostAndFailsAsInGORM(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tx := db.WithContext(ctx)
	require.ErrorIs(t, tx.Create(&Product{}).Error, context.Canceled)
	require.ErrorIs(t, tx.Save(&Product{ID: 1}).Error, context.Canceled)
	require.ErrorIs(t, tx.Model(&Product{ID: 1}).Update("price", 1).Error, context.Canceled)
	require.ErrorIs(t, tx.Delete(&Product{}, 1).Error, context.Canceled)
	assert.Empty(t, tr.take())
	assert.EqualValues(t, 3, count[Product](t, db))
}

func TestAReceiverThatIgnoresItsContextHoldsTheWriteWhichThenFails(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ctx, cancel := context.WithCancel(t.Context())
	entered, release := make(chan struct{}), make(chan struct{})
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		close(entered)
		<-release
		assert.ErrorIs(t, ctx.Err(), context.Canceled, "the receiver could have known")
		return nil
	})
	result := make(chan error, 1)
	go func() { result <- db.WithContext(ctx).Create(&Product{}).Error }()
	<-entered
	cancel()
	select {
	case err := <-result:
		t.Fatal("the write returned before its receiver", err)
	default:
	}
	close(release)
	err := <-result // database/sql may have rolled back by itself already
	assert.True(t, errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrTxDone), "%v", err)
	assert.Zero(t, count[Product](t, db))
}

func TestSendConcurrentReturnsWhenTheContextEndsBeforeAReceiver(t *testing.T) {
	t.Parallel()
	s := signals.New[view]("viewed")
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	s.Connect(func(context.Context, view) error { cancel(); <-release; return nil }, signals.UID("stuck"))
	responses := s.SendConcurrent(ctx, view{})
	require.Len(t, responses, 1)
	require.ErrorIs(t, responses[0].Err, context.Canceled)
}

func TestAModelWithoutTableFailsAsInGORM(t *testing.T) {
	t.Parallel()
	db := open(t)
	traceProducts(db)
	require.ErrorContains(t, db.Create(&Product{}).Error, "no such table: products")
	require.ErrorContains(t, db.Save(&Product{ID: 1}).Error, "no such table: products")
	require.ErrorContains(t, db.Delete(&Product{ID: 1}).Error, "no such table: products")
}

func TestInvalidInputFailsAsInGORM(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := traceProducts(db)
	require.ErrorIs(t, db.Create((*Product)(nil)).Error, gorm.ErrInvalidValue)
	require.ErrorIs(t, db.Create(&[]Product{}).Error, gorm.ErrEmptySlice)
	require.ErrorIs(t, db.Create(&[]*Product{nil}).Error, gorm.ErrInvalidData)
	require.Error(t, db.Model(&Product{}).Create(map[string]any{"nothing": 1}).Error)
	require.Error(t, db.Model(&Product{ID: 1}).Updates(map[string]any{"nothing": 1}).Error)
	assert.NotContains(t, fmt.Sprint(tr.take()), "post")
}

func TestModelSignalsCanBeSentByHand(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := traceProducts(db)
	signals.Implementing[any](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error {
		tr.add("any %T, db %t, raw %t", e.Instance, e.DB() != nil, e.Raw())
		return nil
	})
	products := signals.For[Product](db)
	p := &Product{ID: 7, Name: "by hand"}
	require.NoError(t, products.PostSave.Send(signals.Raw(t.Context()), signals.SaveEvent[*Product]{Instance: p, Created: true}))
	assert.Equal(t, []string{"post_save create 7 by hand 0", "any *behaviour_test.Product, db true, raw true"}, tr.take())
	assert.Len(t, products.PreDelete.SendRobust(t.Context(), signals.DeleteEvent[*Product]{Instance: p}), 1)
	assert.Len(t, products.PostDelete.SendConcurrent(t.Context(), signals.DeleteEvent[*Product]{Instance: p}), 1)
	require.ErrorContains(t, products.PostSave.Send(t.Context(), signals.SaveEvent[*Product]{}), "Instance")
	responses := products.PostSave.SendRobust(t.Context(), signals.SaveEvent[*Product]{})
	require.Len(t, responses, 1)
	require.Error(t, responses[0].Err)
}

func TestAnEventThatWasNeverSentAnswersWithoutPanic(t *testing.T) {
	t.Parallel()
	e := signals.SaveEvent[*Product]{Instance: &Product{}}
	_, err := e.Original()
	require.ErrorIs(t, err, signals.ErrNotLoaded)
	assert.Nil(t, e.DB())
	assert.Nil(t, e.Schema())
	assert.Nil(t, e.Changes())
	assert.Nil(t, e.UpdateFields())
	assert.True(t, e.Changed("Name"))
	assert.False(t, e.Raw() || e.Restored())
	d := signals.DeleteEvent[*Product]{}
	assert.Nil(t, d.DB())
	assert.Nil(t, d.Schema())
	assert.False(t, d.Raw())
	assert.Nil(t, signals.LoadEvent[*Product]{}.DB())
}

func TestReceiversListsWhoListensAndWhere(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	products := signals.For[Product](db)
	ok := func(context.Context, signals.SaveEvent[*Product]) error { return nil }
	products.PostSave.Connect(ok, signals.UID("second"))
	_, _, line, _ := runtime.Caller(0)
	products.PostSave.Connect(ok, signals.UID("first"), signals.Priority(5), signals.Needs(signals.Keys))
	signals.Implementing[Titled](db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[Titled]) error { return nil })
	infos := signals.Receivers(db)
	require.Len(t, infos, 3)
	assert.Contains(t, infos[0].Location, fmt.Sprintf("robust_test.go:%d", line+1))
	infos[0].Location = ""
	assert.Equal(t, signals.ReceiverInfo{
		Signal: "post_save", Sender: "Product", UID: "first", Phase: "send", Priority: 5, Needs: signals.Keys,
	}, infos[0])
	assert.Equal(t, "second original", infos[1].UID+" "+infos[1].Needs.String())
	assert.Equal(t, "Titled row", infos[2].Sender+" "+infos[2].Needs.String())
	assert.Len(t, products.PostSave.Receivers(), 2)
	assert.False(t, products.PreDelete.HasReceivers(), "it was connected through Titled")
}

// Place is embedded by pointer.
type Place struct {
	Street string
	Floors []byte
}

// House has columns in a struct that it points to.
type House struct {
	ID int
	*Place
}

func TestAnEventSharesNoEmbeddedStructWithAnybody(t *testing.T) {
	t.Parallel()
	db := open(t, &House{})
	var waiting trace
	houses := signals.For[House](db)
	houses.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*House]) error {
		if old, err := e.Original(); err != nil || e.Created || old.Place == e.Instance.Place {
			return err
		}
		waiting.add("changes %v", e.Changes())
		return nil
	})
	houses.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*House]) error {
		if e.Instance.Place == nil {
			waiting.add("nowhere")
		} else {
			waiting.add("%s", e.Instance.Street)
		}
		return nil
	}, signals.AfterCommit())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		house, none := House{Place: &Place{Street: "old", Floors: []byte{1}}}, House{}
		require.NoError(t, tx.Create(&house).Error)
		house.Street = "changed by the caller"
		require.NoError(t, tx.Create(&none).Error)
		assert.Nil(t, none.Place)
		return tx.Model(&House{ID: house.ID}).Update("street", "new").Error
	}))
	assert.Equal(t, []string{"changes [{Street street old new}]", "old", "nowhere", "new"}, waiting.take())
}
