package dbtest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// noted opens a database with terms that somebody listens to, and returns the log of its statements.
func noted(t *testing.T, open ownDB) (*gorm.DB, *statements) {
	t.Helper()
	db := open(t)
	require.NoError(t, db.AutoMigrate(&Term{}))
	require.NoError(t, db.Use(signals.Plugin{}))
	signals.For[Term](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Term]) error { return nil })
	log := &statements{Interface: logger.Discard}
	return db.Session(&gorm.Session{Logger: log}), log
}

// take returns the statements since the last time that begin with a word.
func (s *statements) take(word string) []string {
	some := slices.DeleteFunc(s.sql, func(sql string) bool { return !strings.HasPrefix(sql, word) })
	s.sql = nil
	return some
}

// TestAnInsertThatTheDatabaseRefusesRunsOnce has values that look like the number of another error or like the words of one.
func TestAnInsertThatTheDatabaseRefusesRunsOnce(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		db, log := noted(t, open)
		shortOnly := clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"short"})}
		for _, short := range []string{"1064", "1235", "syntax", "unsupported", "not supported", "a := b"} {
			require.NoError(t, db.Create(&[]Term{{Word: short, Short: short}, {Word: "w" + short, Short: "s" + short}}).Error)
			log.take("")
			err := db.Clauses(shortOnly).Create(&Term{Word: "w" + short, Short: short}).Error
			require.ErrorContains(t, err, "Duplicate entry '"+short+"'")
			inserts := log.take("INSERT")
			assert.Len(t, inserts, 1, short)
			assert.Contains(t, inserts[0], "@signals_found", short)
		}
	})
}

func TestAConnectionThatIsLostDoesNotEndTheNotesOfTheNextUpsert(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		db, log := noted(t, open)
		errLost := errors.New("invalid connection")
		lost, begun := true, 0
		require.NoError(t, db.Callback().Raw().Before("gorm:raw").Register("lose", func(tx *gorm.DB) {
			if strings.HasPrefix(tx.Statement.SQL.String(), "DO @signals_found") {
				if begun++; lost {
					_ = tx.AddError(errLost)
				}
			}
		}))
		usesOnly := clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"uses"})}
		err := db.Clauses(usesOnly).Create(&Term{Word: "a", Short: "a"}).Error
		if begun > 0 {
			require.ErrorIs(t, err, errLost)
		} else {
			require.NoError(t, err, "MariaDB returns what it finds")
		}
		lost = false
		log.take("")
		require.NoError(t, db.Clauses(usesOnly).Create(&Term{Word: "b", Short: "b"}).Error)
		inserts := log.take("INSERT")
		require.Len(t, inserts, 1)
		assert.Contains(t, inserts[0], "@signals_found")
	})
}
