package dbtest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// settled is the model that receivers count in the tests of db.Connection.
type settled struct{ ID uint }

// session is an event that may be used when its write is over.
type session func() *gorm.DB

// usable returns nil if a session reads a table.
func (s session) usable() error {
	var n int64
	return s().Model(&settled{}).Count(&n).Error
}

// onConnection opens a database whose receivers use the sessions of their events: on a lane once may is closed, and in the write at once. Events of
// post_save are also kept.
type onConnection struct {
	db   *gorm.DB
	lane *signals.Lane
	may  chan struct{}
	kept []session

	mu   sync.Mutex
	used []string
}

func newOnConnection(t *testing.T, dialector gorm.Dialector, config *gorm.Config) *onConnection {
	t.Helper()
	c := &onConnection{db: connect(t, dialector, config), lane: signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1}), may: make(chan struct{})}
	require.NoError(t, c.db.AutoMigrate(&Part{}, &settled{}))
	require.NoError(t, c.db.Use(signals.Plugin{}))
	saved := signals.For[Part](c.db).PostSave
	saved.Connect(func(_ context.Context, e signals.SaveEvent[*Part]) error {
		c.kept = append(c.kept, e.DB)
		if e.Instance.N < 0 {
			return gorm.ErrInvalidData
		}
		return nil
	})
	for name, phase := range map[string]signals.ConnectOption{
		"after the commit": signals.AfterCommit(), "after the rollback": signals.AfterRollback(), "after the failure": signals.AfterFailure(),
	} {
		saved.Connect(func(_ context.Context, e signals.SaveEvent[*Part]) error {
			<-c.may
			c.use(name+" on the lane", e.DB)
			return nil
		}, phase, signals.In(c.lane))
		saved.Connect(func(_ context.Context, e signals.SaveEvent[*Part]) error {
			c.use(name, e.DB)
			return nil
		}, phase)
	}
	return c
}

func (c *onConnection) use(what string, s session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	what += " " + c.sees(s())
	c.used = append(c.used, what)
}

// sees says on which connection a session is, by the name that the block has given to its own.
func (c *onConnection) sees(db *gorm.DB) string {
	var name sql.NullString
	if err := db.Raw(whoAmI(db)).Row().Scan(&name); err != nil {
		return err.Error()
	}
	if name.String == "block" {
		return "on the connection of the block"
	}
	return "on another connection"
}

// nameSession gives a connection a name that lasts as long as it does not return to the pool.
func nameSession(t *testing.T, db *gorm.DB) {
	t.Helper()
	switch db.Name() {
	case "postgres":
		require.NoError(t, db.Exec("SET application_name = 'block'").Error)
	case "mysql":
		require.NoError(t, db.Exec("SET @who = 'block'").Error)
	default:
		require.NoError(t, db.Exec("CREATE TEMP TABLE IF NOT EXISTS who AS SELECT 'block' AS name").Error)
	}
}

func whoAmI(db *gorm.DB) string {
	switch db.Name() {
	case "postgres":
		return "SELECT current_setting('application_name')"
	case "mysql":
		return "SELECT @who"
	default:
		return "SELECT max(name) FROM (SELECT 'block' AS name FROM sqlite_temp_master WHERE name = 'who')"
	}
}

// blocks are writes in a db.Connection, and the receivers that they lead to.
func blocks() map[string]struct {
	write func(db *gorm.DB) error
	want  []string
} {
	const inside, outside = " on the connection of the block", " on the lane on another connection"
	return map[string]struct {
		write func(db *gorm.DB) error
		want  []string
	}{
		"commit":  {func(db *gorm.DB) error { return db.Create(&Part{ID: 2}).Error }, []string{"after the commit" + inside, "after the commit" + outside}},
		"refused": {func(db *gorm.DB) error { return db.Create(&Part{ID: 1}).Error }, []string{"after the failure" + inside, "after the failure" + outside}},
		"rollback": {func(db *gorm.DB) error { return db.Create(&Part{ID: 3, N: -1}).Error }, []string{
			"after the rollback" + inside, "after the failure" + inside, "after the rollback" + outside, "after the failure" + outside,
		}},
	}
}

func TestALaneAndAKeptEventNeedNoConnectionOfTheirWrite(t *testing.T) {
	t.Parallel()
	for name, c := range blocks() {
		for _, config := range []gorm.Config{{}, {PrepareStmt: true}, {SkipDefaultTransaction: true}} {
			t.Run(fmt.Sprint(name, " prepared ", config.PrepareStmt, " skip ", config.SkipDefaultTransaction), func(t *testing.T) {
				t.Parallel()
				onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
					t.Helper()
					on := newOnConnection(t, dialector(), &gorm.Config{PrepareStmt: config.PrepareStmt, SkipDefaultTransaction: config.SkipDefaultTransaction})
					require.NoError(t, on.db.Session(&gorm.Session{SkipHooks: true}).Create(&Part{ID: 1}).Error)
					require.NoError(t, on.db.Connection(func(db *gorm.DB) error {
						nameSession(t, db)
						err := c.write(db.Session(&gorm.Session{NewDB: true}))
						assert.Equal(t, name != "commit", err != nil)
						for _, kept := range on.kept {
							assert.Equal(t, "on the connection of the block", on.sees(kept()), "as long as the block runs")
						}
						close(on.may)
						return on.lane.Wait(t.Context()) // while the block has its connection
					}))
					assert.ElementsMatch(t, c.want, on.used)
					for _, kept := range on.kept {
						require.NoError(t, kept.usable(), "an event that was kept")
					}
				})
			})
		}
	}
}

func TestALaneOutlivesTheConnectionOfItsWrite(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		on := newOnConnection(t, dialector(), &gorm.Config{})
		pool, err := on.db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		require.NoError(t, on.db.Connection(func(db *gorm.DB) error { return db.Create(&Part{}).Error }))
		close(on.may)
		require.NoError(t, on.lane.Wait(t.Context()))
		for _, used := range on.used {
			assert.NotContains(t, used, "closed")
		}
		assert.Len(t, on.used, 2)
		require.NoError(t, on.kept[0].usable())
	})
}

func TestAWriteThatHoldsAConnectionDoesNotWaitForRoomOnALane(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Part{}, &settled{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1, Queue: 1, Timeout: patience})
		signals.For[Part](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Part]) error {
			return session(e.DB).usable()
		}, signals.AfterCommit(), signals.In(lane))
		ordered := signals.New[int]("ordered")
		ordered.Connect(func(context.Context, int) error { return db.First(&settled{}).Error }, signals.AfterCommit(), signals.In(lane))
		require.NoError(t, db.Connection(func(db *gorm.DB) error {
			for range 3 {
				if err := errors.Join(db.Session(&gorm.Session{NewDB: true}).Create(&Part{}).Error, ordered.SendIn(db, 1)); err != nil {
					return err
				}
			}
			return nil
		}))
		require.NoError(t, lane.Wait(t.Context()))
		assert.Equal(t, uint64(6), lane.Stats().Done+lane.Stats().Failed)
	})
}
