package dbtest_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// ownDB opens a database of its own, without the plugin. The parameters are added to its DSN.
type ownDB func(t *testing.T, params ...string) *gorm.DB

// truth runs every call on two databases that hold the same, with the plugin and without, and compares what the call
// returns and what is stored then. What is sent must be what changed in the table.
type truth[M any] struct {
	with, plain *gorm.DB
	schema      *schema.Schema
	show        func(*M) string // all columns but update times
	key         func(*M) string
	apart       bool // what is stored differs between the two databases: random keys
	loose       bool // the database keeps rows that it could not be expected to keep
	pre, post   []sent
}

// sent is one event.
type sent struct {
	kind, key, row, original string
	changed                  bool
}

// newTruth makes tables of the models, of which M is the first.
func newTruth[M any](t *testing.T, open ownDB, show func(*M) string, models ...any) *truth[M] {
	t.Helper()
	tr := &truth[M]{with: open(t), plain: open(t), show: show}
	for _, db := range []*gorm.DB{tr.with, tr.plain} {
		require.NoError(t, db.AutoMigrate(append([]any{new(M)}, models...)...))
	}
	tr.listen(t, signals.Plugin{BatchSize: 2})
	return tr
}

func (tr *truth[M]) listen(t *testing.T, plugin signals.Plugin) {
	t.Helper()
	stmt := &gorm.Statement{DB: tr.plain}
	require.NoError(t, stmt.Parse(new(M)))
	tr.schema = stmt.Schema
	tr.key = func(m *M) string {
		var key []string
		for _, f := range tr.schema.PrimaryFields {
			value, _ := f.ValueOf(context.Background(), reflect.ValueOf(m))
			if at, ok := value.(time.Time); ok {
				value = at.UnixNano()
			}
			key = append(key, fmt.Sprint(value))
		}
		return strings.Join(key, "/")
	}
	require.NoError(t, tr.with.Use(plugin))
	save := func(to *[]sent) signals.Receiver[signals.SaveEvent[*M]] {
		return func(_ context.Context, e signals.SaveEvent[*M]) error {
			one := sent{kind: "create", key: tr.key(e.Instance), row: tr.show(e.Instance), changed: e.Changed()}
			if !e.Created {
				original, err := e.Original()
				if err != nil {
					return err
				}
				one.kind, one.original, one.key = "update", tr.show(original), tr.key(original)
			}
			*to = append(*to, one)
			return nil
		}
	}
	remove := func(to *[]sent) signals.Receiver[signals.DeleteEvent[*M]] {
		return func(_ context.Context, e signals.DeleteEvent[*M]) error {
			kind := map[bool]string{true: "soft-delete", false: "delete"}[e.Soft]
			*to = append(*to, sent{kind: kind, key: tr.key(e.Instance), row: tr.show(e.Instance)})
			return nil
		}
	}
	s := signals.For[M](tr.with)
	s.PreSave.Connect(save(&tr.pre))
	s.PostSave.Connect(save(&tr.post))
	s.PreDelete.Connect(remove(&tr.pre))
	s.PostDelete.Connect(remove(&tr.post))
}

// both does something on both databases that is not looked at.
func (tr *truth[M]) both(t *testing.T, do func(db *gorm.DB) *gorm.DB) {
	t.Helper()
	for _, db := range []*gorm.DB{tr.plain, tr.with} {
		require.NoError(t, do(db).Error)
	}
}

// stored returns all rows of a table by key.
func (tr *truth[M]) stored(t *testing.T, db *gorm.DB) map[string]string {
	t.Helper()
	var all []*M
	require.NoError(t, db.Session(&gorm.Session{SkipHooks: true}).Unscoped().Find(&all).Error)
	found := map[string]string{}
	for _, m := range all {
		found[tr.key(m)] = tr.show(m)
	}
	return found
}

