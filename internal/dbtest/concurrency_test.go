package dbtest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/gorm-signals/signals"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Seat is the model of most races.
type Seat struct {
	ID uint
	N  int
}

// Badge is found by its code.
type Badge struct {
	ID   uint
	Code string `gorm:"size:40;uniqueIndex"`
	N    int
}

// connections is how many of them race.
const connections = 8

// race is a database on which several connections write at once. The database itself logs, by CREATE TRIGGER, what really
// happens to the rows; that is what receivers must have been told, no more and no less.
type race struct {
	db        *gorm.DB
	meeting   atomic.Pointer[meeting]
	deadlocks atomic.Int64

	mu    sync.Mutex
	told  []string // post signals of calls that succeeded
	after []string // what AfterCommit receivers heard
}

// heard is what the receivers of one call hear. It travels in the call's context.
type heard struct {
	met         bool
	told, after []string
}

type heardKey struct{}

func heardIn(ctx context.Context) *heard {
	if h, ok := ctx.Value(heardKey{}).(*heard); ok {
		return h
	}
	return &heard{}
}

// meeting holds writes back in pre_save until all have come so far, so that none has seen what another one writes. Where
// they cannot all come, because the database lets one in at a time, it ends by itself.
type meeting struct {
	missing atomic.Int64
	all     chan struct{}
}

func (r *race) meet(ctx context.Context) {
	h, m := heardIn(ctx), r.meeting.Load()
	if m == nil || h.met {
		return
	}
	h.met = true
	if m.missing.Add(-1) == 0 {
		close(m.all)
	}
	select {
	case <-m.all:
	case <-time.After(50 * time.Millisecond):
	}
}

// newRace opens a database for a race, with the plugin or without.
func newRace(t *testing.T, dialector gorm.Dialector, plugged bool, models ...any) *race {
	t.Helper()
	db := connect(t, impatient(dialector), &gorm.Config{TranslateError: true})
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	require.NoError(t, db.AutoMigrate(models...))
	if plugged {
		require.NoError(t, db.Use(signals.Plugin{}))
	}
	return &race{db: db}
}

// logged makes the database log what happens to the rows of a table. An update that changes nothing is none: MySQL's DO
// NOTHING is one.
func (r *race) logged(t *testing.T, table, id, n string) {
	t.Helper()
	statements := []string{"CREATE TABLE race_log (op VARCHAR(10), id BIGINT, n BIGINT)"}
	for op, row := range map[string]string{"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"} {
		note := fmt.Sprintf("INSERT INTO race_log (op, id, n) VALUES ('%s', %s.%s, %[2]s.%[4]s);", strings.ToLower(op), row, id, n)
		when := ""
		if op == "UPDATE" {
			when = fmt.Sprintf("(OLD.%s <> NEW.%[1]s OR OLD.%[2]s <> NEW.%[2]s)", id, n)
		}
		head := fmt.Sprintf("CREATE TRIGGER race_%s AFTER %[1]s ON %[2]s FOR EACH ROW ", op, table)
		switch {
		case r.db.Name() == "postgres":
			statements = append(statements, fmt.Sprintf("CREATE FUNCTION race_%s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s RETURN NULL; END $$", op, note))
			note = fmt.Sprintf("EXECUTE FUNCTION race_%s()", op)
		case r.db.Name() == "mysql" && when != "":
			note, when = fmt.Sprintf("BEGIN IF %s THEN %s END IF; END", when, note), ""
		default:
			note = "BEGIN " + note + " END"
		}
		if when != "" {
			head += "WHEN " + when + " "
		}
		statements = append(statements, head+note)
	}
	for _, statement := range statements {
		require.NoError(t, r.db.Exec(statement).Error)
	}
}

// check requires that receivers were told what the log says.
func (r *race) check(t *testing.T) {
	t.Helper()
	var log []string
	line := "op || ' ' || id || ' ' || n"
	if r.db.Name() == "mysql" {
		line = "CONCAT(op, ' ', id, ' ', n)"
	}
	require.NoError(t, r.db.Table("race_log").Select(line).Scan(&log).Error)
	for name, told := range map[string][]string{"post signals": r.told, "AfterCommit": r.after} {
		assert.Empty(t, without(log, told), "what happened and %s did not tell", name)
		assert.Empty(t, without(told, log), "what %s told and did not happen", name)
	}
}

