package faults

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/beside"
)

// Scenario is a typical transaction.
type Scenario struct {
	Name string
	Do   func(db *gorm.DB) error
}

var errUndo = errors.New("undo")

func base(id uint, name string) beside.Base {
	return beside.Base{ID: id, Name: name, Tenant: 1, Price: 5}
}

// Scenarios returns the fourteen of them.
func Scenarios() []Scenario {
	create := func(db *gorm.DB) error { return db.Create(&beside.Item{Base: base(0, "n")}).Error }
	update := func(db *gorm.DB) error {
		return db.Model(&beside.Item{}).Where("price > ?", 10).Update("name", "u").Error
	}
	in := func(body func(tx *gorm.DB) error) func(db *gorm.DB) error {
		return func(db *gorm.DB) error { return signals.Transaction(db, body) }
	}
	return []Scenario{
		{"create", create},
		{"create of a slice", func(db *gorm.DB) error {
			return db.Create(&[]beside.Item{{Base: base(0, "n")}, {Base: base(0, "m")}}).Error
		}},
		{"upsert", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]beside.Item{{Base: base(1, "n")}, {Base: base(20, "m")}}).Error
		}},
		{"save", func(db *gorm.DB) error { return db.Save(&beside.Item{Base: base(2, "n")}).Error }},
		{"save of a new key", func(db *gorm.DB) error { return db.Save(&beside.Item{Base: base(21, "n")}).Error }},
		{"conditional update in batches", update},
		{"conditional delete in batches", func(db *gorm.DB) error { return db.Where("price > ?", 10).Delete(&beside.Item{}).Error }},
		{"soft delete", func(db *gorm.DB) error { return db.Where("id < ?", 4).Delete(&beside.Page{}).Error }},
		{"delete with cascade", func(db *gorm.DB) error { return db.Delete(&beside.Owner{}, 2).Error }},
		{"append of links", func(db *gorm.DB) error {
			return db.Model(&beside.Owner{Base: base(1, "")}).Association("Tags").Append(&beside.Tag{Base: base(3, "t")})
		}},
		{"nested savepoints", in(func(tx *gorm.DB) error {
			if err := create(tx); err != nil {
				return err
			}
			_ = tx.Transaction(func(tx *gorm.DB) error { _ = update(tx); return errUndo })
			return tx.Transaction(func(tx *gorm.DB) error { return tx.Delete(&beside.Item{}, 3).Error })
		})},
		{"two writes in a transaction", in(func(tx *gorm.DB) error {
			if err := update(tx); err != nil {
				return err
			}
			return create(tx)
		})},
		{"a failed write that is not minded", in(func(tx *gorm.DB) error {
			_ = tx.Create(&beside.Item{Base: base(1, "taken")}).Error
			return create(tx)
		})},
		{"functions on commit and on rollback", in(func(tx *gorm.DB) error {
			nothing := func(context.Context) error { return nil }
			if err := errors.Join(signals.OnCommit(tx, nothing), signals.OnRollback(tx, nothing)); err != nil {
				return err
			}
			return create(tx)
		})},
	}
}
