package behaviour_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// apart runs f on a goroutine that f may end.
func apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// oneConnection returns a database with one connection. A test that leaks it waits for ever.
func oneConnection(t *testing.T, config *gorm.Config, plugin signals.Plugin) *gorm.DB {
	t.Helper()
	db := testkit.OpenWith(t, config, plugin, &Product{}, &Page{})
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	return db
}

// exits is a receiver that ends its goroutine.
func exits(context.Context, signals.SaveEvent[*Product]) error {
	runtime.Goexit()
	return nil
}

func TestAReceiverThatEndsItsGoroutineRollsTheWriteBack(t *testing.T) {
	t.Parallel()
	writes := map[string]func(db *gorm.DB){
		"create":  func(db *gorm.DB) { db.Create(&Product{Name: "a"}) },
		"update":  func(db *gorm.DB) { db.Model(&Product{}).Where("1 = 1").Update("name", "a") },
		"save":    func(db *gorm.DB) { db.Save(&Product{ID: 1, Name: "a"}) },
		"batches": func(db *gorm.DB) { db.CreateInBatches([]Product{{Name: "a"}, {Name: "b"}}, 1) },
		"Begin":   func(db *gorm.DB) { tx := db.Begin(); tx.Create(&Product{Name: "a"}); tx.Commit() },
		"explicit": func(db *gorm.DB) {
			_ = db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "a"}).Error })
		},
		"nested": func(db *gorm.DB) {
			_ = db.Transaction(func(tx *gorm.DB) error {
				return tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "a"}).Error })
			})
		},
		"in a receiver": func(db *gorm.DB) { db.Create(&Page{Title: "a"}) },
	}
	for name, write := range writes {
		for phase, options := range map[string][]signals.ConnectOption{"send": nil, "before commit": {signals.BeforeCommit()}} {
			t.Run(name+" "+phase, func(t *testing.T) {
				t.Parallel()
				for mode, config := range map[string]*gorm.Config{"default": {}, "PrepareStmt": {PrepareStmt: true}} {
					db := oneConnection(t, config, signals.Plugin{})
					require.NoError(t, db.Create(&Product{ID: 1, Name: "old"}).Error)
					h := &heard{}
					signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
						h.add("undone")
						return e.DB().First(&Product{}).Error
					}, signals.AfterRollback())
					signals.For[Page](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Page]) error {
						return e.DB().Create(&Product{Name: "by a receiver"}).Error
					})
					off := signals.For[Product](db).PostSave.Connect(exits, options...)
					apart(func() { write(db) })
					off()
					undone := h.take()
					require.NotEmpty(t, undone, mode)
					assert.Len(t, undone, map[bool]int{true: 2, false: 1}[name == "batches" && options != nil], mode)
					var names []string
					require.NoError(t, db.Model(&Product{}).Pluck("name", &names).Error)
					assert.Equal(t, []string{"old"}, names, mode)
					assert.Zero(t, count[Page](t, db), mode)
				}
			})
		}
	}
}

func TestAReceiverThatEndsItsGoroutineAfterTheEndKeepsNoOtherFromRunning(t *testing.T) {
	t.Parallel()
	for name, phase := range map[string]signals.ConnectOption{"commit": signals.AfterCommit(), "rollback": signals.AfterRollback()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handled := &heard{}
			db := oneConnection(t, &gorm.Config{}, signals.Plugin{ErrorHandler: func(_ context.Context, err error) { handled.add("%v", err) }})
			h := &heard{}
			note := func(name string) signals.Receiver[signals.SaveEvent[*Product]] {
				return func(_ context.Context, e signals.SaveEvent[*Product]) error {
					h.add("%s %s", name, e.Instance.Name)
					return nil
				}
			}
			products := signals.For[Product](db)
			products.PostSave.Connect(note("first"), phase)
			products.PostSave.Connect(exits, phase)
			products.PostSave.Connect(note("last"), phase)
			products.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
				h.add("batch of %d", len(events))
				return nil
			}, phase)
			if name == "commit" {
				products.PostSave.Connect(note("net"), phase, signals.Net())
			}
			apart(func() {
				_ = db.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
					ends := func(context.Context) error { runtime.Goexit(); return nil }
					require.NoError(t, signals.OnCommit(tx, ends))
					require.NoError(t, signals.OnRollback(tx, ends))
					if name == "rollback" {
						return errBoom
					}
					return nil
				})
			})
			want := []string{"first a", "first b", "last a", "last b", "batch of 2", "net a", "net b"}
			if name == "rollback" {
				want = []string{"batch of 2", "last b", "first b", "last a", "first a"}
			}
			assert.Equal(t, want, h.take())
			assert.Len(t, handled.take(), 3, "two events and a function")
			assert.EqualValues(t, map[string]int{"commit": 2}[name], count[Product](t, db), "the connection is free")
		})
	}
}
