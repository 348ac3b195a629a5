package behaviour_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// savepointTexts are statements about savepoints in the forms in which programs write them.
var savepointTexts = []string{ //nolint:gochecknoglobals // of a test
	"SAVEPOINT a", "savepoint b;", "/* first */ SAVEPOINT a -- last", "SAVEPOINT b /*app='shop'*/", `SAVEPOINT "a b"`, "SAVEPOINT `A B`", "SAVEPOINT [b]]",
	"ROLLBACK TO a", "rollback to savepoint b", "ROLLBACK TRANSACTION TO a", "-- now\nROLLBACK TO \"a b\"", "ROLLBACK TO [a b] /*app='shop'*/",
	"RELEASE a", "release savepoint B", "RELEASE `a b`", "SAVEPOINT 'x;y'", "ROLLBACK TO 'X;Y'",
	"ROLLBACK TO nobody", "SAVEPOINT two words",
}

// savepointWays are the ways to execute a text.
var savepointWays = []func(tx *gorm.DB, text string){ //nolint:gochecknoglobals // of a test
	func(tx *gorm.DB, text string) { tx.Exec(text) },
	func(tx *gorm.DB, text string) { tx.Raw(text).Scan(&[]int{}) },
	func(tx *gorm.DB, text string) {
		defer func() { _ = recover() }() // GORM's answer to a text that cannot be prepared is a row without rows
		_ = tx.Raw(text).Row().Scan(new(int))
	},
	func(tx *gorm.DB, text string) {
		rows, err := tx.Raw(text).Rows()
		if err != nil {
			return
		}
		defer rows.Close()
		rows.Next()
	},
	func(tx *gorm.DB, text string) { _, _ = tx.Statement.ConnPool.ExecContext(context.Background(), text) },
	func(tx *gorm.DB, text string) {
		tx.Exec(text + "; INSERT INTO products(name) VALUES ('silent'); SELECT 'ROLLBACK TO a;'")
	},
	func(tx *gorm.DB, text string) { tx.Session(&gorm.Session{DryRun: true}).Exec(text) },
	func(tx *gorm.DB, text string) { tx.Session(&gorm.Session{DryRun: true}).Raw(text).Row() },
}

// FuzzSavepoints runs statements about savepoints in a transaction and rows between them. The rows that are stored in the end are the
// rows that receivers hear of after the commit.
func FuzzSavepoints(f *testing.F) {
	for i := range savepointTexts {
		for way := range savepointWays {
			f.Add([]byte{byte(way), 0, byte(way), byte(i), byte(way), 7, byte(i % 3)})
		}
	}
	f.Add([]byte("several marks, and the same ones again and again"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 40 {
			return
		}
		for _, config := range []*gorm.Config{{}, {PrepareStmt: true}} {
			playSavepoints(t, config, script)
		}
	})
}

func playSavepoints(t *testing.T, config *gorm.Config, script []byte) {
	t.Helper()
	config.AllowGlobalUpdate = true
	db := testkit.OpenWith(t, config, signals.Plugin{}, &Product{})
	var committed, undone []string
	for list, phase := range map[*[]string]signals.ConnectOption{&committed: signals.AfterCommit(), &undone: signals.AfterRollback()} {
		signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			*list = append(*list, e.Instance.Name)
			return nil
		}, phase)
	}
	tx := db.Begin()
	var said []string
	for i := 0; i+1 < len(script); i += 2 {
		text := savepointTexts[int(script[i+1])%len(savepointTexts)]
		if config.PrepareStmt && int(script[i])%len(savepointWays) == 4 {
			continue // it bypasses GORM, and the prepared statement the transaction
		}
		savepointWays[int(script[i])%len(savepointWays)](tx, text)
		name := fmt.Sprint("row ", i)
		require.NoError(t, tx.Create(&Product{Name: name}).Error)
		said = append(said, fmt.Sprint(script[i]%byte(len(savepointWays)), " ", text), name)
	}
	require.NoError(t, tx.Commit().Error)
	var stored []string
	require.NoError(t, db.Model(&Product{}).Where("name LIKE 'row%'").Order("id").Pluck("name", &stored).Error)
	shown := strings.Join(said, "\n")
	assert.Equal(t, fmt.Sprint(stored), fmt.Sprint(committed), shown)
	for _, name := range undone {
		assert.NotContains(t, stored, name, shown)
	}
	assert.Len(t, undone, len(said)/2-len(stored), shown)
}

