package main

import (
	"context"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"gorm.io/gorm"
)

// Shelf has links to tags.
type Shelf struct {
	ID   uint
	Tags []Tag `gorm:"many2many:bench_shelf_tags"`
}

// Tag is linked to shelves.
type Tag struct {
	ID   uint
	Name string
}

// TableName returns a name that no other program uses in this database.
func (Shelf) TableName() string { return "bench_shelves" }

// TableName returns a name that no other program uses in this database.
func (Tag) TableName() string { return "bench_tags" }

// call is a call whose statements are counted.
type call struct {
	name string
	rows int                               // in the table before the call
	run  func(db *gorm.DB, key uint) error // key is the key of a row
}

// many is the number of rows that calls with a condition write.
const many = 10_000

const (
	insertRow  = "insert a row"
	updateKey  = "update a row by key"
	updateMany = "update 10,000 rows by a condition"
	deleteMany = "delete 10,000 rows by a condition"
	appendLink = "append a many2many link"
)

func calls() []call {
	return []call{
		{insertRow, 0, func(db *gorm.DB, _ uint) error { return db.Create(&Product{Name: "lamp", Price: 30}).Error }},
		{updateKey, 1, func(db *gorm.DB, key uint) error {
			return db.Model(&Product{ID: key}).Update("price", gorm.Expr("price + 1")).Error
		}},
		{updateMany, many, func(db *gorm.DB, _ uint) error {
			return db.Model(&Product{}).Where("name = ?", "lamp").Update("price", gorm.Expr("price + 1")).Error
		}},
		{deleteMany, many, func(db *gorm.DB, _ uint) error { return db.Where("name = ?", "lamp").Delete(&Product{}).Error }},
		{appendLink, 0, func(db *gorm.DB, _ uint) error {
			return db.Model(&Shelf{ID: 1}).Association("Tags").Append(&Tag{Name: "new"})
		}},
	}
}

// listener connects receivers. stop disconnects them.
type listener struct {
	name    string
	connect func(s *shop) (stop func())
}

const (
	toNobody  = "nobody"
	toPost    = "post receivers"
	toPublish = "event published"
	toDurable = "durable receiver"
)

func listeners() []listener {
	return []listener{
		{toNobody, func(*shop) func() { return func() {} }},
		{toPost, looksAfterwards},
		{toPublish, func(s *shop) func() { return outbox.Publish[Product](s.ob) }},
		{toDurable, func(s *shop) func() {
			m := signals.For[Product](s.db)
			saved := m.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, outbox.Durable(s.ob, "bench saved"))
			deleted := m.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil }, outbox.Durable(s.ob, "bench deleted"))
			return func() { saved(); deleted() }
		}},
	}
}

// looksAfterwards connects receivers that only look at written rows.
func looksAfterwards(s *shop) (stop func()) {
	m := signals.For[Product](s.db)
	saved := m.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.Needs(signals.Row))
	deleted := m.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil })
	linked := signals.For[Shelf](s.db).M2MChanged.Connect(func(context.Context, signals.M2MEvent[*Shelf]) error { return nil })
	return func() { saved(); deleted(); linked() }
}
