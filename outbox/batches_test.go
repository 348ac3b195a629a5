package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
)

// statements is a logger that counts the statements of the outbox by their purpose.
type statements struct {
	logger.Interface

	mu sync.Mutex
	tally
}

type tally struct {
	keeps, looks, reads, claims, notes, gone int
	began                                    time.Time
}

func (s *statements) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	sql, _ := fc()
	if !strings.Contains(sql, "signals_outbox") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.HasPrefix(sql, "INSERT"):
		s.keeps++
	case strings.Contains(sql, "AS earlier"):
		s.looks++
	case strings.HasPrefix(sql, "/* outbox */"):
		s.reads++
	case strings.Contains(sql, "SET holder = '', due_at = 0"):
		s.gone++
	case strings.Contains(sql, "SET holder"):
		s.claims++
	case strings.Contains(sql, "SET state = 1"):
		s.notes++
	}
}

func (s *statements) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally = tally{began: time.Now()}
}

// mayNote returns how many UPDATEs may mark so many events as done: one for every 20 milliseconds, and one for every 500 events.
func (s *statements) mayNote(events int) int {
	return int(time.Since(s.began)/(20*time.Millisecond)) + events/500 + 2
}

// counted opens a database that counts the statements of its outbox, with durable receivers of products.
func counted(t *testing.T, plugin signals.Plugin, cfg outbox.Config) (*gorm.DB, *outbox.Outbox, *heard, *statements) {
	t.Helper()
	db := openAt(t, file(t), &gorm.Config{}, plugin, &Product{})
	s := &statements{Interface: logger.Discard}
	db.Logger = s
	ob := install(t, db, cfg)
	h := &heard{}
	search(db, ob, h, nil)
	return db, ob, h, s
}

// fill writes a number of products without receivers.
func fill(t *testing.T, db *gorm.DB, n int) {
	t.Helper()
	rows := make([]Product, n)
	for i := range rows {
		rows[i].Name = fmt.Sprint(i)
	}
	require.NoError(t, db.WithContext(signals.Mute(t.Context())).CreateInBatches(&rows, 1000).Error)
}

func TestStatementsOfDurableReceiversGrowWithBatchesAndNotWithRows(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(db *gorm.DB) error{
		"update": func(db *gorm.DB) error {
			return db.Model(&Product{}).Where("id > 0").Update("price", gorm.Expr("price + 1")).Error
		},
		"delete": func(db *gorm.DB) error { return db.Where("id > 0").Delete(&Product{}).Error },
	} {
		for _, rows := range []int{1_000, 10_000} {
			t.Run(fmt.Sprintf("%s of %d rows", name, rows), func(t *testing.T) {
				t.Parallel()
				db, ob, h, s := counted(t, signals.Plugin{}, outbox.Config{Claim: time.Hour})
				fill(t, db, rows)
				s.reset()
				require.NoError(t, write(db))
				require.NoError(t, ob.Flush(t.Context()))
				require.Len(t, h.lines(), rows)
				assert.Equal(t, []int{rows / 500, rows / 500, 0, 0, 0}, []int{s.keeps, s.looks, s.reads, s.claims, s.gone})
				assert.LessOrEqual(t, s.notes, s.mayNote(rows))
				var open int64
				require.NoError(t, db.Raw("SELECT COUNT(*) FROM signals_outbox WHERE state <> 1").Scan(&open).Error)
				assert.Zero(t, open)
			})
		}
	}
}

func TestATransactionOfManyWritesIsLookedAtInBatches(t *testing.T) {
	t.Parallel()
	db, ob, h, s := counted(t, signals.Plugin{}, outbox.Config{Claim: time.Hour})
	const writes = 1_000
	fill(t, db, 2)
	s.reset()
	var want []string
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		for i := range writes {
			if i%100 == 7 { // rolled back, so no receiver may be called
				require.Error(t, tx.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Model(&Product{ID: 1}).Update("name", "undone").Error)
					return errBoom
				}))
			}
			name := fmt.Sprint("name ", i)
			require.NoError(t, tx.Model(&Product{ID: uint(1 + i%2)}).Update("name", name).Error)
			want = append(want, fmt.Sprintf("updated %d %s", 1+i%2, name))
		}
		return nil
	}))
	assert.Equal(t, want, h.lines(), "two rows with events behind each other, all of this process")
	require.NoError(t, ob.Flush(t.Context()))
	assert.LessOrEqual(t, s.looks, writes/500+1)
	assert.LessOrEqual(t, s.notes, s.mayNote(writes))
	assert.Zero(t, s.gone+s.claims)
}

