// Package conformance holds promises of the library as cases and scripts that run on any database.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Note is the model that the scripts write.
type Note struct {
	ID   uint
	Text string
}

var errUndo = errors.New("undo")

// Transactions runs scripts of transactions on one database. After every step it compares the events of deferred receivers with those that a model
// predicts.
type Transactions struct {
	db    *gorm.DB
	mu    sync.Mutex
	heard []string
}

// NewTransactions connects receivers to the notes of a database with the plugin, and creates their table.
func NewTransactions(tb testing.TB, db *gorm.DB) *Transactions {
	tb.Helper()
	require.NoError(tb, db.AutoMigrate(&Note{}))
	t := &Transactions{db: db}
	notes := signals.For[Note](db)
	saved := func(phase string) signals.Receiver[signals.SaveEvent[*Note]] {
		return func(_ context.Context, e signals.SaveEvent[*Note]) error { return t.hear(phase + e.Instance.Text) }
	}
	deleted := func(phase string) signals.Receiver[signals.DeleteEvent[*Note]] {
		return func(_ context.Context, e signals.DeleteEvent[*Note]) error {
			return t.hear(phase + "-" + e.Instance.Text)
		}
	}
	notes.PostSave.Connect(saved("+"), signals.AfterCommit())
	notes.PostSave.Connect(saved("undone "), signals.AfterRollback())
	notes.PostDelete.Connect(deleted("+"), signals.AfterCommit())
	notes.PostDelete.Connect(deleted("undone "), signals.AfterRollback())
	return t
}

func (t *Transactions) hear(line string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard = append(t.heard, line)
	return nil
}

// script is one run.
type script struct {
	*Transactions

	tb     testing.TB
	tx     *gorm.DB
	cancel context.CancelFunc
	undone chan struct{} // closed when the rollback functions of tx have run
	n      int           // number of writes so far
	rows   []string      // texts in the table, as the current transaction sees them
	before []string      // rows when the transaction began
	want   []string
	scopes []scope // the transaction and its open savepoints, innermost last
	cut    []event // events that rollbacks to savepoints have undone
	queued int     // number of events so far, for their order
}

// scope is a savepoint, or the transaction itself.
type scope struct {
	name   string
	events []event
	rows   []string // at its beginning
}

// event is an event that waits, with its number: one row can be deleted twice, if the first delete is rolled back.
type event struct {
	seq  int
	text string
}

// queue numbers an event.
func (s *script) queue(text string) event {
	s.queued++
	return event{seq: s.queued, text: text}
}

// Run runs a script: every byte is a step.
func (t *Transactions) Run(tb testing.TB, steps []byte) {
	tb.Helper()
	require.NoError(tb, t.db.Session(&gorm.Session{SkipHooks: true, AllowGlobalUpdate: true}).Delete(&Note{}).Error)
	t.heard = nil
	s := &script{Transactions: t, tb: tb}
	for i, step := range steps {
		s.step(step)
		s.check(fmt.Sprintf("after step %d of %v", i, steps[:i+1]))
	}
	if s.tx != nil {
		s.end(false)
		s.check("at the end")
	}
}

func (s *script) check(when string) {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(s.tb, s.want, s.heard, when)
}

// step runs one step. It skips a step that is impossible now.
func (s *script) step(b byte) {
	s.tb.Helper()
	name := []string{"one", "two"}[b>>4&1]
	switch b & 15 {
	case 0, 1, 2:
		s.create()
	case 3:
		s.update()
	case 4:
		s.remove()
	case 5:
		s.begin()
	case 6:
		s.savepoint(name, b>>5&1 == 1)
	case 7:
		s.rollbackTo(name, b>>5&1 == 1)
	case 8:
		s.release(name)
	case 9:
		s.end(true)
	case 10:
		s.end(false)
	case 11:
		s.nested(nil)
	case 12:
		s.nested(errUndo)
	case 13:
		s.functions()
	case 14:
		s.cancelled()
	case 15:
		s.failed()
	}
}

func (s *script) current() *gorm.DB {
	if s.tx != nil {
		return s.tx
	}
	return s.db
}

// sent notes an event. Outside a transaction receivers get it at once, inside they wait.
func (s *script) sent(text string) {
	if s.tx == nil {
		s.want = append(s.want, "+"+text)
		return
	}
	top := &s.scopes[len(s.scopes)-1]
	top.events = append(top.events, s.queue(text))
}

func (s *script) create() {
	s.n++
	text := fmt.Sprint("note", s.n)
	require.NoError(s.tb, s.current().Create(&Note{Text: text}).Error)
	s.rows = append(slices.Clone(s.rows), text)
	s.sent(text)
}

func (s *script) update() {
	if len(s.rows) == 0 {
		return
	}
	s.n++
	old, text := s.rows[0], fmt.Sprint("note", s.n)
	require.NoError(s.tb, s.current().Model(&Note{}).Where("text = ?", old).Update("text", text).Error)
	s.rows = append([]string{text}, s.rows[1:]...)
	s.sent(text)
}

func (s *script) remove() {
	if len(s.rows) == 0 {
		return
	}
	old := s.rows[0]
	require.NoError(s.tb, s.current().Where("text = ?", old).Delete(&Note{}).Error)
	s.rows = slices.Clone(s.rows[1:])
	s.sent("-" + old)
}

func (s *script) begin() {
	if s.tx != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.tx, s.cancel, s.undone = s.db.WithContext(ctx).Begin(), cancel, make(chan struct{})
	require.NoError(s.tb, s.tx.Error)
	undone := s.undone
	require.NoError(s.tb, signals.OnRollback(s.tx, func(context.Context) error { close(undone); return nil }))
	s.scopes, s.cut, s.before = []scope{{rows: s.rows}}, nil, s.rows
}

func (s *script) savepoint(name string, sql bool) {
	if s.tx == nil {
		return
	}
	if sql {
		require.NoError(s.tb, s.tx.Exec("SAVEPOINT "+strings.ToUpper(name)).Error)
	} else {
		require.NoError(s.tb, s.tx.SavePoint(name).Error)
	}
	s.scopes = append(s.scopes, scope{name: name, rows: s.rows})
}

// find returns the index of the innermost savepoint with this name, or 0.
func (s *script) find(name string) int {
	for i := len(s.scopes) - 1; i > 0; i-- {
		if s.scopes[i].name == name {
			return i
		}
	}
	return 0
}

func (s *script) rollbackTo(name string, sql bool) {
	i := s.find(name)
	if s.tx == nil || i == 0 {
		return
	}
	if sql {
		require.NoError(s.tb, s.tx.Exec("rollback to savepoint "+name+";").Error)
	} else {
		require.NoError(s.tb, s.tx.RollbackTo(name).Error)
	}
	for _, sc := range s.scopes[i:] {
		s.cut = append(s.cut, sc.events...)
	}
	s.scopes[i].events, s.rows = nil, s.scopes[i].rows
	s.scopes = s.scopes[:i+1]
}

func (s *script) release(name string) {
	i := s.find(name)
	if s.tx == nil || i == 0 {
		return
	}
	require.NoError(s.tb, s.tx.Exec("RELEASE SAVEPOINT "+name).Error)
	for _, sc := range s.scopes[i:] {
		s.scopes[i-1].events = append(s.scopes[i-1].events, sc.events...)
	}
	s.scopes = s.scopes[:i]
}
