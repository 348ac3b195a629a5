package dbtest_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// impatient lets PostgreSQL look for deadlocks at once and not after a second, where the user may say so.
func impatient(at gorm.Dialector) gorm.Dialector {
	d, ok := at.(*postgres.Dialector)
	if !ok {
		return at
	}
	quick := postgres.Open(d.DSN + " deadlock_timeout=20ms")
	db, err := gorm.Open(quick, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return at
	}
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
	return quick
}

// ends notes how the transactions that write seats end, as receivers hear it.
type ends struct {
	db *gorm.DB

	mu                sync.Mutex
	committed, undone []string
	handled           []error
}

// hearEnds opens a database with the plugin and connects receivers to the ends of what is written to seats.
func hearEnds(t *testing.T, dialector gorm.Dialector) *ends {
	t.Helper()
	e := &ends{db: connect(t, impatient(dialector), &gorm.Config{})}
	require.NoError(t, e.db.AutoMigrate(&Seat{}))
	require.NoError(t, e.db.Use(signals.Plugin{ErrorHandler: func(_ context.Context, err error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.handled = append(e.handled, err)
	}}))
	note := func(lines *[]string) signals.Receiver[signals.SaveEvent[*Seat]] {
		return func(_ context.Context, s signals.SaveEvent[*Seat]) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			*lines = append(*lines, map[bool]string{true: "insert ", false: "update "}[s.Created]+showSeat(s.Instance))
			return nil
		}
	}
	seats := signals.For[Seat](e.db)
	seats.PostSave.Connect(note(&e.committed), signals.AfterCommit())
	seats.PostSave.Connect(note(&e.undone), signals.AfterRollback())
	return e
}

// are requires what receivers have heard so far of commits and rollbacks, and the errors of ErrorHandler; then it forgets them.
func (e *ends) are(t *testing.T, committed, undone []string, handled ...error) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	assert.ElementsMatch(t, committed, e.committed, "AfterCommit")
	assert.ElementsMatch(t, undone, e.undone, "AfterRollback")
	if assert.Len(t, e.handled, len(handled), "ErrorHandler") {
		for i, err := range handled {
			assert.ErrorIs(t, e.handled[i], err)
		}
	}
	e.committed, e.undone, e.handled = nil, nil, nil
}

// stored requires what the table of seats holds.
func (e *ends) stored(t *testing.T, want ...string) {
	t.Helper()
	var seats []Seat
	require.NoError(t, e.db.Find(&seats).Error)
	lines := []string{}
	for _, s := range seats {
		lines = append(lines, showSeat(&s))
	}
	assert.ElementsMatch(t, want, lines)
}

// onServers is onEach without SQLite, where nothing happens at the same time.
func onServers(t *testing.T, test func(t *testing.T, at gorm.Dialector)) {
	t.Helper()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		at := dialector()
		if at.Name() == "sqlite" {
			t.Skip("SQLite has one writer at a time")
		}
		test(t, at)
	})
}

// crossing runs two transactions that lock two rows in opposite order, until both have succeeded. It returns the errors of
// those that did not.
func crossing(t *testing.T, e *ends, swallow bool) []error {
	t.Helper()
	require.NoError(t, e.db.Create(&[]Seat{{ID: 1}, {ID: 2}}).Error)
	var met, done sync.WaitGroup
	met.Add(2)
	var mu sync.Mutex
	var failed []error
	for g := range uint(2) {
		done.Go(func() {
			for attempt := range 10 {
				err := e.db.Transaction(func(tx *gorm.DB) error {
					more := gorm.Expr("n + 1")
					if err := tx.Create(&Seat{ID: 100 + g}).Error; err != nil {
						return err
					}
					if err := tx.Model(&Seat{ID: 1 + g}).Update("n", more).Error; err != nil {
						return err
					}
					if attempt == 0 {
						met.Done()
						met.Wait()
					}
					err := tx.Model(&Seat{ID: 2 - g}).Update("n", more).Error
					if err != nil {
						mu.Lock()
						failed = append(failed, err)
						mu.Unlock()
						if swallow {
							return nil
						}
					}
					return err
				})
				if err == nil || swallow {
					return
				}
			}
		})
	}
	done.Wait()
	return failed
}

func TestADeadlockIsGORMsErrorAndARetrySendsOnce(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, at gorm.Dialector) {
		t.Helper()
		e := hearEnds(t, at)
		failed := crossing(t, e, false)
		require.NotEmpty(t, failed)
		for _, err := range failed {
			assert.True(t, transient(err), "%T %v", err, err)
		}
		e.stored(t, "1 2", "2 2", "100 0", "101 0")
		for _, line := range e.undone {
			assert.Contains(t, []string{"insert 100 0", "insert 101 0", "update 1 1", "update 2 1"}, line)
		}
		assert.Len(t, e.undone, 2*len(failed), "what the failed ones had written")
		e.undone = nil
		e.are(t, []string{"insert 1 0", "insert 2 0", "insert 100 0", "insert 101 0", "update 1 1", "update 1 2", "update 2 1", "update 2 2"}, nil)
	})
}

func TestADeadlockWhoseErrorIsIgnoredCommitsNothing(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, at gorm.Dialector) {
		t.Helper()
		e := hearEnds(t, at)
		require.Len(t, crossing(t, e, true), 1)
		var seats []Seat
		require.NoError(t, e.db.Where("id >= 100").Find(&seats).Error)
		require.Len(t, seats, 1, "the database rolled the other transaction back")
		created := slices.DeleteFunc(e.committed, func(line string) bool { return line != "insert 100 0" && line != "insert 101 0" })
		assert.Equal(t, []string{fmt.Sprintf("insert %d 0", seats[0].ID)}, created)
	})
}