func TestRunClaimsInBatches(t *testing.T) {
	t.Parallel()
	db, ob, h, s := counted(t, signals.Plugin{Tracking: signals.TrackExplicit}, outbox.Config{Poll: time.Hour, Claim: time.Hour})
	const rows = 10_000
	fill(t, db, rows)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error { // nobody sees the end of this transaction, so all events are left to Run
		return tx.Model(&Product{}).Where("id > 0").Update("price", 7).Error
	}))
	require.Empty(t, h.lines())
	s.reset()
	stop := running(t, ob.Run)
	soon(t, func() bool { return len(h.lines()) == rows }, "all are called")
	stop()
	assert.LessOrEqual(t, s.notes, s.mayNote(rows))
	assert.LessOrEqual(t, s.claims, rows/500+s.mayNote(rows)+20, "more and more at once, as many as are handled in 20 milliseconds")
	assert.LessOrEqual(t, s.reads, 4*(rows/500+s.mayNote(rows)), "some for each batch, and for each look after a note")
	assert.Zero(t, s.gone)
	for _, e := range entries(t, db) {
		require.Equal(t, 1, e.State)
	}
}

func TestAnEventThatIsNotNotedYetHoldsUpNoLaterOneOfItsRow(t *testing.T) {
	t.Parallel()
	db, ob, h, s := counted(t, signals.Plugin{}, outbox.Config{Poll: time.Hour})
	fill(t, db, 1)
	s.reset()
	const writes = 200
	for i := range writes {
		require.NoError(t, db.Model(&Product{ID: 1}).Update("name", fmt.Sprint("name ", i)).Error)
		require.Len(t, h.lines(), i+1, "it is called right after the commit")
	}
	require.NoError(t, ob.Flush(t.Context()))
	assert.LessOrEqual(t, s.notes, s.mayNote(writes))
	assert.Zero(t, s.gone)
	for _, e := range entries(t, db) {
		require.Equal(t, 1, e.State)
	}
}

func TestALoneEventIsNotedBeforeItsWriteReturns(t *testing.T) {
	t.Parallel()
	db, _, h, _ := counted(t, signals.Plugin{}, outbox.Config{})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Len(t, h.lines(), 1)
	assert.Equal(t, 1, entries(t, db)[0].State)
}

func TestWhatIsNotedTogetherIsNotedWithinAMoment(t *testing.T) {
	t.Parallel()
	db, _, _, _ := counted(t, signals.Plugin{}, outbox.Config{})
	for i := range 10 {
		require.NoError(t, db.Create(&Product{Name: fmt.Sprint(i)}).Error)
	}
	soon(t, func() bool {
		return !slices.ContainsFunc(entries(t, db), func(e entry) bool { return e.State != 1 })
	}, "nobody has to ask for it")
}

// unnoted is a trigger that prevents the UPDATE which marks events as done.
const unnoted = "CREATE TRIGGER unnoted BEFORE UPDATE ON signals_outbox WHEN NEW.state = 1 BEGIN SELECT RAISE(ABORT, 'no notes'); END"

func TestANoteThatFailsIsTriedAgainAndNothingIsCalledTwice(t *testing.T) {
	t.Parallel()
	told := &errs{}
	db, ob, h, _ := counted(t, signals.Plugin{}, outbox.Config{ErrorHandler: told.handle, Poll: time.Millisecond})
	require.NoError(t, db.Exec(unnoted).Error)
	running(t, ob.Run)
	fill(t, db, 3)
	for i := range 5 {
		require.NoError(t, db.Model(&Product{}).Where("id > 0").Update("name", gorm.Expr("id || ?", fmt.Sprint(" ", i))).Error)
	}
	require.Len(t, h.lines(), 15, "later events of a row do not wait for a note")
	require.ErrorContains(t, ob.Flush(t.Context()), "no notes")
	require.NoError(t, db.Exec("DROP TRIGGER unnoted").Error)
	soon(t, func() bool {
		return !slices.ContainsFunc(entries(t, db), func(e entry) bool { return e.State != 1 })
	}, "it is tried again")
	assert.Len(t, h.lines(), 15)
	require.NotEmpty(t, told.texts())
	assert.Contains(t, told.texts()[0], "done, but that could not be noted")
}