// call runs a call on both databases. It returns what was sent after it: "create new", "update old -> new", "delete old".
func (tr *truth[M]) call(t *testing.T, do func(db *gorm.DB) (result *gorm.DB, dest any)) []string {
	t.Helper()
	before := tr.stored(t, tr.with)
	tr.pre, tr.post = nil, nil
	want, wantDest := do(tr.plain)
	got, gotDest := do(tr.with)
	assert.Equal(t, anonymous(want.Error), anonymous(got.Error), "the error is that of the call without the plugin")
	assert.Equal(t, want.RowsAffected, got.RowsAffected, "RowsAffected is that of the call without the plugin")
	after := tr.stored(t, tr.with)
	if !tr.apart {
		assert.Equal(t, wantDest, gotDest, "the caller sees what it sees without the plugin")
		assert.Equal(t, tr.stored(t, tr.plain), after, "what is stored is what is stored without the plugin")
	}
	if got.Error != nil {
		assert.Equal(t, before, after)
		assert.Empty(t, tr.post, "nothing was written")
		return nil
	}
	return tr.compare(t, before, after)
}

// compare compares the post signals with what changed in the table.
func (tr *truth[M]) compare(t *testing.T, before, after map[string]string) []string {
	t.Helper()
	kinds := func(events []sent) []string {
		all := []string{}
		for _, e := range events {
			all = append(all, e.kind)
		}
		return all
	}
	if !tr.loose {
		assert.ElementsMatch(t, kinds(tr.pre), kinds(tr.post), "pre and post come in pairs")
	}
	lines := make([]string, 0, len(tr.post))
	told := map[string]bool{}
	for _, e := range tr.post {
		old, was := before[e.key]
		now, is := after[e.key]
		assert.False(t, told[e.key], "%s is told of once", e.key)
		told[e.key] = true
		switch e.kind {
		case "create":
			assert.True(t, !was && is, "%s was not there before and is now", e.row)
			assert.Equal(t, now, e.row)
			lines = append(lines, "create "+e.row)
		case "update":
			assert.True(t, was, "%s was there before", e.original)
			assert.Equal(t, old, e.original)
			assert.Contains(t, after, e.key)
			assert.Equal(t, now, e.row)
			assert.Equal(t, old != now, e.changed, "Changed is the truth: %s -> %s", old, now)
			lines = append(lines, "update "+e.original+" -> "+e.row)
		default:
			assert.True(t, was && is == (e.kind != "delete"), "%s was there before", e.row)
			assert.Equal(t, old, e.row)
			lines = append(lines, e.kind+" "+e.row)
		}
	}
	for key, now := range after {
		if before[key] != now {
			assert.True(t, told[key], "%s changed from %q and nothing was sent", now, before[key])
		}
	}
	for key, old := range before {
		if _, is := after[key]; !is {
			assert.True(t, told[key], "%s is gone and nothing was sent", old)
		}
	}
	return lines
}

// anonymous returns the text of an error without the name of the database.
func anonymous(err error) string {
	if err == nil {
		return ""
	}
	return regexp.MustCompile(`signals_[a-z0-9]+_\d+`).ReplaceAllString(err.Error(), "test")
}

// clock is the time in both databases.
func clock() time.Time { return time.Date(2024, 5, 17, 8, 30, 15, 123_000_000, time.UTC) }

// onMySQL runs a test on MariaDB, and on MySQL where SIGNALS_TEST_MYSQL_DSN names one, with the two ways of learning keys
// and the two ways of counting rows.
func onMySQL(t *testing.T, test func(t *testing.T, open ownDB)) {
	t.Helper()
	all := slices.DeleteFunc(servers(), func(s server) bool { return s.name != "mariadb" })
	if os.Getenv("SIGNALS_TEST_MYSQL_DSN") != "" {
		all = append(all, server{name: "mysql", make: ownDatabase})
	}
	for _, s := range all {
		s.dsn = cmp.Or(os.Getenv("SIGNALS_TEST_"+strings.ToUpper(s.name)+"_DSN"), s.dsn)
		for _, returning := range []bool{true, false} {
			for _, found := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s returning=%t clientFoundRows=%t", s.name, returning, found), func(t *testing.T) {
					t.Parallel()
					test(t, func(t *testing.T, params ...string) *gorm.DB {
						t.Helper()
						own, ok := s.make(t, s).(*mysql.Dialector)
						require.True(t, ok)
						dsn := own.DSN
						for _, p := range append(params, fmt.Sprint("clientFoundRows=", found)) {
							dsn += map[bool]string{true: "&", false: "?"}[strings.Contains(dsn, "?")] + p
						}
						with := mysql.New(mysql.Config{DSN: dsn, DisableWithReturning: !returning})
						return connect(t, with, &gorm.Config{NowFunc: clock})
					})
				})
			}
		}
	}
}

