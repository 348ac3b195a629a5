package behaviour_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
	"github.com/gorm-signals/signals/signalstest"
)

// changed traces the events of a receiver of post_change with some options.
func changed[M any](db *gorm.DB, opts ...signals.ConnectOption) *trace {
	tr := &trace{}
	signals.For[M](db).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*M]) error {
		tr.add("%v %v", e.Kind, e.Key())
		return nil
	}, opts...)
	return tr
}

// phases are the ways in which a receiver of post_change hears of single writes.
func phases(store signals.Store) map[string][]signals.ConnectOption {
	return map[string][]signals.ConnectOption{
		"at once": nil, "row": {signals.Needs(signals.Row)}, "before the commit": {signals.BeforeCommit()}, "after the commit": {signals.AfterCommit()},
		"net": {signals.AfterCommit(), signals.Net()}, "durable": {signals.Durable(store, "all")},
	}
}

func TestPostChangeTellsWhatBecameOfEveryRow(t *testing.T) {
	t.Parallel()
	all := func(store signals.Store) map[string][]signals.ConnectOption {
		known := phases(store)
		known["keys"] = []signals.ConnectOption{signals.Needs(signals.Keys)}
		known["durable row"] = []signals.ConnectOption{signals.Durable(store, "all"), signals.Needs(signals.Row)}
		return known
	}
	for name := range all(&shelf{}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &shelf{}
			opts := all(store)[name]
			db := open(t, &Page{})
			tr := changed[Page](db, opts...)
			take := func() []string { store.deliver(t); return tr.take() }
			page, draft := Page{Title: "home"}, Page{Title: "draft"}
			require.NoError(t, db.Create(&page).Error)
			require.NoError(t, db.Create(&draft).Error)
			assert.Equal(t, []string{"created 1", "created 2"}, take())
			require.NoError(t, db.Model(&Page{}).Where("1 = 1").Update("views", gorm.Expr("views + 1")).Error)
			assert.Equal(t, []string{"updated 1", "updated 2"}, take())
			require.NoError(t, db.Delete(&Page{}, 1).Error)
			assert.Equal(t, []string{"soft_deleted 1"}, take())
			require.NoError(t, db.Unscoped().Delete(&Page{}, 2).Error)
			assert.Equal(t, []string{"deleted 2"}, take())
			require.NoError(t, db.Unscoped().Model(&page).Update("deleted_at", nil).Error)
			assert.Equal(t, []string{"restored 1"}, take())
			require.NoError(t, db.Model(&page).Update("deleted_at", gorm.Expr("'2026-01-01 00:00:00'")).Error)
			assert.Equal(t, []string{"soft_deleted 1"}, take(), "by an update")
			assert.Len(t, signals.Receivers(db), 1)
		})
	}
}

