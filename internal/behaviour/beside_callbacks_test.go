package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// removable are GORM's callbacks without which it still creates, updates and deletes rows.
func removable() map[string][]string {
	return map[string][]string{
		"create": {
			"gorm:begin_transaction", "gorm:before_create", "gorm:save_before_associations", "gorm:save_after_associations", "gorm:after_create",
			"gorm:commit_or_rollback_transaction",
		},
		"update": {
			"gorm:begin_transaction", "gorm:before_update", "gorm:save_before_associations",
			"gorm:save_after_associations", "gorm:after_update", "gorm:commit_or_rollback_transaction",
		},
		"delete": {
			"gorm:begin_transaction", "gorm:before_delete", "gorm:delete_before_associations", "gorm:after_delete",
			"gorm:commit_or_rollback_transaction",
		},
	}
}

// kindsOfStatements are GORM's lists of callbacks with the callback that runs the statement.
func kindsOfStatements() map[string]string {
	return map[string]string{"create": "gorm:create", "update": "gorm:update", "delete": "gorm:delete"}
}

func removeCallback(tb testing.TB, db *gorm.DB, kind, name string) {
	tb.Helper()
	all := db.Callback()
	remove := map[string]func(string) error{
		"create": all.Create().Remove, "update": all.Update().Remove, "delete": all.Delete().Remove,
	}
	require.NoError(tb, remove[kind](name))
}

// removals lists what a program may remove: each callback alone, begin and commit together, and all of them.
func removals() map[string]map[string][]string {
	sets := map[string]map[string][]string{"everything": removable()}
	transactions := map[string][]string{}
	for kind, names := range removable() {
		transactions[kind] = []string{"gorm:begin_transaction", "gorm:commit_or_rollback_transaction"}
		for _, name := range names {
			if !strings.HasSuffix(name, "_transaction") {
				sets[kind+" without "+name] = map[string][]string{kind: {name}}
			}
		}
	}
	sets["transactions"] = transactions
	return sets
}

func TestRemovedCallbacksOfGORMSilenceNothing(t *testing.T) {
	t.Parallel()
	for name, set := range removals() {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s after Use %t", name, after), func(t *testing.T) {
				t.Parallel()
				db := testkit.Open(t, &gorm.Config{}, &Product{})
				if after {
					require.NoError(t, db.Use(signals.Plugin{}))
				}
				for kind, names := range set {
					for _, name := range names {
						removeCallback(t, db, kind, name)
					}
				}
				if !after {
					require.NoError(t, db.Use(signals.Plugin{}))
				}
				writesProducts(t, db)
			})
		}
	}
}

// writesProducts creates, updates and deletes a product, and compares what its receivers hear and see stored.
func writesProducts(t *testing.T, db *gorm.DB) {
	t.Helper()
	var heard []string
	note := func(name string, e interface{ DB() *gorm.DB }) error {
		var stored []string
		err := e.DB().Table("products").Pluck("name", &stored).Error
		heard = append(heard, fmt.Sprint(name, stored))
		return err
	}
	p := signals.For[Product](db)
	p.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error { return note("pre_save", e) })
	p.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error { return note("post_save", e) })
	p.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error { return note("pre_delete", e) })
	p.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error { return note("post_delete", e) })
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Model(&Product{ID: 1}).Update("name", "b").Error)
	require.NoError(t, db.Save(&Product{ID: 1, Name: "c"}).Error)
	require.NoError(t, db.Where("name = ?", "c").Delete(&Product{}).Error)
	assert.Equal(t, []string{
		"pre_save[]", "post_save[a]", "pre_save[a]", "post_save[b]", "pre_save[b]", "post_save[c]", "pre_delete[c]", "post_delete[]",
	}, heard)
}

func TestReplacedCallbacksOfGORMSilenceNothing(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprint("after Use ", after), func(t *testing.T) {
			t.Parallel()
			db := testkit.Open(t, &gorm.Config{}, &Product{})
			if after {
				require.NoError(t, db.Use(signals.Plugin{}))
			}
			all := db.Callback()
			for name, replace := range map[string]func(string, func(*gorm.DB)) error{
				"gorm:create": all.Create().Replace, "gorm:update": all.Update().Replace, "gorm:delete": all.Delete().Replace,
			} {
				get := map[string]func(string) func(*gorm.DB){
					"gorm:create": all.Create().Get, "gorm:update": all.Update().Get, "gorm:delete": all.Delete().Get,
				}
				require.NoError(t, replace(name, get[name](name)))
			}
			if !after {
				require.NoError(t, db.Use(signals.Plugin{}))
			}
			writesProducts(t, db)
		})
	}
}