// Account has three ways to conflict: its key, its mail, and its shop together with its number.
type Account struct {
	ID     uint
	Mail   *string `gorm:"size:60;uniqueIndex"`
	Shop   int     `gorm:"uniqueIndex:shop_number"`
	Number int     `gorm:"uniqueIndex:shop_number"`
	Points int
}

func showAccount(a *Account) string {
	mail := "nil"
	if a.Mail != nil {
		mail = *a.Mail
	}
	return fmt.Sprintf("%d %s %d/%d %d", a.ID, mail, a.Shop, a.Number, a.Points)
}

// accounts makes three accounts.
func accounts(t *testing.T, open ownDB) *truth[Account] {
	t.Helper()
	tr := newTruth(t, open, showAccount)
	tr.both(t, func(db *gorm.DB) *gorm.DB {
		return db.Create(&[]Account{
			{ID: 1, Mail: new("a"), Shop: 1, Number: 1, Points: 10},
			{ID: 2, Mail: new("b"), Shop: 1, Number: 2, Points: 20},
			{ID: 3, Shop: 2, Number: 1, Points: 30},
		})
	})
	return tr
}

func TestMySQLRowsThatKeepTheirValuesHaveTheirPairAndAreNotCreated(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(db *gorm.DB) (*gorm.DB, any){
		"Update": func(db *gorm.DB) (*gorm.DB, any) { a := Account{ID: 1}; return db.Model(&a).Update("points", 10), a },
		"Updates map": func(db *gorm.DB) (*gorm.DB, any) {
			a := Account{ID: 1}
			return db.Model(&a).Updates(map[string]any{"points": 10}), a
		},
		"Updates struct": func(db *gorm.DB) (*gorm.DB, any) {
			a := Account{ID: 1}
			return db.Model(&a).Updates(Account{Points: 10}), a
		},
		"Updates condition": func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Account{}).Where("points = 10").Update("points", 10), nil
		},
		"Update expression": func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&Account{}).Where("id = 1").Update("points", gorm.Expr("points + 0")), nil
		},
		"Save": func(db *gorm.DB) (*gorm.DB, any) {
			a := Account{ID: 1, Mail: new("a"), Shop: 1, Number: 1, Points: 10}
			return db.Save(&a), a
		},
		"Select star": func(db *gorm.DB) (*gorm.DB, any) {
			a := Account{ID: 1, Mail: new("a"), Shop: 1, Number: 1, Points: 10}
			return db.Select("*").Updates(&a), a
		},
		"Save slice": func(db *gorm.DB) (*gorm.DB, any) {
			a := []Account{{ID: 1, Mail: new("a"), Shop: 1, Number: 1, Points: 10}}
			return db.Save(&a), a
		},
		"upsert": func(db *gorm.DB) (*gorm.DB, any) {
			a := Account{ID: 1, Mail: new("a"), Shop: 1, Number: 1, Points: 10}
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&a), a
		},
		"upsert of a column": func(db *gorm.DB) (*gorm.DB, any) {
			a := Account{ID: 1, Shop: 5, Number: 5, Points: 10}
			return db.Clauses(clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"points"})}).Create(&a), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMySQL(t, func(t *testing.T, open ownDB) {
				t.Helper()
				tr := accounts(t, open)
				if name == "upsert of a column" { // whose instance is the caller's struct, not the row
					tr.show = func(a *Account) string { return fmt.Sprint(a.ID, " ", a.Points) }
					assert.Equal(t, []string{"update 1 10 -> 1 10"}, tr.call(t, do))
					return
				}
				assert.Equal(t, []string{"update 1 a 1/1 10 -> 1 a 1/1 10"}, tr.call(t, do))
			})
		})
	}
}
