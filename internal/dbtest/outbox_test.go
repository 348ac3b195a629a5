package dbtest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/plugin/dbresolver"
)

// Parcel is the model whose events are kept.
type Parcel struct {
	ID   uint
	Name string `gorm:"size:100;uniqueIndex"`
	N    int
}

var errParcel = errors.New("boom")

// post opens a database with the plugin and an outbox that parcels are published in.
func post(t *testing.T, dialector gorm.Dialector, config *gorm.Config, cfg outbox.Config) (*gorm.DB, *outbox.Outbox) {
	t.Helper()
	db := connect(t, dialector, config)
	require.NoError(t, db.AutoMigrate(&Parcel{}))
	require.NoError(t, db.Use(signals.Plugin{}))
	ob := mailbox(t, db, cfg)
	outbox.Publish[Parcel](ob)
	return db, ob
}

func mailbox(t *testing.T, db *gorm.DB, cfg outbox.Config) *outbox.Outbox {
	t.Helper()
	cfg.Source, cfg.Eager = "/post", true
	if cfg.ErrorHandler == nil {
		cfg.ErrorHandler = func(context.Context, error) {}
	}
	ob, err := outbox.Install(db, cfg)
	require.NoError(t, err)
	require.NoError(t, ob.Migrate(t.Context()))
	t.Cleanup(func() { _ = ob.Flush(context.Background()) }) // while the database is open
	if db.Name() == "mysql" {
		changesByIndex(t, db)
	}
	return ob
}

// changesByIndex fails a test that changes records in another way than by a unique index: the optimizer may then walk any, and two
// statements that lock the same records in different orders are a deadlock.
func changesByIndex(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Callback().Raw().After("gorm:raw").Register("dbtest:by_index", func(tx *gorm.DB) {
		sql := tx.Statement.SQL.String()
		change := strings.HasPrefix(sql, "UPDATE `signals_outbox`") || strings.HasPrefix(sql, "DELETE")
		if change && !strings.Contains(sql, "FORCE INDEX (PRIMARY)") && !strings.Contains(sql, "FORCE INDEX (by_id)") {
			t.Error("not by a unique index: ", sql)
		}
	}))
}

// letters lists the events in the table.
func letters(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	var lines []string
	require.NoError(t, db.Raw("SELECT CONCAT(channel, ' ', type, ' ', subject) FROM signals_outbox ORDER BY sequence").Scan(&lines).Error)
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// engine takes messages and remembers them.
type engine struct {
	mu     sync.Mutex
	taken  []outbox.Message
	refuse func(m outbox.Message) error
}

func (e *engine) Send(_ context.Context, messages []outbox.Message) []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	answers := make([]error, len(messages))
	for i, m := range messages {
		if e.refuse != nil {
			answers[i] = e.refuse(m)
		}
		if answers[i] == nil {
			e.taken = append(e.taken, m)
		}
	}
	return answers
}

func (e *engine) messages() []outbox.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]outbox.Message(nil), e.taken...)
}

// first returns the messages without those that came before, and checks that those of each row are in order.
func (e *engine) first(t *testing.T) []outbox.Message {
	t.Helper()
	var all []outbox.Message
	seen, last := map[string]bool{}, map[string]uint64{}
	for _, m := range e.messages() {
		if seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		require.Greater(t, m.Sequence, last[m.Subject], m.Subject)
		last[m.Subject] = m.Sequence
		all = append(all, m)
	}
	return all
}

// drained drains until nothing is sent any more.
func drained(t *testing.T, relay *outbox.Relay) (n int) {
	t.Helper()
	for {
		sent, err := relay.Drain(t.Context())
		require.NoError(t, err)
		if sent == 0 {
			return n
		}
		n += sent
	}
}

// background runs something until the test ends.
func background(t *testing.T, run func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

func TestOutboxHasAnEventIfItsChangeIsThere(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]gorm.Config{
		"plain": {}, "prepared": {PrepareStmt: true}, "skip": {SkipDefaultTransaction: true}, "prepared, skip": {SkipDefaultTransaction: true, PrepareStmt: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				own := config // each database fills in its own
				db, ob := post(t, dialector(), &own, outbox.Config{})
				require.NoError(t, db.Create(&Parcel{ID: 1, Name: "a"}).Error)
				require.Error(t, db.Create(&Parcel{ID: 2, Name: "a"}).Error)
				require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&Parcel{ID: 3, Name: "undone"}).Error)
					return errParcel
				}), errParcel)
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&Parcel{ID: 4, Name: "d"}).Error)
					require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
						require.NoError(t, tx.Create(&Parcel{ID: 5, Name: "inner"}).Error)
						return errParcel
					}), errParcel)
					require.NoError(t, tx.SavePoint("sp").Error)
					require.NoError(t, tx.Delete(&Parcel{ID: 1}).Error)
					require.NoError(t, tx.RollbackTo("sp").Error)
					return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Parcel{{ID: 1, Name: "e"}, {ID: 6, Name: "f"}}).Error
				}))
				require.NoError(t, db.Where("id > ?", 4).Delete(&Parcel{}).Error)
				assert.Equal(t, []string{
					"parcels.created.v1 parcels/1", "parcels.created.v1 parcels/4", "parcels.updated.v1 parcels/1", "parcels.created.v1 parcels/6",
					"parcels.deleted.v1 parcels/6",
				}, letters(t, db))
				sink := &engine{}
				assert.Equal(t, 5, drained(t, ob.Relay(sink)))
				assert.JSONEq(t, `{"ID": 1, "Name": "e", "N": 0}`, string(sink.messages()[3].Data), "the second wave")
			})
		})
	}
}