func TestAfterACrashEventsComeAgainInTheOrderOfTheirRows(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	db := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	search(db, ob, h, nil)
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
	require.NoError(t, ob.Flush(t.Context()))
	require.NoError(t, db.Exec(unnoted).Error) // receivers handle the next events, and the process dies before the outbox marks them
	for _, name := range []string{"c", "d"} {
		require.NoError(t, db.Model(&Product{ID: 1}).Update("name", name).Error)
	}
	require.Equal(t, []string{"created 1 a", "created 2 b", "updated 1 c", "updated 1 d"}, h.lines())
	pool, err := db.DB()
	require.NoError(t, err)
	require.NoError(t, pool.Close())

	other := openAt(t, dsn, &gorm.Config{}, signals.Plugin{})
	require.NoError(t, other.Exec("DROP TRIGGER unnoted").Error)
	due(t, other) // as if the claims had ended
	second := install(t, other, outbox.Config{Poll: time.Millisecond})
	again := &heard{}
	search(other, second, again, nil)
	require.NoError(t, other.Model(&Product{ID: 1}).Update("name", "e").Error)
	running(t, second.Run)
	soon(t, func() bool { return len(again.lines()) == 3 }, "they come again")
	assert.Equal(t, []string{"updated 1 c", "updated 1 d", "updated 1 e"}, again.lines(), "and what was noted does not")
}

func TestTwoProcessesShareWhatWaits(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	var mu sync.Mutex
	calls, inside := map[string]int{}, map[string]bool{}
	both := make(chan struct{})
	connect := func(process string, plugin signals.Plugin) (*gorm.DB, *outbox.Outbox) {
		db := openAt(t, dsn, &gorm.Config{}, plugin, &Product{})
		ob := install(t, db, outbox.Config{Poll: time.Millisecond, Claim: time.Hour})
		signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			mu.Lock()
			assert.False(t, inside[e.Instance.Name], "nobody else runs it")
			inside[e.Instance.Name] = true
			calls[process]++
			if calls[process] == 1 && len(calls) == 2 {
				close(both)
			}
			mu.Unlock()
			<-both // the receiver is slow, so one process alone would not finish
			return nil
		}, outbox.Durable(ob, "search"))
		return db, ob
	}
	db, one := connect("one", signals.Plugin{Tracking: signals.TrackExplicit})
	_, two := connect("two", signals.Plugin{})
	const rows = 300
	products := make([]Product, rows)
	for i := range products {
		products[i].Name = fmt.Sprint(i)
	}
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.Create(&products).Error }))
	running(t, one.Run)
	running(t, two.Run)
	soon(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return calls["one"]+calls["two"] == rows
	}, "both work")
}

func TestAnEventThatFailsInABatchHoldsUpItsRowAlone(t *testing.T) {
	t.Parallel()
	db := openAt(t, file(t), &gorm.Config{}, signals.Plugin{Tracking: signals.TrackExplicit}, &Product{})
	ob := install(t, db, outbox.Config{Poll: time.Millisecond, Backoff: func(int) time.Duration { return 30 * time.Millisecond }})
	const rows, each = 60, 20
	fill(t, db, rows)
	h := &heard{}
	var mu sync.Mutex
	failed := map[string]int{}
	search(db, ob, h, func(line string) error {
		mu.Lock()
		defer mu.Unlock()
		var id, n int
		_, err := fmt.Sscanf(line, "updated %d name %d", &id, &n)
		if err == nil && id%5 == 0 && n%7 == 3 && failed[line] < 2 {
			failed[line]++
			return errBoom
		}
		return err
	})
	for i := range each {
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			return tx.Model(&Product{}).Where("id > 0").Update("name", gorm.Expr("'name ' || ? || ' ' || id", i)).Error
		}))
	}
	running(t, ob.Run)
	soon(t, func() bool { return len(h.lines()) == rows*each }, "all are called")
	next := map[int]int{}
	for _, line := range h.lines() {
		var id, n int
		_, err := fmt.Sscanf(line, "updated %d name %d", &id, &n)
		require.NoError(t, err)
		require.Equal(t, next[id], n, "row %d", id)
		next[id]++
	}
	assert.Len(t, failed, rows/5*3)
}
