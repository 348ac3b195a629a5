package e2e_test

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

const (
	writers     = 6   // goroutines
	items       = 300 // different rows
	maxFailures = 200 // of one goroutine, in succession
)

// write commits and rolls back changes until the ledger has enough of them.
func write(ctx context.Context, s settings) error {
	db, ob, err := openWriterDB(s)
	if err != nil {
		return err
	}
	connectEffects(db, ob, s)
	stopNotices := connectNotices(db)
	outbox.Publish[item](ob, outbox.Payload(func(i *item) any { return changed{Item: i.ID, N: i.N, Mark: i.Mark} }))
	var made, back int64
	if err = db.Model(&entry{}).Count(&made).Error; err != nil {
		return err
	}
	if err = db.Model(&undone{}).Select("COALESCE(SUM(count), 0)").Scan(&back).Error; err != nil {
		return err
	}
	total := &totals{changes: int64(s.Changes), undone: int64(s.Undone)}
	total.made.Store(made)
	total.back.Store(back)
	var all sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		w := &worker{db: db.WithContext(ctx), total: total, rand: rand.New(rand.NewPCG(s.Seed, uint64(i))), odds: max(400, s.Changes/20)}
		if s.Changes > 0 {
			// A transaction makes about two changes.
			w.pace = 2 * writers * s.Atleast / time.Duration(s.Changes+s.Undone)
		}
		all.Go(func() { errs[i] = w.work() })
	}
	all.Wait()
	return errors.Join(errors.Join(errs...), stopNotices(ctx), ob.Shutdown(ctx))
}

// totals counts the changes of all workers, and knows how many are needed.
type totals struct {
	changes, undone int64
	made, back      atomic.Int64
}

// undo decides whether the next transaction rolls back, so that both numbers are reached at about the same time.
func (t *totals) undo(r *rand.Rand) bool {
	changes, undone := t.changes-t.made.Load(), t.undone-t.back.Load()
	return undone > 0 && r.Int64N(max(changes, 0)+undone) < undone
}

func (t *totals) enough() bool { return t.made.Load() >= t.changes && t.back.Load() >= t.undone }

// worker is one goroutine of the writer.
type worker struct {
	db    *gorm.DB
	total *totals
	rand  *rand.Rand
	pace  time.Duration // the least time of a transaction
	odds  int           // of dying right before or after a commit
}

// errUndo rolls a transaction or a savepoint back.
var errUndo = errors.New("changed my mind")

func (w *worker) work() error {
	ticker := time.NewTicker(max(w.pace, time.Microsecond))
	defer ticker.Stop()
	failures := 0
	for !w.total.enough() {
		<-ticker.C
		err := w.transact()
		if err == nil {
			failures = 0
			continue
		}
		// Deadlocks happen, and two transactions may create one row. The failed one is rolled back, and not counted.
		fmt.Fprintln(os.Stderr, "a transaction failed:", err)
		if failures++; failures == maxFailures {
			return err
		}
	}
	return nil
}

// transact makes a few changes in a transaction, some in savepoints that are rolled back, and commits it or rolls it back.
func (w *worker) transact() error {
	var made, back int
	whole := w.total.undo(w.rand)
	err := w.db.Transaction(func(tx *gorm.DB) error {
		if err := dieAfterCommit(tx, w.odds); err != nil { // before the commit functions of the outbox
			return err
		}
		ids := make([]uint, 1+w.rand.IntN(3))
		for i := range ids {
			ids[i] = 1 + uint(w.rand.IntN(items))
		}
		slices.Sort(ids) // in one order, so that deadlocks are rare
		for _, id := range ids {
			if !w.total.undo(w.rand) {
				n, err := w.change(tx, id)
				if err != nil {
					return err
				}
				made += n
				continue
			}
			n, err := w.savepoint(tx, id)
			if err != nil {
				return err
			}
			back += n
		}
		if whole {
			return errUndo
		}
		dieOnceIn(w.odds)
		return nil
	})
	if errors.Is(err, errUndo) {
		made, back = 0, made+back
		err = w.db.Create(&undone{Count: back}).Error
	}
	if err != nil {
		return err
	}
	w.total.made.Add(int64(made))
	w.total.back.Add(int64(back))
	return nil
}

// savepoint changes a row, rolls back to a savepoint, and returns how many changes that undid.
func (w *worker) savepoint(tx *gorm.DB, id uint) (n int, err error) {
	err = tx.Transaction(func(inner *gorm.DB) error {
		if n, err = w.change(inner, id); err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		return 0, err
	}
	return n, tx.Create(&undone{Count: n}).Error
}

// change changes a row in one of several ways, writes that into the ledger, and returns how many changes there were.
func (w *worker) change(tx *gorm.DB, id uint) (int, error) {
	var row item
	found := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Limit(1).Find(&row, id)
	if found.Error != nil {
		return 0, found.Error
	}
	if found.RowsAffected == 0 {
		return w.create(tx, id)
	}
	mark := cryptorand.Text()
	switch w.rand.IntN(6) {
	case 0: // delete the instance
		return 1, errors.Join(tx.Delete(&row).Error, keep(tx, "deleted", row))
	case 1: // delete by condition
		return 1, errors.Join(tx.Where("id = ?", id).Delete(&item{}).Error, keep(tx, "deleted", row))
	case 2: // save the instance
		row.N++
		row.Mark = mark
		return 1, errors.Join(tx.Save(&row).Error, keep(tx, "updated", row))
	case 3: // several rows in one statement
		return w.update(tx, mark, "id BETWEEN ? AND ?", id, id+2)
	default:
		return w.update(tx, mark, "id = ?", id)
	}
}

func (w *worker) create(tx *gorm.DB, id uint) (int, error) {
	var last int64
	if err := tx.Model(&entry{}).Where("item = ?", id).Select("COALESCE(MAX(pos), 0)").Scan(&last).Error; err != nil {
		return 0, err
	}
	row := item{ID: id, N: last/2 + 1, Mark: cryptorand.Text()}
	if err := tx.Create(&row).Error; err != nil {
		return 0, err
	}
	return 1, keep(tx, "created", row)
}

// update lets the database increment the number, and reads the result.
func (w *worker) update(tx *gorm.DB, mark, where string, vars ...any) (int, error) {
	values := map[string]any{"n": gorm.Expr("n + 1"), "mark": mark}
	if err := tx.Model(&item{}).Where(where, vars...).Updates(values).Error; err != nil {
		return 0, err
	}
	var rows []item
	if err := tx.Where("mark = ?", mark).Find(&rows).Error; err != nil {
		return 0, err
	}
	return len(rows), keep(tx, "updated", rows...)
}

// keep writes changes into the ledger, and sends an event of a custom signal for each.
func keep(tx *gorm.DB, kind string, rows ...item) error {
	entries := make([]entry, len(rows))
	for i, row := range rows {
		entries[i] = entry{Item: row.ID, Pos: position(row.N, kind), Mark: row.Mark, Kind: kind}
	}
	if err := tx.Create(&entries).Error; err != nil {
		return err
	}
	for _, e := range entries {
		if err := orderPlaced.SendIn(tx, order{Item: e.Item, Pos: e.Pos, Mark: e.Mark, Kind: e.Kind}); err != nil {
			return err
		}
	}
	return nil
}
