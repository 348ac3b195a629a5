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

// maxConsumer is what the table has room for, and lengthOfID the length of the ids that this library gives.
const (
	maxConsumer = 100
	lengthOfID  = 36
)

// Inbox remembers on the consumer's database which events a consumer has handled, in the transaction of what it did for them. So
// an event that an engine delivers twice has its effect there once.
type Inbox struct {
	db        *gorm.DB
	consumer  string
	dropStale bool
}

// InboxOption is an option of NewInbox.
type InboxOption func(*Inbox)

// DropStale leaves out events that are older than one of the same row that was handled before: a requeued one, or one that
// several consumers have overtaken. Events of one row then wait for each other, whoever handles them.
func DropStale() InboxOption { return func(i *Inbox) { i.dropStale = true } }

// NewInbox returns the inbox of a consumer. Consumers of different names handle the same events independently.
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

// handled is a row of the inbox.
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

// Migrate creates the table signals_inbox.
func (i *Inbox) Migrate(ctx context.Context) error {
	db := i.db.WithContext(ctx)
	if db.Name() == "mysql" {
		db = db.Set("gorm:table_options", "ENGINE=InnoDB CHARSET=utf8mb4 COLLATE=utf8mb4_bin") // names that differ in case are two
	}
	if err := alone(db, handled{}.TableName(), func(tx *gorm.DB) error { return tx.AutoMigrate(&handled{}) }); err != nil {
		return fmt.Errorf("outbox: inbox: %w", err)
	}
	return nil
}

type inboxKey struct{}

// errSkip ends the transaction of an event that is not to be handled.
var errSkip = errors.New("outbox: handled before")

// Handle calls h once for a message, in a transaction that Event.DB and InboxTx give: what h writes there and the note that the
// message was handled are committed together. A message that was handled before is left out, without an error.
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
		err = signals.Transaction(db, handle) // in which OnCommit works, whatever is tracked
	} else {
		err = db.Transaction(handle)
	}
	if errors.Is(err, errSkip) {
		return nil
	}
	return err
}

// note writes that a message is handled. It fails with errSkip when it was before, or comes too late.
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
		ignore = clause.Insert{Modifier: "IGNORE"} // with clientFoundRows, an upsert counts a row that it leaves alone
	}
	created := quiet.Clauses(ignore).Create(row)
	if created.Error == nil && created.RowsAffected == 0 {
		return errSkip
	}
	return created.Error
}

// lock lets the events of one row wait for each other until the transaction ends: what another one does at the same time is not seen
// yet, and an older event would have its effect after a later one. It locks a note about the row itself, which has no sequence.
func (i *Inbox) lock(tx *gorm.DB, event *handled) error {
	row := *event
	row.EventID, row.Sequence = digest("row", event.Source, event.Subject), 0
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "consumer"}, {Name: "event_id"}}, DoUpdates: clause.AssignmentColumns([]string{"handled_at"}),
	}).Create(&row).Error
}

// eventID names an event. The ids of other senders may be longer than the table has room for, and are unique within their source alone:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#id
func eventID(m Message) string {
	if len(m.ID) == lengthOfID {
		return m.ID
	}
	return digest("id", m.Source, m.ID)
}

// digest makes one text of several, short enough for an event_id.
func digest(texts ...string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(texts, "\x00"))))
}

// InboxTx returns a session in the transaction of the inbox that a handler runs in, nil when there is none.
func InboxTx(ctx context.Context) *gorm.DB {
	tx, ok := ctx.Value(inboxKey{}).(*gorm.DB)
	if !ok {
		return nil
	}
	return tx.WithContext(ctx)
}

// Forget deletes the notes of events that were handled before a time. An engine must not deliver them any more.
func (i *Inbox) Forget(ctx context.Context, before time.Time) (int64, error) {
	tx := i.db.WithContext(ctx).Session(&gorm.Session{SkipHooks: true}).Where("consumer = ? AND handled_at < ?", i.consumer, before.UTC()).Delete(&handled{})
	return tx.RowsAffected, tx.Error
}

// short returns a text that the table has room for: what other senders make longer is told apart all the same.
func short(text string, most int) string {
	if len(text) > most || !utf8.ValidString(text) {
		return digest(text)
	}
	return text
}
