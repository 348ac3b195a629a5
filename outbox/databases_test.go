package outbox_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

func TestAnEventOfACustomSignalIsNotKeptInTheTableOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	for name, connect := range map[string]func(ob *outbox.Outbox, s *signals.Signal[placed]){
		"durable": func(ob *outbox.Outbox, s *signals.Signal[placed]) {
			s.Connect(func(context.Context, placed) error { return nil }, outbox.Durable(ob, "ship"))
		},
		"published": func(ob *outbox.Outbox, s *signals.Signal[placed]) {
			outbox.PublishSignal(ob, s, outbox.Publication[placed]{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, other := open(t, &Product{}), open(t, &Product{})
			ob, signal := install(t, db, outbox.Config{}), signals.New[placed]("order_placed")
			install(t, other, outbox.Config{}) // whose table would take the event
			connect(ob, signal)
			err := other.Transaction(func(tx *gorm.DB) error { return signal.SendIn(tx, placed{1, "elsewhere"}) })
			require.ErrorContains(t, err, "in a transaction of another database")
			require.ErrorContains(t, signal.SendIn(other, placed{1, "in no transaction"}), "give each database a signal and an outbox of its own")
			signals.For[Product](other).PostSave.Connect(func(ctx context.Context, _ saved) error { return signal.Send(ctx, placed{1, "under a write"}) })
			require.ErrorContains(t, other.Create(&Product{Name: "a"}).Error, "in a transaction of another database")
			assert.Empty(t, kept(t, other))
			require.NoError(t, signal.SendIn(db, placed{1, "here"}))
			assert.Len(t, kept(t, db), 1)
		})
	}
}

func TestSessionsOfOneDatabaseShareItsOutbox(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	pool, err := db.DB()
	require.NoError(t, err)
	again, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), &gorm.Config{}) // another gorm.Open over the same pool
	require.NoError(t, err)
	require.NoError(t, again.Use(signals.Plugin{}))
	h := &heard{}
	for name, of := range map[string]*gorm.DB{
		"itself": db, "prepared": db.Session(&gorm.Session{PrepareStmt: true}), "with a context": db.WithContext(t.Context()), "debug": db.Debug(),
		"skipping": db.Session(&gorm.Session{SkipDefaultTransaction: true, NewDB: true}), "opened again": again,
	} {
		ob := install(t, of, outbox.Config{Table: "outbox_of_one"})
		for what, tx := range map[string]*gorm.DB{"itself": db, "prepared": db.Session(&gorm.Session{PrepareStmt: true}), "opened again": again} {
			signal := signals.New[placed]("order_placed")
			signal.Connect(func(_ context.Context, e placed) error { h.add("%s", e.Note); return nil }, outbox.Durable(ob, name+what))
			require.NoError(t, signal.SendIn(tx, placed{1, "outside"}), "%s, %s", name, what)
			require.NoError(t, tx.Connection(func(tx *gorm.DB) error { return signal.SendIn(tx, placed{1, "connection"}) }), "%s, %s", name, what)
			require.NoError(t, tx.Transaction(func(tx *gorm.DB) error {
				return tx.Transaction(func(tx *gorm.DB) error { return signal.SendIn(tx, placed{1, "savepoint"}) })
			}), "%s, %s", name, what)
		}
		require.NoError(t, ob.Wait(t.Context()))
	}
	assert.Len(t, h.lines(), 6*3*3)
}