func TestSavepointsOfOthersTextsAreFollowed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(text string) string{
		"a comment behind": func(text string) string { return text + " /*app='shop'*/" },
		"a comment before": func(text string) string { return "/*app='shop'*/ " + text },
		"a line before":    func(text string) string { return "-- app='shop'\n" + text },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
				t.Helper()
				require.NoError(t, db.Callback().Raw().Before("gorm:raw").Register("commenter", func(tx *gorm.DB) {
					text := change(tx.Statement.SQL.String())
					tx.Statement.SQL.Reset()
					tx.Statement.SQL.WriteString(text)
				}))
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&Product{Name: "kept"}).Error)
					tx.SavePoint("s")
					require.NoError(t, tx.Create(&Product{Name: "gone"}).Error)
					return tx.RollbackTo("s").Error
				}))
				assert.Equal(t, []string{"before saved kept", "undone saved gone", "after saved kept"}, h.take())
			})
		})
	}
}

func TestADryRunOfARollbackDropsNothing(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(tx *gorm.DB){
		"Exec":  func(tx *gorm.DB) { tx.Exec("ROLLBACK TO s") },
		"Scan":  func(tx *gorm.DB) { tx.Raw("ROLLBACK TO s").Scan(&[]int{}) },
		"Row":   func(tx *gorm.DB) { tx.Raw("ROLLBACK TO s").Row() },
		"ToSQL": func(tx *gorm.DB) { tx.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Exec("ROLLBACK TO s") }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
				t.Helper()
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					tx.SavePoint("s")
					require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
					run(tx.Session(&gorm.Session{DryRun: true}))
					return nil
				}))
				assert.Equal(t, []string{"before saved a", "after saved a"}, h.take())
			})
		})
	}
}

// unknownTo opens a database whose errors after the end are noted.
func unknownTo(t *testing.T, config *gorm.Config) (*gorm.DB, *heard, *[]error) {
	t.Helper()
	handled := &[]error{}
	db := testkit.OpenWith(t, config, signals.Plugin{ErrorHandler: func(_ context.Context, err error) { *handled = append(*handled, err) }}, &Product{})
	h := &heard{}
	for name, phase := range map[string]signals.ConnectOption{"committed": signals.AfterCommit(), "undone": signals.AfterRollback()} {
		signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			h.add("%s %s", name, e.Instance.Name)
			return nil
		}, phase)
	}
	return db, h, handled
}

func TestARollbackToAMarkThatNobodyKnowsIsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	db, h, handled := unknownTo(t, &gorm.Config{})
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		raw, ok := signals.SQLTx(tx)
		require.True(t, ok)
		_, err := raw.ExecContext(t.Context(), "SAVEPOINT theirs")
		require.NoError(t, err)
		require.NoError(t, tx.Create(&Product{Name: "doubtful"}).Error)
		require.NoError(t, tx.Exec("ROLLBACK TO theirs").Error)
		return tx.Create(&Product{Name: "certain"}).Error
	}))
	assert.Equal(t, []string{"committed certain"}, h.take())
	require.Len(t, *handled, 1)
	require.ErrorIs(t, (*handled)[0], signals.ErrOutcomeUnknown)
}

// lostAnswers is a pool beneath the plugin that executes a statement and loses the answer.
type lostAnswers struct {
	*sql.DB

	lose string
}

func (p *lostAnswers) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.DB.BeginTx(ctx, opts)
	return &lostAnswersTx{Tx: tx, pool: p}, err
}

type lostAnswersTx struct {
	*sql.Tx

	pool *lostAnswers
}

func (t *lostAnswersTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	result, err := t.Tx.ExecContext(ctx, query, args...)
	if err == nil && strings.HasPrefix(query, t.pool.lose) {
		return nil, errBoom
	}
	return result, err
}