func TestPostChangeAnswersWhatSaveAndDeleteEventsAnswer(t *testing.T) {
	t.Parallel()
	for name := range phases(&shelf{}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &shelf{}
			opts := phases(store)[name]
			db := open(t, &Order{})
			tr := &trace{}
			signals.For[Order](db).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*Order]) error {
				total := "none"
				old, err := e.Original()
				if old != nil {
					total = fmt.Sprint(old.Total)
				}
				tr.add("%v %s: total %d was %s (%v), changed %t %t, names %v, cascade %t, raw %t, db %t", e.Kind, e.Table(), e.Instance.Total, total, err,
					e.Changed("Total"), e.Changed(), e.UpdateFields(), e.Cascade(), e.Raw(), e.DB() != nil)
				for _, c := range e.Changes() {
					tr.add("  %s: %v -> %v", c.Field, c.Old, c.New)
				}
				return nil
			}, opts...)
			take := func() []string { store.deliver(t); return tr.take() }
			lost, names := "<nil>", "[Total]"
			before := "3"
			switch name {
			case "row":
				lost, before = signals.ErrNotLoaded.Error(), "none"
			case "net":
				names = "[]"
			}
			order := Order{Status: "new", Total: 3}
			require.NoError(t, db.Create(&order).Error)
			assert.Equal(t, []string{
				"created orders: total 3 was none (<nil>), changed true true, names [], cascade false, raw false, db true",
				"  ID: <nil> -> 1", "  Status: <nil> -> new", "  Total: <nil> -> 3",
			}, take())
			require.NoError(t, db.WithContext(signals.Raw(t.Context())).Model(&Order{ID: 1}).Update("total", 4).Error)
			lines := take()
			assert.Equal(t, fmt.Sprintf("updated orders: total 4 was %s (%s), changed true true, names %s, cascade false, raw true, db true", before, lost, names), lines[0])
			assert.Len(t, lines, 2)
			before = "4"
			if name == "row" {
				before = "none"
			}
			require.NoError(t, db.Delete(&Order{}, 1).Error)
			assert.Equal(t, []string{
				fmt.Sprintf("deleted orders: total 4 was %s (%s), changed true true, names [], cascade false, raw false, db true", before, lost),
				"  ID: 1 -> <nil>", "  Status: new -> <nil>", "  Total: 4 -> <nil>",
			}, take())
		})
	}
	var never signals.ChangeEvent[*Order]
	assert.Nil(t, never.Key())
	assert.Nil(t, never.Schema())
	assert.Nil(t, never.DB())
	assert.Empty(t, never.Table())
	assert.False(t, never.Cascade())
	assert.Empty(t, never.Changes())
	assert.Empty(t, never.UpdateFields())
	assert.Equal(t, "no kind", never.Kind.String())
}

func TestPostChangeRunsAmongPostSaveAndPostDeleteInOneOrder(t *testing.T) {
	t.Parallel()
	for name, phase := range map[string][]signals.ConnectOption{"at once": nil, "before the commit": {signals.BeforeCommit()}, "after the commit": {signals.AfterCommit()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Order{})
			tr, orders, all := &trace{}, signals.For[Order](db), signals.Implementing[any](db)
			saved := func(name string, opts ...signals.ConnectOption) {
				orders.PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error { tr.add("%s", name); return nil }, append(opts, phase...)...)
			}
			anyChange := func(name string, opts ...signals.ConnectOption) {
				all.PostChange.Connect(func(context.Context, signals.ChangeEvent[any]) error { tr.add("%s", name); return nil }, append(opts, phase...)...)
			}
			deleted := func(name string, opts ...signals.ConnectOption) {
				all.PostDelete.Connect(func(context.Context, signals.DeleteEvent[any]) error { tr.add("%s", name); return nil }, append(opts, phase...)...)
			}
			saved("save 1")
			anyChange("change 2")
			saved("save 3")
			deleted("delete 4")
			anyChange("change 5")
			deleted("delete 6", signals.Priority(1))
			anyChange("change last", signals.Last())
			saved("save 7")
			require.NoError(t, db.Create(&Order{}).Error)
			assert.Equal(t, []string{"save 1", "change 2", "save 3", "change 5", "save 7", "change last"}, tr.take())
			require.NoError(t, db.Delete(&Order{}, 1).Error)
			assert.Equal(t, []string{"delete 6", "change 2", "delete 4", "change 5", "change last"}, tr.take())
		})
	}
}