// without returns the lines that others do not have, or not so often.
func without(lines, others []string) []string {
	times := map[string]int{}
	for _, line := range others {
		times[line]++
	}
	var left []string
	for _, line := range lines {
		if times[line]--; times[line] < 0 {
			left = append(left, line)
		}
	}
	slices.Sort(left)
	return left
}

// hearRace connects receivers to a model.
func hearRace[M any](r *race, show func(*M) string, opts ...signals.ConnectOption) {
	save := func(e signals.SaveEvent[*M]) string {
		return map[bool]string{true: "insert ", false: "update "}[e.Created] + show(e.Instance)
	}
	m := signals.For[M](r.db)
	m.PreSave.Connect(func(ctx context.Context, e signals.SaveEvent[*M]) error { r.meet(ctx); return nil }, opts...)
	m.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*M]) error {
		heardIn(ctx).told = append(heardIn(ctx).told, save(e))
		return nil
	}, opts...)
	m.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*M]) error {
		heardIn(ctx).after = append(heardIn(ctx).after, save(e))
		return nil
	}, append(slices.Clone(opts), signals.AfterCommit())...)
	m.PreDelete.Connect(func(ctx context.Context, e signals.DeleteEvent[*M]) error { r.meet(ctx); return nil }, opts...)
	m.PostDelete.Connect(func(ctx context.Context, e signals.DeleteEvent[*M]) error {
		heardIn(ctx).told = append(heardIn(ctx).told, "delete "+show(e.Instance))
		return nil
	}, opts...)
	m.PostDelete.Connect(func(ctx context.Context, e signals.DeleteEvent[*M]) error {
		heardIn(ctx).after = append(heardIn(ctx).after, "delete "+show(e.Instance))
		return nil
	}, append(slices.Clone(opts), signals.AfterCommit())...)
}

func showSeat(s *Seat) string { return fmt.Sprint(s.ID, " ", s.N) }

// call runs a write, and once more when the database chose it to break a deadlock. It keeps what receivers of the attempt
// that succeeded were told; AfterCommit receivers must have heard of that one alone.
func (r *race) call(t *testing.T, write func(tx *gorm.DB) error) {
	t.Helper()
	var after []string
	for range 50 {
		h := &heard{}
		err := write(r.db.WithContext(context.WithValue(context.Background(), heardKey{}, h)))
		after = append(after, h.after...)
		if transient(err) {
			r.deadlocks.Add(1)
			continue
		}
		if assert.NoError(t, err) {
			r.mu.Lock()
			r.told, r.after = append(r.told, h.told...), append(r.after, after...)
			r.mu.Unlock()
		}
		return
	}
	assert.Fail(t, "50 deadlocks in a row")
}

// addsNoDeadlocks requires that there were no deadlocks with the plugin, unless there are some without. Whether statements that can
// deadlock do so is a matter of chance: the plain ones get many more races to show it.
func (r *race) addsNoDeadlocks(t *testing.T, plain *race, again func(*race)) {
	t.Helper()
	found := r.deadlocks.Load()
	for range 50 {
		if found == 0 || plain.deadlocks.Load() > 0 {
			return
		}
		again(plain)
	}
	assert.Fail(t, "deadlocks with the plugin, none without", "%d of them", found)
}

// transient reports whether an error of the database asks to try again: a deadlock or a serialization failure.
func transient(err error) bool {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	return (errors.As(err, &pg) && slices.Contains([]string{"40001", "40P01"}, pg.Code)) ||
		(errors.As(err, &my) && my.Number == 1213)
}

// round runs a write on all connections at once. With a meeting they have all looked before one of them writes.
func (r *race) round(t *testing.T, meets bool, write func(tx *gorm.DB, g int) error) {
	t.Helper()
	r.meeting.Store(nil)
	if meets && r.db.Name() != "sqlite" {
		m := &meeting{all: make(chan struct{})}
		m.missing.Store(connections)
		r.meeting.Store(m)
	}
	start := make(chan struct{})
	var wg sync.WaitGroup
	for g := range connections {
		wg.Go(func() {
			<-start
			r.call(t, func(tx *gorm.DB) error { return write(tx, g) })
		})
	}
	close(start)
	wg.Wait()
}

