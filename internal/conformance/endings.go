package conformance

import (
	"context"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// end commits or rolls back.
func (s *script) end(commit bool) {
	if s.tx == nil {
		return
	}
	if commit {
		require.NoError(s.tb, s.tx.Commit().Error)
		s.committed()
	} else {
		require.NoError(s.tb, s.tx.Rollback().Error)
		s.rolledBack()
	}
}

// committed adds the expected events of a commit: undone ones in reverse order, then the others in their order.
func (s *script) committed() {
	s.undo(s.cut)
	for _, sc := range s.scopes {
		for _, event := range sc.events {
			s.want = append(s.want, "+"+event.text)
		}
	}
	s.close()
}

// rolledBack adds the expected events of a rollback: all are undone, in reverse order.
func (s *script) rolledBack() {
	<-s.undone
	all := s.cut
	for _, sc := range s.scopes {
		all = append(all, sc.events...)
	}
	s.undo(all)
	s.rows = s.before
	s.close()
}

func (s *script) undo(events []event) {
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b event) int { return b.seq - a.seq })
	for _, event := range events {
		s.want = append(s.want, "undone "+event.text)
	}
}

func (s *script) close() {
	s.cancel()
	s.tx, s.scopes, s.cut = nil, nil, nil
}

// nested runs a nested transaction, or one of its own if none is open.
func (s *script) nested(result error) {
	db, outer := s.current(), s.tx
	s.n++
	text := fmt.Sprint("note", s.n)
	err := db.Transaction(func(tx *gorm.DB) error {
		require.NoError(s.tb, tx.Create(&Note{Text: text}).Error)
		return result
	})
	require.ErrorIs(s.tb, err, result)
	switch {
	case result == nil:
		s.rows = append(slices.Clone(s.rows), text)
		s.sent(text)
	case outer == nil:
		s.want = append(s.want, "undone "+text)
	default:
		s.cut = append(s.cut, s.queue(text))
	}
}

// functions queues functions for the end, beside the receivers.
func (s *script) functions() {
	s.n++
	name := fmt.Sprint("function", s.n)
	require.NoError(s.tb, signals.OnCommit(s.current(), func(context.Context) error { return s.hear("+" + name) }))
	if s.tx != nil {
		require.NoError(s.tb, signals.OnRollback(s.tx, func(context.Context) error { return s.hear("undone " + name) }))
	}
	s.sent(name)
}

// cancelled ends the context of the transaction, and then tries to commit.
func (s *script) cancelled() {
	if s.tx == nil {
		return
	}
	s.cancel()
	<-s.undone
	require.Error(s.tb, s.tx.Commit().Error)
	s.rolledBack()
}

// failed makes a write, in a transaction of its own, that a post_save receiver vetoes.
func (s *script) failed() {
	if s.tx != nil {
		return
	}
	s.n++
	text := fmt.Sprint("note", s.n)
	disconnect := signals.For[Note](s.db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Note]) error { return errUndo })
	defer disconnect()
	require.ErrorIs(s.tb, s.db.Create(&Note{Text: text}).Error, errUndo)
	s.want = append(s.want, "undone "+text)
}