func TestUseRefusesADatabaseThatCannotWrite(t *testing.T) {
	t.Parallel()
	for kind, main := range kindsOfStatements() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := testkit.Open(t, &gorm.Config{}, &Product{})
			removeCallback(t, db, kind, main)
			require.ErrorContains(t, db.Use(signals.Plugin{}), "the program has removed GORM's callback "+main)
		})
	}
}

// errorLog keeps the errors that GORM logs.
type errorLog struct {
	logger.Interface

	mu     sync.Mutex
	errors []string
}

func (l *errorLog) Error(_ context.Context, text string, values ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors = append(l.errors, fmt.Sprintf(text, values...))
}

func TestAStatementThatLosesItsCallbackAfterUseSendsNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	log := &errorLog{Interface: logger.Discard}
	db := testkit.OpenWith(t, &gorm.Config{Logger: log}, signals.Plugin{}, &Product{})
	heard := traceProducts(db)
	create := db.Callback().Create().Get("gorm:create")
	removeCallback(t, db, "create", "gorm:create")
	require.Len(t, log.errors, 1)
	assert.Contains(t, log.errors[0], "the program has removed GORM's callback gorm:create after db.Use")

	// One in a place that the plugin cannot surround works as it does without the plugin.
	require.NoError(t, db.Callback().Create().Before("gorm:save_after_associations").Register("gorm:create", create))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	var n int64
	require.NoError(t, db.Model(&Product{}).Count(&n).Error)
	assert.EqualValues(t, 1, n)
	assert.Empty(t, heard.take())
	require.NoError(t, db.Model(&Product{ID: 1}).Update("name", "b").Error)
	assert.Equal(t, []string{"pre_save update 1 b 0", "post_save update 1 b 0"}, heard.take())
	assert.Len(t, log.errors, 1)
}

// others registers callbacks of another plugin around each of GORM's, at both ends, and around the plugin's own if they are there.
func others(tb testing.TB, db *gorm.DB, ran *[]string) {
	tb.Helper()
	all := db.Callback()
	note := func(name string) func(*gorm.DB) { return func(*gorm.DB) { *ran = append(*ran, name) } }
	var errs []error
	for kind, names := range removable() {
		names = append(names, "*", kindsOfStatements()[kind])
		if all.Create().Get("signals:post_create") != nil {
			names = append(names, "signals:pre_"+kind, "signals:post_"+kind)
		}
		for _, name := range names {
			before, after := "other:before:"+name, "other:after:"+name
			switch kind {
			case "create":
				errs = append(errs, all.Create().Before(name).Register(before, note(before)), all.Create().After(name).Register(after, note(after)))
			case "update":
				errs = append(errs, all.Update().Before(name).Register(before, note(before)), all.Update().After(name).Register(after, note(after)))
			default:
				errs = append(errs, all.Delete().Before(name).Register(before, note(before)), all.Delete().After(name).Register(after, note(after)))
			}
		}
	}
	require.NoError(tb, errors.Join(errs...))
}

func TestSignalsKeepTheirPlacesBesideCallbacksOfOthers(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		for _, order := range []string{"before Use", "after Use"} {
			t.Run(fmt.Sprint(order, " without transactions ", skip), func(t *testing.T) {
				t.Parallel()
				db := testkit.Open(t, &gorm.Config{SkipDefaultTransaction: skip}, &Product{})
				var ran []string
				if order == "before Use" {
					others(t, db, &ran)
				}
				require.NoError(t, db.Use(signals.Plugin{}))
				if order == "after Use" {
					others(t, db, &ran)
				}
				writesProducts(t, db)
				assert.NotEmpty(t, ran)
				failsInPostSave(t, db, skip)
			})
		}
	}
}

// failsInPostSave sees that post_save runs before the commit.
func failsInPostSave(t *testing.T, db *gorm.DB, skip bool) {
	t.Helper()
	refused := errors.New("refused")
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.Name == "refused" {
			return refused
		}
		return nil
	})
	require.ErrorIs(t, db.Create(&Product{Name: "refused"}).Error, refused)
	var n int64
	require.NoError(t, db.Model(&Product{}).Count(&n).Error)
	assert.Equal(t, skip, n == 1, "%d rows", n)
}