func TestPostChangeWithNetIsOneEventForEachRowOfATransaction(t *testing.T) {
	t.Parallel()
	for _, batch := range []bool{false, true} {
		t.Run(fmt.Sprint("batch ", batch), func(t *testing.T) {
			t.Parallel()
			db := open(t, &Page{})
			tr, calls := &trace{}, 0
			note := func(e signals.ChangeEvent[*Page]) {
				tr.add("%v %v %s %d", e.Kind, e.Key(), e.Instance.Title, len(e.Changes()))
			}
			if batch {
				signals.For[Page](db).PostChange.ConnectBatch(func(_ context.Context, events []signals.ChangeEvent[*Page]) error {
					calls++
					for _, e := range events {
						note(e)
					}
					return nil
				}, signals.AfterCommit(), signals.Net())
			} else {
				signals.For[Page](db).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*Page]) error {
					note(e)
					return nil
				}, signals.AfterCommit(), signals.Net())
			}
			require.NoError(t, db.Create(&[]Page{{Title: "a"}, {Title: "b"}, {Title: "c"}, {Title: "d"}}).Error)
			tr.take()
			calls = 0
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				gone := Page{Title: "created and deleted"}
				for _, err := range []error{
					tx.Create(&gone).Error,
					tx.Unscoped().Delete(&gone).Error,
					tx.Create(&Page{ID: 9, Title: "new"}).Error,
					tx.Model(&Page{ID: 9}).Update("title", "newer").Error,
					tx.Model(&Page{ID: 1}).Update("views", 1).Error,
					tx.Unscoped().Delete(&Page{}, 1).Error,
					tx.Model(&Page{ID: 2}).Update("views", 1).Error,
					tx.Model(&Page{ID: 2}).Update("views", 0).Error,
					tx.Model(&Page{ID: 3}).Update("views", 1).Error,
					tx.Delete(&Page{}, 3).Error,
					tx.Delete(&Page{}, 4).Error,
					tx.Unscoped().Model(&Page{ID: 4}).Update("deleted_at", nil).Error,
				} {
					if err != nil {
						return err
					}
				}
				return nil
			}))
			assert.ElementsMatch(t, []string{"created 9 newer 2", "deleted 1 a 2", "soft_deleted 3 c 2"}, tr.take())
			if batch {
				assert.Equal(t, 1, calls)
			}
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Unscoped().Delete(&Page{}, 9).Error; err != nil {
					return err
				}
				return tx.Create(&Page{ID: 9, Title: "again"}).Error
			}))
			assert.Equal(t, []string{"updated 9 again 1"}, tr.take())
		})
	}
}

func TestABatchOfPostChangeHasSavesAndDeletes(t *testing.T) {
	t.Parallel()
	db := open(t, &Page{})
	tr := &trace{}
	signals.For[Page](db).PostChange.ConnectBatch(func(_ context.Context, events []signals.ChangeEvent[*Page]) error {
		var kinds []string
		for _, e := range events {
			_, err := e.Original()
			kinds = append(kinds, fmt.Sprint(e.Kind, " ", e.Key(), " ", len(e.Changes()) > 0, err))
		}
		tr.add("%s", strings.Join(kinds, ", "))
		return nil
	}, signals.AfterCommit())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		for _, err := range []error{
			tx.Create(&[]Page{{Title: "a"}, {Title: "b"}}).Error, tx.Delete(&Page{}, 1).Error, tx.Model(&Page{ID: 2}).Update("views", 5).Error,
			tx.Unscoped().Delete(&Page{}, 2).Error,
		} {
			if err != nil {
				return err
			}
		}
		return nil
	}))
	assert.Equal(t, []string{
		"created 1 true <nil>, created 2 true <nil>, soft_deleted 1 true <nil>, updated 2 true <nil>, deleted 2 true <nil>",
	}, tr.take(), "one call for a transaction")
}

func TestAReceiverOfPostChangeIsOne(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	orders := signals.For[Order](db)
	first := changed[Order](db, signals.UID("all"))
	second := changed[Order](db, signals.UID("all"))
	saved := hearing[Order](db, signals.UID("all"))
	infos := signals.Receivers(db)
	require.Len(t, infos, 2, "the UID was replaced, and that of post_save is another scope")
	assert.Equal(t, []string{"post_save", "post_change"}, []string{infos[0].Signal, infos[1].Signal})
	assert.Equal(t, signals.Original, infos[1].Needs)
	require.NoError(t, db.Create(&Order{ID: 1}).Error)
	require.NoError(t, db.Delete(&Order{}, 1).Error)
	assert.Empty(t, first.take())
	assert.Equal(t, []string{"created 1", "deleted 1"}, second.take())
	require.NoError(t, db.WithContext(signals.Mute(t.Context(), "all")).Create(&Order{ID: 1}).Error)
	require.NoError(t, db.WithContext(signals.Mute(t.Context(), "all")).Delete(&Order{}, 1).Error)
	assert.Empty(t, second.take())
	assert.True(t, orders.PostChange.Disconnect("all"))
	assert.False(t, orders.PostChange.HasReceivers())
	require.NoError(t, db.Create(&Order{ID: 1}).Error)
	assert.Empty(t, second.take())
	assert.Equal(t, []string{"create 1", "create 1"}, saved.take(), "disconnecting touches no receiver of post_save")

	once := changed[Order](db, signals.Once())
	require.NoError(t, db.Delete(&Order{}, 1).Error)
	require.NoError(t, db.Create(&Order{ID: 1}).Error)
	assert.Equal(t, []string{"deleted 1"}, once.take(), "one call for saves and deletes together")
}