func TestASerializationFailureIsGORMsErrorAndARetrySendsOnce(t *testing.T) {
	t.Parallel()
	for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprint(level, " at commit ", late), func(t *testing.T) {
				t.Parallel()
				if late && level != sql.LevelSerializable {
					t.Skip("only SERIALIZABLE looks at the commit")
				}
				onServers(t, func(t *testing.T, at gorm.Dialector) {
					t.Helper()
					if at.Name() != "postgres" {
						t.Skip("MySQL has deadlocks instead")
					}
					e := hearEnds(t, at)
					require.NoError(t, e.db.Create(&Seat{ID: 1}).Error)
					e.are(t, []string{"insert 1 0"}, nil)
					interfered := false
					attempt := func(tx *gorm.DB) error {
						var seats []Seat
						if err := tx.Find(&seats).Error; err != nil {
							return err
						}
						if err := tx.Create(&Seat{ID: 100}).Error; err != nil {
							return err
						}
						if !interfered {
							interfered = true
							require.NoError(t, e.db.Transaction(func(tx *gorm.DB) error {
								require.NoError(t, tx.Find(&seats).Error)
								return tx.Save(&Seat{ID: 1, N: 5}).Error
							}, &sql.TxOptions{Isolation: level}))
							e.are(t, []string{"update 1 5"}, nil)
						}
						if late {
							return nil
						}
						return tx.Model(&Seat{}).Where("n >= 0 AND id = 1").Update("n", gorm.Expr("n + 1")).Error
					}
					err := e.db.Transaction(attempt, &sql.TxOptions{Isolation: level})
					require.True(t, transient(err), "%T %v", err, err)
					e.are(t, nil, []string{"insert 100 0"})
					require.NoError(t, e.db.Transaction(attempt, &sql.TxOptions{Isolation: level}))
					if late {
						e.are(t, []string{"insert 100 0"}, nil)
						e.stored(t, "1 5", "100 0")
						return
					}
					e.are(t, []string{"insert 100 0", "update 1 6"}, nil)
					e.stored(t, "1 6", "100 0")
				})
			})
		}
	}
}

func TestATransactionThatThePostgresServerHasGivenUpCommitsNothing(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, at gorm.Dialector) {
		t.Helper()
		if at.Name() != "postgres" {
			t.Skip("other servers go on after an error")
		}
		e := hearEnds(t, at)
		require.Error(t, e.db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Seat{ID: 1}).Error)
			require.Error(t, tx.Create(&Seat{ID: 1}).Error)
			return nil
		}), "COMMIT answers ROLLBACK")
		e.stored(t)
		e.are(t, nil, []string{"insert 1 0"})
	})
}

func TestWritesInAnOldSnapshotSendWhatHappens(t *testing.T) {
	t.Parallel()
	for name, write := range upserts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onServers(t, func(t *testing.T, at gorm.Dialector) {
				t.Helper()
				r := newRace(t, at, true, &Seat{})
				require.NoError(t, r.db.Create(&Seat{ID: 1}).Error)
				r.logged(t, "seats", "id", "n")
				hearRace(r, showSeat)
				for i, own := range []func(tx *gorm.DB) error{
					func(tx *gorm.DB) error { return write(tx, 101, 7) },
					func(tx *gorm.DB) error { return tx.Model(&Seat{}).Where("n > 0").Update("n", gorm.Expr("n + 1")).Error },
					func(tx *gorm.DB) error { return tx.Save(&Seat{ID: 101, N: 9}).Error },
					func(tx *gorm.DB) error { return tx.Where("n > 0").Delete(&Seat{}).Error },
				} {
					r.call(t, func(tx *gorm.DB) error {
						return tx.Transaction(func(tx *gorm.DB) error {
							var seats []Seat
							require.NoError(t, tx.Find(&seats).Error) // from here on the transaction sees what is there now
							r.call(t, func(other *gorm.DB) error { return write(other, 100, 20+10*i) })
							return own(tx)
						})
					})
				}
				r.check(t)
			})
		})
	}
}

func TestRacingUpsertsSendCreatedOnceWhateverTheDriverCounts(t *testing.T) {
	t.Parallel()
	for settings, params := range map[string]string{"matched rows": "clientFoundRows=true", "changed rows": "clientFoundRows=false"} {
		for _, returning := range []bool{false, true} {
			for name, write := range upserts() {
				t.Run(fmt.Sprint(name, ", ", settings, ", returning ", returning), func(t *testing.T) {
					t.Parallel()
					onServers(t, func(t *testing.T, at gorm.Dialector) {
						t.Helper()
						d, ok := at.(*mysql.Dialector)
						if !ok {
							t.Skip("only MySQL has these settings")
						}
						dsn := d.DSN + map[bool]string{true: "&", false: "?"}[strings.Contains(d.DSN, "?")] + params
						r := newRace(t, mysql.New(mysql.Config{DSN: dsn, DisableWithReturning: !returning}), true, &Seat{})
						require.NoError(t, r.db.Create(&Seat{ID: 1}).Error)
						r.logged(t, "seats", "id", "n")
						hearRace(r, showSeat)
						r.rounds(t, 8, write)
						r.check(t)
					})
				})
			}
		}
	}
}
