package outbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// maxConsumer is the most bytes that the column holds, lengthOfID the length of the ids that this library makes.
const (
	maxConsumer = 100
	lengthOfID  = 36
)

// Inbox notes which events a consumer has handled, in a table of the consumer's database and in the transaction of their effects. So an event that an
// engine delivers twice has its effect in this database once.
type Inbox struct {
	db        *gorm.DB
	consumer  string
	dropStale bool
}

// InboxOption is an option of [NewInbox].
type InboxOption func(*Inbox)

// DropStale skips an event if the consumer has handled a later one of the same row: the event was requeued, or another process was faster. Handlers
// of one row's events then wait for each other. The table gets one note more for each row.
//
// Use it for saves and deletes, whose rows are locked until the commit. Two open transactions may number events of one custom signal's key, or links
// of one owner, in another order than they commit, and DropStale would skip some. Lock a row of the database first, or leave DropStale out.
func DropStale() InboxOption { return func(i *Inbox) { i.dropStale = true } }

// NewInbox returns the inbox of a consumer. Consumers with different names handle the same events independently. NewInbox panics if db is nil, or if
// the name is empty or longer than 100 bytes.
func NewInbox(db *gorm.DB, consumer string, opts ...InboxOption) *Inbox {
	if db == nil || consumer == "" {
		panic("outbox: NewInbox needs a database and the name of the consumer")
	}
	if len(consumer) > maxConsumer {
		panic(fmt.Sprintf("outbox: the name of a consumer has at most %d bytes, and %q has %d", maxConsumer, consumer, len(consumer)))
	}
	i := &Inbox{db: db, consumer: consumer}
	for _, opt := range opts {
		opt(i)
	}
	return i
}

// handled is a row of the table: a handled event, or with sequence 0 the note that DropStale locks.
type handled struct {
	Consumer  string    `gorm:"primaryKey;size:100;index:idx_signals_inbox_row,priority:1"`
	EventID   string    `gorm:"primaryKey;size:64"`
	Source    string    `gorm:"size:128;index:idx_signals_inbox_row,priority:2"`
	Subject   string    `gorm:"size:512;index:idx_signals_inbox_row,priority:3"`
	Sequence  uint64    `gorm:"index:idx_signals_inbox_row,priority:4"`
	HandledAt time.Time `gorm:"index"`
}

// TableName returns the name of the table.
func (handled) TableName() string { return "signals_inbox" }

// Migrate creates the table signals_inbox, or adds missing columns and indexes.
func (i *Inbox) Migrate(ctx context.Context) error {
	db := i.db.WithContext(ctx)
	if db.Name() == "mysql" {
		db = db.Set("gorm:table_options", "ENGINE=InnoDB CHARSET=utf8mb4 COLLATE=utf8mb4_bin") // names that differ in case are different
	}
	if err := alone(db, handled{}.TableName(), func(tx *gorm.DB) error { return tx.AutoMigrate(&handled{}) }); err != nil {
		return fmt.Errorf("outbox: inbox: %w", err)
	}
	return nil
}

type inboxKey struct{}

// errSkip rolls back the transaction of an event that was handled before, or is stale.
var errSkip = errors.New("outbox: handled before")

// Handle calls h with a message in a transaction, which [InboxTx] and Event.DB return. Handle commits the writes of h there together with the note
// that the message was handled. If h fails, Handle rolls back and returns the error. Handle skips a message that was handled before, and returns nil.
func (i *Inbox) Handle(ctx context.Context, m Message, h Handler) error {
	ctx = actorOf(ctx, m.Extensions)
	db := i.db.WithContext(ctx)
	handle := func(tx *gorm.DB) error {
		if err := i.note(tx, m); err != nil {
			return err
		}
		return h(context.WithValue(ctx, inboxKey{}, tx), m)
	}
	var err error
	if installed(db) {
		err = signals.Transaction(db, handle) // follows the transaction under every Plugin.Tracking, so OnCommit works in it
	} else {
		err = db.Transaction(handle)
	}
	if errors.Is(err, errSkip) {
		return nil
	}
	return err
}

// note writes that a message is handled. It returns errSkip if it was handled before, or is stale.
func (i *Inbox) note(tx *gorm.DB, m Message) error {
	quiet := tx.Session(&gorm.Session{NewDB: true, SkipHooks: true})
	row := &handled{
		Consumer: i.consumer, EventID: eventID(m), Source: short(m.Source, maxSource), Subject: short(m.Subject, maxSubject), Sequence: m.Sequence, HandledAt: tx.NowFunc().UTC(),
	}
	if i.dropStale {
		if err := i.lock(quiet, row); err != nil {
			return err
		}
		var later int64
		err := quiet.Model(&handled{}).Where("consumer = ? AND source = ? AND subject = ? AND sequence > ?", i.consumer, row.Source, row.Subject, m.Sequence).
			Limit(1).Count(&later).Error
		if err != nil {
			return err
		}
		if later > 0 {
			return errSkip
		}
	}
	var ignore clause.Expression = clause.OnConflict{DoNothing: true}
	if tx.Name() == "mysql" {
		ignore = clause.Insert{Modifier: "IGNORE"} // with clientFoundRows, MySQL counts a row that an upsert leaves alone
	}
	created := quiet.Clauses(ignore).Create(row)
	if created.Error == nil && created.RowsAffected == 0 {
		return errSkip
	}
	return created.Error
}

// lock makes the transactions of one row's events wait for each other. Otherwise a transaction could not see that another one handles a later event,
// and the older event would have its effect after it. lock locks a note about the row itself, with sequence 0.
func (i *Inbox) lock(tx *gorm.DB, event *handled) error {
	row := *event
	row.EventID, row.Sequence = digest("row", event.Source, event.Subject), 0
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "consumer"}, {Name: "event_id"}}, DoUpdates: clause.AssignmentColumns([]string{"handled_at"}),
	}).Create(&row).Error
}

// eventID returns the id in the table. Ids of other senders may be longer than the column, and are unique only within their source:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#id
func eventID(m Message) string {
	if len(m.ID) == lengthOfID {
		return m.ID
	}
	return digest("id", m.Source, m.ID)
}

// digest hashes texts into one that fits into the column event_id.
func digest(texts ...string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(texts, "\x00"))))
}

// InboxTx returns a session in the transaction in which [Inbox.Handle] calls a handler, and nil for any other context.
func InboxTx(ctx context.Context) *gorm.DB {
	tx, ok := ctx.Value(inboxKey{}).(*gorm.DB)
	if !ok {
		return nil
	}
	return tx.WithContext(ctx)
}

// Forget deletes the consumer's notes of events that were handled before a time, and returns how many. If the engine delivers such an event again,
// its effect happens again.
func (i *Inbox) Forget(ctx context.Context, before time.Time) (int64, error) {
	tx := i.db.WithContext(ctx).Session(&gorm.Session{SkipHooks: true}).Where("consumer = ? AND handled_at < ?", i.consumer, before.UTC()).Delete(&handled{})
	return tx.RowsAffected, tx.Error
}

// short returns text if the column holds it, and otherwise its digest: different texts stay different.
func short(text string, most int) string {
	if len(text) > most || !utf8.ValidString(text) {
		return digest(text)
	}
	return text
}