func TestASavepointStatementWhoseAnswerIsLostIsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for lose, want := range map[string]struct {
		heard   []string
		unknown int
	}{
		"ROLLBACK TO": {[]string{"committed a"}, 1},
		"SAVEPOINT":   {[]string{"undone b", "committed a"}, 0}, // the rollback proves that it was set
	} {
		t.Run(lose, func(t *testing.T) {
			t.Parallel()
			plain := testkit.Open(t, &gorm.Config{}, &Product{})
			raw, err := plain.DB()
			require.NoError(t, err)
			plain.ConnPool = &lostAnswers{DB: raw, lose: lose}
			plain.Statement.ConnPool = plain.ConnPool
			var handled []error
			require.NoError(t, plain.Use(signals.Plugin{ErrorHandler: func(_ context.Context, err error) { handled = append(handled, err) }}))
			h := &heard{}
			for name, phase := range map[string]signals.ConnectOption{"committed": signals.AfterCommit(), "undone": signals.AfterRollback()} {
				signals.For[Product](plain).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
					h.add("%s %s", name, e.Instance.Name)
					return nil
				}, phase)
			}
			require.NoError(t, plain.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
				tx.SavePoint("s")
				require.NoError(t, tx.Create(&Product{Name: "b"}).Error)
				tx.RollbackTo("s") // the SQLite driver swallows the error
				return nil
			}))
			assert.Equal(t, want.heard, h.take())
			assert.Len(t, handled, want.unknown)
			assert.EqualValues(t, 1, count[Product](t, plain))
		})
	}
}

func TestARollbackBySQLiteItselfEndsWhatWaits(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(tx *gorm.DB) error{
		"OR ROLLBACK": func(tx *gorm.DB) error {
			return tx.Exec("INSERT OR ROLLBACK INTO products(id, name) VALUES (1, 'twice')").Error
		},
		"a trigger": func(tx *gorm.DB) error { return tx.Exec("INSERT INTO products(name) VALUES ('forbidden')").Error },
		"returning": func(tx *gorm.DB) error {
			return tx.Raw("INSERT INTO products(name) VALUES ('forbidden') RETURNING id").Scan(new(int)).Error
		},
		"a create":  func(tx *gorm.DB) error { return tx.Create(&Product{Name: "forbidden"}).Error },
		"an update": func(tx *gorm.DB) error { return tx.Model(&Product{}).Where("id = 1").Update("name", "forbidden").Error },
		"by a query": func(tx *gorm.DB) error {
			return tx.Raw("INSERT INTO products(name) VALUES ('forbidden') RETURNING id").Row().Scan(new(int))
		},
	} {
		for _, prepare := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " prepared=", prepare), func(t *testing.T) {
				t.Parallel()
				db, h, handled := unknownTo(t, &gorm.Config{PrepareStmt: prepare})
				for _, on := range []string{"INSERT", "UPDATE"} {
					require.NoError(t, db.Exec("CREATE TRIGGER forbid_"+on+" BEFORE "+on+" ON products WHEN NEW.name = 'forbidden' BEGIN SELECT RAISE(ROLLBACK, 'no'); END").Error)
				}
				require.NoError(t, db.Create(&Product{Name: "one"}).Error)
				h.take()
				tx := db.Begin()
				require.NoError(t, tx.Create(&Product{Name: "before"}).Error)
				require.Error(t, fail(tx))
				require.NoError(t, tx.Create(&Product{Name: "behind"}).Error, "SQLite stores it at once")
				require.ErrorContains(t, tx.Commit().Error, "no transaction is active")
				assert.Equal(t, []string{"undone before", "committed behind"}, h.take())
				assert.Empty(t, *handled)
				var stored []string
				require.NoError(t, db.Model(&Product{}).Order("id").Pluck("name", &stored).Error)
				assert.Equal(t, []string{"one", "behind"}, stored)
			})
		}
	}
}

func TestAnOrdinaryErrorLeavesTheTransactionOpen(t *testing.T) {
	t.Parallel()
	db, h, handled := unknownTo(t, &gorm.Config{})
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{ID: 1, Name: "a"}).Error)
		require.Error(t, tx.Create(&Product{ID: 1, Name: "twice"}).Error)
		require.Error(t, tx.Exec("no statement").Error)
		return tx.Create(&Product{Name: "b"}).Error
	}))
	assert.Equal(t, []string{"committed a", "committed b"}, h.take())
	assert.Empty(t, *handled)
}