func TestPostChangeNarrowedToSavesCostsDeletesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	created, updated := changed[Order](db, signals.OnCreate()), changed[Order](db, signals.OnUpdate())
	paid := changed[Order](db, signals.Becomes("Status", "paid"))
	require.NoError(t, db.Create(&[]Order{{ID: 1}, {ID: 2}}).Error)
	require.NoError(t, db.Model(&Order{ID: 1}).Update("status", "paid").Error)
	sql := recordSQL(db)
	require.NoError(t, db.Where("1 = 1").Delete(&Order{}).Error)
	assert.Equal(t, map[string]int{"DELETE": 1}, sql.kinds())
	assert.Equal(t, []string{"created 1", "created 2"}, created.take())
	assert.Equal(t, []string{"updated 1"}, updated.take())
	assert.Equal(t, []string{"updated 1"}, paid.take())
	total := changed[Order](db, signals.Fields("Total"))
	require.NoError(t, db.Create(&Order{ID: 1}).Error)
	require.NoError(t, db.Model(&Order{ID: 1}).Update("status", "paid").Error)
	require.NoError(t, db.Model(&Order{ID: 1}).Update("total", 1).Error)
	require.NoError(t, db.Delete(&Order{}, 1).Error)
	assert.Equal(t, []string{"created 1", "updated 1", "deleted 1"}, total.take(), "created and deleted rows always count for Fields")
}

func TestPostChangeHearsOfRowsThatGoWithTheirParent(t *testing.T) {
	t.Parallel()
	db := open(t, &Depot{}, &Rack{}, &Crate{})
	tr := &trace{}
	signals.Implementing[any](db).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[any]) error {
		tr.add("%v %s %v %t", e.Kind, e.Schema().Name, e.Key(), e.Cascade())
		return nil
	}, signals.AfterCommit())
	require.NoError(t, db.Create(&Depot{Racks: []Rack{{Crates: []Crate{{}}}}}).Error)
	tr.take()
	require.NoError(t, db.Delete(&Depot{}, 1).Error)
	assert.Equal(t, []string{"deleted Crate 1 true", "deleted Rack 1 true", "deleted Depot 1 false"}, tr.take())
}

func TestAnErrorOfPostChangeRollsTheWriteBack(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	require.NoError(t, db.Create(&Order{}).Error)
	signals.For[Order](db).PostChange.Connect(func(context.Context, signals.ChangeEvent[*Order]) error { return errBoom }, signals.UID("no"))
	for _, err := range []error{db.Create(&Order{}).Error, db.Delete(&Order{}, 1).Error} {
		var failed *signals.ReceiverError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, "post_change", failed.Signal)
		require.ErrorIs(t, err, errBoom)
	}
	assert.Equal(t, int64(1), count[Order](t, db))
}

func TestPostChangeCanBeSentByHandAndHearsWhatIsSentByHand(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	orders := signals.For[Order](db)
	tr := changed[Order](db)
	saved := hearing[Order](db)
	order := &Order{ID: 7}
	for _, kind := range []signals.ChangeKind{signals.Created, signals.Updated, signals.SoftDeleted, signals.Deleted, signals.Restored} {
		require.NoError(t, orders.PostChange.Send(t.Context(), signals.ChangeEvent[*Order]{Instance: order, Kind: kind}))
	}
	assert.Equal(t, []string{"created 7", "updated 7", "soft_deleted 7", "deleted 7", "restored 7"}, tr.take())
	assert.Empty(t, saved.take())
	require.NoError(t, orders.PostSave.Send(t.Context(), signals.SaveEvent[*Order]{Instance: order, Created: true}))
	require.NoError(t, orders.PostDelete.Send(t.Context(), signals.DeleteEvent[*Order]{Instance: order, Soft: true}))
	assert.Equal(t, []string{"created 7", "soft_deleted 7"}, tr.take())
	assert.Equal(t, []string{"create 7"}, saved.take())
	assert.Len(t, orders.PostChange.SendRobust(t.Context(), signals.ChangeEvent[*Order]{Instance: order, Kind: signals.Deleted}), 1)
}