func TestAWriteFailsWithTheOutbox(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, _ := post(t, dialector(), &gorm.Config{SkipDefaultTransaction: true}, outbox.Config{})
		require.NoError(t, db.Create(&Parcel{ID: 1, Name: "a"}).Error)
		require.NoError(t, db.Exec("DROP TABLE signals_outbox").Error)
		for name, write := range map[string]func() error{
			"create":  func() error { return db.Create(&Parcel{ID: 2, Name: "b"}).Error },
			"batches": func() error { return db.CreateInBatches([]Parcel{{ID: 2, Name: "b"}, {ID: 3, Name: "c"}}, 1).Error },
			"save":    func() error { return db.Save(&Parcel{ID: 1, Name: "b"}).Error },
			"save of": func() error { return db.Save(&Parcel{ID: 2, Name: "b"}).Error },
			"update":  func() error { return db.Model(&Parcel{}).Where("id = 1").Update("name", "b").Error },
			"delete":  func() error { return db.Delete(&Parcel{ID: 1}).Error },
			"upsert": func() error {
				return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Parcel{{ID: 1, Name: "b"}, {ID: 2, Name: "c"}}).Error
			},
		} {
			require.ErrorContains(t, write(), "signals_outbox", name)
			var stored []Parcel
			require.NoError(t, db.Find(&stored).Error)
			require.Equal(t, []Parcel{{ID: 1, Name: "a"}}, stored, name)
		}
	})
}

func TestOutboxTablesAreMadeOnceByMany(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.Use(signals.Plugin{}))
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				ob, err := outbox.Install(db, outbox.Config{Source: "/post"})
				if assert.NoError(t, err) {
					assert.NoError(t, ob.Migrate(t.Context()))
				}
			})
		}
		group.Wait()
		ob := mailbox(t, db, outbox.Config{})
		for _, statement := range ob.DDL() {
			require.NoError(t, db.Exec(statement).Error)
		}
	})
}

func TestTimesOfTheOutboxAreThoseOfTheDatabase(t *testing.T) {
	t.Parallel()
	zone := map[string]string{"postgres": "SET TIME ZONE '+05:00'", "mysql": "SET time_zone = '+05:00'", "sqlite": "SELECT 1"}
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{})
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		require.NoError(t, db.Exec(zone[db.Name()]).Error)
		began := time.Now()
		require.NoError(t, db.Create(&Parcel{Name: "a"}).Error)
		sink := &engine{}
		drained(t, ob.Relay(sink))
		assert.WithinRange(t, sink.messages()[0].Time, began.Add(-time.Minute), time.Now().Add(time.Minute), "zones are half an hour apart")
	})
}

func TestEventsThatCommitOutOfOrderAreNotLost(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{})
		if db.Name() == "sqlite" {
			t.Skip("SQLite has one writer at a time")
		}
		sink := &engine{}
		relay := ob.Relay(sink)
		slow := db.Begin()
		require.NoError(t, slow.Create(&Parcel{ID: 1, Name: "slow"}).Error)
		require.NoError(t, db.Create(&Parcel{ID: 2, Name: "fast"}).Error)
		assert.Equal(t, 1, drained(t, relay))
		assert.Equal(t, 0, drained(t, relay))
		require.NoError(t, slow.Commit().Error)
		assert.Equal(t, 1, drained(t, relay))
		got := sink.messages()
		assert.Equal(t, "parcels/2 parcels/1", got[0].Subject+" "+got[1].Subject)
		assert.Less(t, got[1].Sequence, got[0].Sequence)
	})
}

func TestTheOutboxReadsNoReplica(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Parcel{}))
		replica := servers()[0].dialector(t) // it lags so far behind that it has no tables
		require.NoError(t, db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{replica}})))
		require.NoError(t, db.Use(signals.Plugin{}))
		ob := mailbox(t, db, outbox.Config{Poll: time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
		outbox.Publish[Parcel](ob)
		calls := make(chan string, 10)
		tries := 0
		signals.For[Parcel](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
			if tries++; tries == 1 {
				return errParcel
			}
			calls <- e.Instance.Name
			return nil
		}, outbox.Durable(ob, "search"))
		require.NoError(t, db.Create(&Parcel{Name: "a"}).Error)
		background(t, ob.Run)
		select {
		case name := <-calls:
			assert.Equal(t, "a", name)
		case <-time.After(patience):
			t.Error("it is never called")
		}
		sink := &engine{}
		assert.Equal(t, 1, drained(t, ob.Relay(sink)))
		_, err := ob.Lag(t.Context())
		require.NoError(t, err)
		_, err = ob.Dead(t.Context())
		require.NoError(t, err)
		_, err = ob.Purge(t.Context(), time.Now())
		require.NoError(t, err)
	})
}

func TestAFailureOfAnyTextIsNotedOnEachDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{MaxTries: 1})
		require.NoError(t, db.Create(&[]Parcel{{Name: "a"}, {Name: "b"}}).Error)
		long := map[string]string{"parcels/2": strings.Repeat("ü", 70_000)}
		sink := &engine{refuse: func(m outbox.Message) error { return fmt.Errorf("\xff\x00\U0001F600%s", long[m.Subject]) }}
		_, err := ob.Relay(sink).Drain(t.Context())
		require.NoError(t, err)
		dead, err := ob.Dead(t.Context())
		require.NoError(t, err)
		assert.Len(t, dead, 2)
	})
}
