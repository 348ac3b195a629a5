package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// linkScript is one run of a script.
type linkScript struct {
	*Links

	tb    testing.TB
	input []byte
	rest  []byte
	log   []string
	rows  map[*model][]record // stored rows, read once per step
	made  map[record]bool     // rows of this step that are not stored yet

	tx         *gorm.DB
	stored     map[string]bool // live links of relations with receivers, as the current transaction sees them
	begun      map[string]bool // stored at the beginning of the transaction
	savepoints []map[string]bool
	told       map[string]bool // links at the start, changed as AfterCommit events say
	owed       map[string]int  // events that receivers of the end must get, less those that they got
	spare      map[string]int  // pre events of failed steps, whose end receivers may get
}

// work is one write of a script.
type work struct {
	text     string
	run      func(db *gorm.DB) error
	operated []*side // relations of the call; none if it writes join rows
	mixed    bool    // does several of these
	adds     bool
	gone     []string // actions with which it removes links on its own side
	parts    bool     // takes more than one transaction
	may      []error  // errors that GORM may return
}

// Run empties the tables, puts some rows and links into them, and runs a script that it reads from bytes.
func (l *Links) Run(tb testing.TB, steps []byte) {
	tb.Helper()
	s := &linkScript{Links: l, tb: tb, input: steps, rest: steps, owed: map[string]int{}, spare: map[string]int{}}
	l.names, l.commit, l.undone = map[string]string{}, nil, nil
	s.seed()
	defer l.connect(s.byte())()
	s.stored = s.read()
	s.told = s.stored
	for len(s.rest) > 0 {
		s.rows, s.made = map[*model][]record{}, map[record]bool{}
		s.step()
	}
	if s.tx != nil {
		s.end(false)
	}
	s.settleEnds()
}