// upserts are the ways to write a row whether or not it is stored already.
func upserts() map[string]func(tx *gorm.DB, key uint, n int) error {
	all := clause.OnConflict{UpdateAll: true}
	return map[string]func(tx *gorm.DB, key uint, n int) error{
		"UpdateAll": func(tx *gorm.DB, key uint, n int) error {
			return tx.Clauses(all).Create(&Seat{ID: key, N: n}).Error
		},
		"DoUpdates": func(tx *gorm.DB, key uint, n int) error {
			return tx.Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"n"}),
			}).Create(&Seat{ID: key, N: n}).Error
		},
		"Save": func(tx *gorm.DB, key uint, n int) error { return tx.Save(&Seat{ID: key, N: n}).Error },
		"Save of a slice": func(tx *gorm.DB, key uint, n int) error {
			return tx.Save(&[]Seat{{ID: key, N: n}, {ID: key + 1, N: n}, {ID: key + 2, N: n}}).Error
		},
		"DoNothing": func(tx *gorm.DB, key uint, n int) error {
			return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Seat{ID: key, N: n}).Error
		},
		"DoNothing of a slice": func(tx *gorm.DB, key uint, n int) error {
			return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Seat{{ID: key, N: n}, {ID: key + 1, N: n}}).Error
		},
		"in a transaction": func(tx *gorm.DB, key uint, n int) error {
			return tx.Transaction(func(tx *gorm.DB) error {
				if err := tx.Clauses(all).Create(&Seat{ID: key, N: n}).Error; err != nil {
					return err
				}
				return tx.Clauses(all).Create(&Seat{ID: key + 1, N: n}).Error
			})
		},
		"UpdateAll over a stored row and a new one": func(tx *gorm.DB, key uint, n int) error {
			return tx.Clauses(all).Create(&[]Seat{{ID: 1, N: int(key) + n}, {ID: key, N: n}}).Error
		},
	}
}

// rounds runs rounds of a write on fresh keys.
func (r *race) rounds(t *testing.T, rounds int, write func(tx *gorm.DB, key uint, n int) error) {
	t.Helper()
	for i := range rounds {
		key := uint(100 + 10*i)
		r.round(t, i%4 == 3, func(tx *gorm.DB, g int) error { return write(tx, key, 1+g) })
	}
}

func TestRacingUpsertsOfANewKeySendCreatedOnce(t *testing.T) {
	t.Parallel()
	for needs, opts := range map[string][]signals.ConnectOption{"all": nil, "keys": {signals.Needs(signals.Keys)}} {
		for name, write := range upserts() {
			t.Run(name+" needs "+needs, func(t *testing.T) {
				t.Parallel()
				onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
					t.Helper()
					r := newRace(t, dialector(), true, &Seat{})
					require.NoError(t, r.db.Create(&Seat{ID: 1}).Error)
					r.logged(t, "seats", "id", "n")
					hearRace(r, showSeat, opts...)
					r.rounds(t, 8, write)
					r.check(t)
				})
			})
		}
	}
}

func TestRacingUpsertsByAUniqueColumnSendCreatedOnce(t *testing.T) {
	t.Parallel()
	code := []clause.Column{{Name: "code"}}
	for name, conflict := range map[string]clause.OnConflict{
		"DoUpdates": {Columns: code, DoUpdates: clause.AssignmentColumns([]string{"n"})},
		"DoNothing": {Columns: code, DoNothing: true},
		"any":       {DoNothing: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				r := newRace(t, dialector(), true, &Badge{})
				r.logged(t, "badges", "n", "n")
				hearRace(r, func(b *Badge) string { return fmt.Sprint(b.N, " ", b.N) })
				r.rounds(t, 8, func(tx *gorm.DB, key uint, n int) error {
					return tx.Clauses(conflict).Create(&Badge{Code: fmt.Sprint(key), N: 10*int(key) + n}).Error
				})
				r.check(t)
			})
		})
	}
}