func TestPostChangeSentByHandInATransactionWaitsForItsEnd(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	orders := signals.For[Order](db)
	tr, net := changed[Order](db, signals.AfterCommit()), changed[Order](db, signals.AfterCommit(), signals.Net())
	saved := hearing[Order](db, signals.AfterCommit(), signals.Net())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		for _, kind := range []signals.ChangeKind{signals.Updated, signals.Deleted} {
			require.NoError(t, orders.PostChange.SendIn(tx, signals.ChangeEvent[*Order]{Instance: &Order{ID: 7}, Kind: kind}))
		}
		require.NoError(t, orders.PostChange.SendIn(tx, signals.ChangeEvent[*Order]{Instance: &Order{ID: 8}, Kind: signals.Created}))
		assert.Empty(t, tr.take())
		return nil
	}))
	assert.Equal(t, []string{"updated 7", "deleted 7", "created 8"}, tr.take())
	assert.Equal(t, []string{"created 8"}, net.take(), "nobody knows what row 7 was before")
	assert.Empty(t, saved.take())
}

func TestObserversSeePostChange(t *testing.T) {
	t.Parallel()
	w := &watcher{}
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Observer: w}, &Page{})
	changed[Page](db, signals.UID("at once"))
	changed[Page](db, signals.UID("later"), signals.AfterCommit())
	require.NoError(t, db.Create(&Page{Title: "home"}).Error)
	require.NoError(t, db.Delete(&Page{}, 1).Error)
	lines := make([]string, 0, len(w.steps))
	for _, s := range w.steps {
		line := fmt.Sprint(s.Step, " ", s.Signal, " ", s.Phase)
		if s.Receiver != nil {
			line += " " + s.Receiver.UID
		}
		for _, r := range s.rows {
			line += fmt.Sprint(" ", r.Kind, " ", len(r.Changes))
		}
		lines = append(lines, line)
	}
	assert.Equal(t, []string{
		"waiting post_change after_commit created 2",
		"sending post_change send created 2", "calling post_change send at once created 2",
		"sending post_change after_commit created 2", "calling post_change after_commit later created 2",
		"waiting post_change after_commit soft_deleted 0",
		"sending post_change send soft_deleted 0", "calling post_change send at once soft_deleted 0",
		"sending post_change after_commit soft_deleted 0", "calling post_change after_commit later soft_deleted 0",
	}, lines)
}

func TestCapturedCommitsHaveReceiversOfPostChange(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	tr := changed[Order](db, signals.AfterCommit(), signals.UID("later"))
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		captured := signalstest.CaptureCommit(t, tx)
		require.NoError(t, tx.Create(&Order{}).Error)
		require.NoError(t, tx.Delete(&Order{}, 1).Error)
		assert.Equal(t, []string{"post_change Order to later", "post_change Order to later"}, captured.List())
		captured.Run()
		return errBoom
	}), errBoom)
	assert.Equal(t, []string{"created 1", "deleted 1"}, tr.take())
}

func TestBadOptionsOfPostChangeNameTheCure(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	orders := signals.For[Order](db)
	receive := func(context.Context, signals.ChangeEvent[*Order]) error { return nil }
	for want, opts := range map[string][]signals.ConnectOption{
		"Net goes with AfterCommit": {signals.Net()},
		`did you mean "Status"?`:    {signals.Fields("Statis")},
		"leave both out":            {signals.OnCreate(), signals.OnUpdate()},
	} {
		message := testkit.PanicOf(func() { orders.PostChange.Connect(receive, opts...) })
		assert.Contains(t, message, "signals: Connect to post_change at ")
		assert.Contains(t, message, want)
	}
}
