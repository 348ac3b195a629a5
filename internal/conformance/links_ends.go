package conformance

import (
	"fmt"

	"github.com/stretchr/testify/require"
)

// settle checks the events of receivers that waited for the end of a transaction in this step.
func (s *linkScript) settle() {
	s.tb.Helper()
	s.mu.Lock()
	commit := s.commit
	s.commit = nil
	s.mu.Unlock()
	if s.tx != nil && len(commit) > 0 {
		s.fail("AfterCommit inside the transaction: %v", commit[0])
	}
	told, err := apply(s.told, commit)
	if err != nil {
		s.fail("AfterCommit: %v", err)
	}
	s.told = told
	for _, c := range commit {
		s.owed[c.String()]--
	}
	if s.tx == nil {
		s.same(s.told, s.stored, "links at the start and what AfterCommit told since, compared with the links now")
	}
}

// settleEnds checks that for every event, receivers of the commit or of the rollback got it, once.
func (s *linkScript) settleEnds() {
	s.tb.Helper()
	s.mu.Lock()
	for _, c := range s.undone {
		s.owed[c.String()]--
	}
	s.mu.Unlock()
	for text, n := range s.owed {
		if n > 0 || n+s.spare[text] < 0 {
			s.fail("%d of these were sent and not told, or told too often: %s", n, text)
		}
	}
}

func (s *linkScript) begin() {
	s.tb.Helper()
	if s.tx != nil {
		return
	}
	s.log = append(s.log, "Begin")
	s.tx = s.db.Begin()
	require.NoError(s.tb, s.tx.Error)
	s.begun, s.savepoints = s.stored, nil
}

// end commits or rolls back.
func (s *linkScript) end(commit bool) {
	s.tb.Helper()
	if s.tx == nil {
		return
	}
	want := s.begun
	if commit {
		s.log = append(s.log, "Commit")
		require.NoError(s.tb, s.tx.Commit().Error)
		want = s.stored
	} else {
		s.log = append(s.log, "Rollback")
		require.NoError(s.tb, s.tx.Rollback().Error)
	}
	s.tx, s.events = nil, nil
	s.stored = s.read()
	s.same(want, s.stored, "after the transaction")
	s.settle()
}

func (s *linkScript) savepoint() {
	s.tb.Helper()
	if s.tx == nil {
		return
	}
	name := fmt.Sprint("sp", len(s.savepoints))
	s.log = append(s.log, "SavePoint "+name)
	require.NoError(s.tb, s.tx.SavePoint(name).Error)
	s.savepoints = append(s.savepoints, s.stored)
}

func (s *linkScript) rollbackTo() {
	s.tb.Helper()
	if s.tx == nil || len(s.savepoints) == 0 {
		return
	}
	at := int(s.byte()) % len(s.savepoints)
	name := fmt.Sprint("sp", at)
	s.log = append(s.log, "RollbackTo "+name)
	require.NoError(s.tb, s.tx.RollbackTo(name).Error)
	s.stored = s.read()
	s.events = nil
	s.same(s.savepoints[at], s.stored, "after the rollback to "+name)
	s.savepoints = s.savepoints[:at+1]
	s.settle()
}