// byte returns the next byte, 0 at the end.
func (s *linkScript) byte() byte {
	if len(s.rest) == 0 {
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

func (s *linkScript) current() *gorm.DB {
	if s.tx != nil {
		return s.tx
	}
	return s.db
}

// fail ends the test, and shows the steps and events that led to it.
func (s *linkScript) fail(format string, args ...any) {
	s.tb.Helper()
	lines := append([]string{fmt.Sprintf(format, args...), "steps:"}, s.log...)
	lines = append(lines, "heard in the last step:")
	for _, c := range s.events {
		lines = append(lines, c.String())
	}
	require.Fail(s.tb, strings.Join(append(lines, fmt.Sprintf("script: %#v", s.input)), "\n"))
}

func (s *linkScript) same(told, stored map[string]bool, when string) {
	s.tb.Helper()
	if !maps.Equal(told, stored) {
		s.fail("%s:\n%s", when, differ(told, stored))
	}
}

// read reads the links of all relations with receivers.
func (s *linkScript) read() map[string]bool {
	s.tb.Helper()
	all := map[string]bool{}
	for _, side := range s.sides {
		if s.listening[side.owner] {
			found, err := links(s.current(), side)
			require.NoError(s.tb, err)
			maps.Copy(all, found)
		}
	}
	return all
}

// seed stores the same few rows and links before every script.
func (s *linkScript) seed() {
	s.tb.Helper()
	require.NoError(s.tb, s.db.Transaction(func(tx *gorm.DB) error {
		for _, table := range []string{"product_tags", "enrolments", "follows", "friends", "book_sections", "writer_genres"} {
			if err := tx.Exec("DELETE FROM " + table).Error; err != nil {
				return err
			}
		}
		rows := map[*model][]record{}
		for _, m := range s.models {
			if err := tx.Exec("DELETE FROM " + m.table).Error; err != nil {
				return err
			}
			for range 4 {
				rows[m] = append(rows[m], s.fresh(m, false))
			}
			if err := tx.Create(m.list(rows[m], true)).Error; err != nil {
				return err
			}
		}
		for _, side := range s.sides {
			if side.owner.second || side.relation == "Followers" {
				continue
			}
			if err := tx.Model(rows[side.owner][0]).Association(side.relation).Append(rows[side.other][0], rows[side.other][1]); err != nil {
				return err
			}
			if err := tx.Model(rows[side.owner][1]).Association(side.relation).Append(rows[side.other][0], rows[side.other][2]); err != nil {
				return err
			}
		}
		return tx.Where("course_id = ?", rows[s.sides[3].owner][2].key()...).Delete(&Enrolment{}).Error
	}))
}

// mode is how a write is made.
type mode struct {
	silent  string // why no event may be sent
	wrapped bool   // in a transaction, or a savepoint, of its own
}

func (s *linkScript) mode() mode {
	b := s.byte()
	m := mode{wrapped: b>>6&1 == 1}
	s.veto, s.vetoed = 0, false
	switch what := b & 15; {
	case what == 11 || what == 12:
		if m.wrapped || s.tx != nil || !s.db.SkipDefaultTransaction { // without a transaction, a veto cannot undo a plain Create
			s.veto, s.vetoPost = 1+int(b>>4&3), what == 12
			s.log[len(s.log)-1] += fmt.Sprintf(" (veto of event %d, post: %t)", s.veto, s.vetoPost)
		}
	case what > 12 && s.tx == nil:
		m.silent = []string{"SkipHooks", "Mute", "DryRun"}[what-13]
	}
	return m
}

func (m mode) session(db *gorm.DB) *gorm.DB {
	switch m.silent {
	case "SkipHooks":
		return db.Session(&gorm.Session{SkipHooks: true})
	case "Mute":
		return db.WithContext(signals.Mute(context.Background()))
	case "DryRun":
		return db.Session(&gorm.Session{DryRun: true})
	}
	return db
}

// perform makes a write and checks its events.
func (s *linkScript) perform(w work) {
	s.tb.Helper()
	s.log = append(s.log, w.text)
	m := s.mode()
	s.events, s.witnessed, s.faults, s.lies = nil, nil, nil, nil
	var err error
	if m.wrapped {
		err = m.session(s.current()).Transaction(w.run)
	} else {
		err = w.run(m.session(s.current()))
	}
	s.log[len(s.log)-1] += fmt.Sprintf(" wrapped: %t %s -> %v", m.wrapped, m.silent, err)
	if err != nil {
		s.faults = s.lies
	}
	if len(s.faults) > 0 {
		s.fail("%s", strings.Join(s.faults, "\n"))
	}
	switch {
	case m.silent != "":
		if len(s.events) > 0 || len(s.witnessed) > 0 {
			s.fail("heard under %s", m.silent)
		}
		before := s.stored
		s.stored = s.read()
		if m.silent == "DryRun" {
			s.same(before, s.stored, "after a dry run")
		}
		s.told = s.stored
	case err != nil:
		s.failed(w, m, err)
	default:
		s.succeeded(w)
	}
	s.settle()
}

func (s *linkScript) failed(w work, m mode, err error) {
	s.tb.Helper()
	may := w.may
	if s.vetoed {
		may = []error{errVeto}
	}
	if !slices.ContainsFunc(may, func(e error) bool { return errors.Is(err, e) }) {
		s.fail("unexpected error: %v", err)
	}
	for _, c := range s.events {
		if c.action.Pre() { // if the SQL ran, receivers of the end get the event, whoever got this one
			c.action++
			s.spare[c.String()]++
		}
	}
	if s.tx != nil && !m.wrapped {
		s.end(false) // a failed transaction cannot go on
		return
	}
	before := s.stored
	s.stored = s.read()
	if m.wrapped || !w.parts && !s.db.SkipDefaultTransaction {
		s.same(before, s.stored, "after a failed write")
	}
}

func (s *linkScript) succeeded(w work) {
	s.tb.Helper()
	if s.vetoed {
		s.fail("no error in spite of a veto")
	}
	told, err := apply(s.stored, s.events)
	if err != nil {
		s.fail("%v", err)
	}
	s.stored = s.read()
	s.same(told, s.stored, "links before the step and what it told, compared with the links after it")
	s.checkPairs()
	if !s.Split {
		s.checkOrder()
	}
	s.checkWitnesses()
	for _, c := range s.events {
		if err := w.wrong(c); err != "" {
			s.fail("%s in %v", err, c)
		}
		if !c.action.Pre() {
			s.owed[c.String()]++
		}
	}
}
