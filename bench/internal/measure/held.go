package measure

import (
	"errors"
	"runtime"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// Held is how many bytes the library keeps in use for an event that waits for a commit, without the memory that the program itself keeps.
type Held struct {
	One  float64 // for a write of one row
	Bulk float64 // for each row of a write of many
	Copy float64 // the share of the row's copy in both
}

// heldRows is how many rows a transaction inserts, heldBatch how many one statement inserts.
const heldRows, heldBatch = 4000, 1000

// HeldByEvents measures the events of an AfterCommit receiver. The heap is that of the whole process.
func HeldByEvents() (h Held, err error) {
	one := func(tx *gorm.DB) error {
		for range heldRows {
			p := workloads.NewProduct()
			if failed := tx.Create(&p).Error; failed != nil {
				return failed
			}
		}
		return nil
	}
	bulk := func(tx *gorm.DB) error {
		rows := make([]workloads.Product, heldRows)
		return tx.CreateInBatches(&rows, heldBatch).Error
	}
	if h.One, err = heldMore(one); err != nil {
		return h, err
	}
	if h.Bulk, err = heldMore(bulk); err != nil {
		return h, err
	}
	h.Copy = copies()
	return h, nil
}

// heldMore returns how much more memory an insert holds with a receiver than without. The median evens out pools and buffers of the process.
func heldMore(insert func(tx *gorm.DB) error) (float64, error) {
	var more []float64
	for range 7 {
		idle, err := held(workloads.Idle, insert)
		if err != nil {
			return 0, err
		}
		with, err := held(workloads.Signals, insert)
		if err != nil {
			return 0, err
		}
		more = append(more, with-idle)
	}
	return median(more), nil
}

// held returns how many bytes stay in use for each row of a second insert in a transaction: the first one fills buffers that remain.
func held(way string, insert func(tx *gorm.DB) error) (float64, error) {
	all := workloads.All()
	w := all[slices.IndexFunc(all, func(w workloads.Workload) bool { return w.Key() == "W6 null" })]
	t, err := prepare(w, w.Ways[slices.IndexFunc(w.Ways, func(other workloads.Way) bool { return other.Name == way })])
	if err != nil {
		return 0, err
	}
	var before, after uint64
	err = t.env.DB.Transaction(func(tx *gorm.DB) error {
		if failed := insert(tx); failed != nil {
			return failed
		}
		before = inUse()
		failed := insert(tx)
		after = inUse()
		return failed
	})
	return (float64(after) - float64(before)) / heldRows, errors.Join(err, t.env.Close())
}

// copies returns the memory that Go allocates for a copy of a row.
func copies() float64 {
	kept := make([]*workloads.Product, heldRows)
	before := inUse()
	for i := range kept {
		kept[i] = new(workloads.Product)
	}
	bytes := float64(inUse()) - float64(before)
	runtime.KeepAlive(kept)
	return bytes / heldRows
}

// inUse returns the used part of the heap. It collects twice, because values in pools survive one collection.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
