package e2e_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// item is the model that the writer changes, and that events are about.
type item struct {
	ID   uint   `gorm:"primaryKey;autoIncrement:false"`
	N    int64  // grows with each change of the row, also after deletes
	Mark string `gorm:"size:32"` // of the last change
}

// changed is the payload of events.
type changed struct {
	Item uint
	N    int64
	Mark string
}

// entry is a row of the ledger: one change, written in the transaction of the change. So the ledger shows which changes were committed, even if the
// process died.
type entry struct {
	ID   uint64
	Item uint   `gorm:"uniqueIndex:idx_ledger_place,priority:1"`
	Pos  int64  `gorm:"uniqueIndex:idx_ledger_place,priority:2"` // place in the order of the row's changes
	Mark string `gorm:"size:32"`
	Kind string `gorm:"size:16"`
}

// TableName returns the name of the table.
func (entry) TableName() string { return "ledger" }

// position returns the place of a change in the order of its row's changes. A delete comes after the change whose number it has.
func position(n int64, kind string) int64 {
	if kind == "deleted" {
		return 2*n + 1
	}
	return 2 * n
}

// undone counts changes that were rolled back on purpose. A killed writer may have rolled back further ones.
type undone struct {
	ID    uint64
	Count int
}

// TableName returns the name of the table.
func (undone) TableName() string { return "undone" }

// handled is the row that the consumer writes for an event. ID shows the order of these rows.
type handled struct {
	ID       uint64
	EventID  string `gorm:"index"`
	Subject  string
	Sequence uint64
	Item     uint
	Pos      int64
	Mark     string
	Kind     string
}

// TableName returns the name of the table.
func (handled) TableName() string { return "handled" }

// effect is the row that a durable receiver writes for an event, in the transaction that marks the event as done.
type effect handled

// TableName returns the name of the table.
func (effect) TableName() string { return "effects" }

// placement is the row that a durable receiver of orderPlaced writes, in the transaction that marks the event as done.
type placement handled

// TableName returns the name of the table.
func (placement) TableName() string { return "placements" }

// notice is the row that a receiver on a lane writes. If the process dies, its waiting calls are lost.
type notice handled

// TableName returns the name of the table.
func (notice) TableName() string { return "notices" }

// sqliteOptions let several processes use one file.
const sqliteOptions = "?_journal_mode=wal&_synchronous=normal&_busy_timeout=20000&_txlock=immediate"

// openWriterDB opens the database of the writer.
func openWriterDB(s settings) (*gorm.DB, *outbox.Outbox, error) {
	var dialector gorm.Dialector
	switch s.Kind {
	case "postgres":
		dialector = postgres.Open(s.DSN)
	case "mariadb":
		dialector = mysql.Open(s.DSN)
	default:
		dialector = sqlite.Open(s.DSN + sqliteOptions)
	}
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, nil, err
	}
	if err = db.Use(signals.Plugin{}); err != nil {
		return nil, nil, err
	}
	ob, err := outbox.Install(db, outbox.Config{
		Source: "/e2e", Poll: 50 * time.Millisecond, Claim: 2 * time.Second,
		ErrorHandler: func(_ context.Context, err error) { fmt.Fprintln(os.Stderr, err) },
	})
	return db, ob, err
}

// openConsumerDB opens the database of the consumer.
func openConsumerDB(s settings) (*gorm.DB, error) {
	db, err := gorm.Open(sqlite.Open(s.Consumer+sqliteOptions), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1) // one connection: waiting for it is faster than waiting for the lock of the file
	return db, db.Use(signals.Plugin{})
}

// consumerName is the name of the consumer in JetStream and in the inbox.
const consumerName = "e2e"

// migrate makes the tables of both databases.
func migrate(ctx context.Context, db *gorm.DB, ob *outbox.Outbox, consumer *gorm.DB) error {
	if err := db.AutoMigrate(&item{}, &entry{}, &undone{}, &effect{}, &placement{}, &notice{}); err != nil {
		return err
	}
	if err := ob.Migrate(ctx); err != nil {
		return err
	}
	if err := consumer.AutoMigrate(&handled{}); err != nil {
		return err
	}
	return outbox.NewInbox(consumer, consumerName).Migrate(ctx)
}
