package beside

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/show"
)

// Call is a step with its arguments.
type Call struct {
	Kind, Step int
	Args       Args
}

// String describes a call.
func (c Call) String() string {
	k := kinds()[c.Kind]
	return fmt.Sprintf("%s: %s with %v", k.table, k.steps[c.Step].Name, c.Args)
}

// Pair is the two databases of a script.
type Pair struct {
	plain, with *world
	kinds       []kind
}

// NewPair makes two databases with the same tables.
func NewPair(tb testing.TB, open Open) *Pair {
	tb.Helper()
	return &Pair{newWorld(tb, open), newWorld(tb, open), kinds()}
}

// difference is a call whose result differs from that without the plugin, or from the log of the triggers.
type difference struct {
	call Call
	what []string
}

// play runs calls beside a setup, and returns the differences. With each, it puts the tables back after each call, otherwise only after a difference and
// at the end.
func (p *Pair) play(tb testing.TB, s *Setup, calls []Call, each bool) []difference {
	tb.Helper()
	p.plain.tb, p.with.tb = tb, tb
	plain, err := p.plain.connect(s, false)
	if err != nil {
		tb.Fatalf("%v: %v", s, err)
	}
	with, err := p.with.connect(s, true)
	if err != nil {
		tb.Fatalf("%v: %v", s, err)
	}
	defer closeDB(plain)
	defer closeDB(with)
	var found []difference
	for i, call := range calls {
		now := startTime.Add(time.Duration(i+1) * time.Hour)
		what, states := p.call(tb, s, p.kinds[call.Kind].steps[call.Step], call.Args, plain, with, now)
		if len(what) > 0 {
			found = append(found, difference{call, what})
		}
		parted := len(what) > 0 || !states[0].equal(states[1]) // excused calls report nothing, and their tables may differ
		if each || parted || i == len(calls)-1 {
			p.plain.reset(tb, states[0])
			p.with.reset(tb, states[1])
		}
	}
	return found
}

func closeDB(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
}

// call runs one call on both databases, and compares all that a program can see.
func (p *Pair) call(tb testing.TB, s *Setup, step Step, a Args, plain, with *gorm.DB, now time.Time) (found []string, states [2]state) {
	tb.Helper()
	p.plain.begin(tb, s.Keeps, now)
	p.with.begin(tb, s.Keeps, now)
	expected, _ := run(plain, step, a)
	actual, failed := run(with, step, a)
	say := func(what, want, is string) {
		want, is = p.plain.anonymous(want), p.with.anonymous(is)
		if want != is {
			found = append(found, fmt.Sprintf("%s\n\twithout the plugin\n%s\n\twith it\n%s", what, want, is))
		}
	}
	failed = failed || s.fails()
	excused := s.excused(step, plain.Name(), actual, failed)
	calls := [2][]string{p.plain.calls, p.with.calls}
	if !excused.all {
		say("RESULT", expected, actual)
		say("CALLS of others", strings.Join(calls[0], "\n"), strings.Join(calls[1], "\n"))
	}
	states = [2]state{p.plain.state(), p.with.state()}
	for _, table := range watched() {
		if excused.all {
			continue
		}
		say("TABLE "+table, strings.Join(states[0].rows[table], "\n"), strings.Join(states[1].rows[table], "\n"))
	}
	if with.Name() == "sqlite" && !excused.all { // other databases do not give back numbers of undone rows
		say("NUMBERS of the next rows", strings.Join(states[0].numbers, "\n"), strings.Join(states[1].numbers, "\n"))
	}
	want, err := p.plain.changes()
	if err != nil {
		tb.Fatal(err)
	}
	is, err := p.with.changes()
	if err != nil {
		tb.Fatal(err)
	}
	if !excused.all {
		say("WRITTEN rows", heads(want), heads(is))
	}
	if p.with.heard.unknown && (!failed || !s.mode().config.SkipDefaultTransaction) {
		found = append(found, "HANDLED "+signals.ErrOutcomeUnknown.Error())
	}
	if len(p.with.heard.failed) > 0 {
		found = append(found, "HANDLED errors: "+strings.Join(p.with.heard.failed, "; "))
	}
	if excused.events {
		return found, states
	}
	at := circumstances{Setup: s, step: step, dialect: with.Name(), unheard: p.with.heard.unknown || strings.HasPrefix(actual, "panic: ")}
	if s.Keeps {
		if at.stored, err = p.with.stored(); err != nil {
			tb.Fatal(err)
		}
	}
	return append(found, p.truth(at, is, failed)...), states
}

// heads lists the written rows, sorted, and marks those that did not change.
func heads(all []change) string {
	lines := make([]string, len(all))
	for i, c := range all {
		lines[i] = c.head
		if c.now == c.old {
			lines[i] += ", as it was"
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// run runs a step, and returns what its caller sees and whether that is an error.
func run(db *gorm.DB, step Step, a Args) (result string, failed bool) {
	defer func() {
		if v := recover(); v != nil {
			result, failed = fmt.Sprintf("panic: %v", v), true
		}
	}()
	ctx, cancel := context.WithTimeout(db.Statement.Context, 10*time.Second) // so that an endless step fails
	defer cancel()
	returned := step.Do(db.WithContext(ctx), a)
	return strings.ReplaceAll(show.All(returned), "\nerror nil", "\nno error"), anyError(returned)
}

// anyError reports whether one of the values that a step returned is an error, or a session with one.
func anyError(returned any) bool {
	switch v := returned.(type) {
	case []any:
		return slices.ContainsFunc(v, anyError)
	case *gorm.DB:
		return v.Error != nil
	case error:
		return !errors.Is(v, errUndo) // the step itself returns errUndo
	}
	return false
}

// truth compares the events of a step with the log of the triggers.
func (p *Pair) truth(at circumstances, logged []change, failed bool) (found []string) {
	s, step := at.Setup, at.step
	compare := func(what string, events []change) {
		events = slices.DeleteFunc(slices.Clone(events), func(c change) bool { return strings.Contains(c.head, " audits ") })
		if step.silent {
			if len(events) > 0 {
				found = append(found, what+" of a silent call:"+listed(events))
			}
			return
		}
		for i := range events {
			if step.links || step.partly { // GORM writes only some columns of the caller's struct, which is the instance
				events[i].now = ""
			}
			if (s.loose() && step.upserts()) || step.Name == "Omit.Save" { // others change this INSERT right before GORM builds its SQL, which the library does not see
				events[i].now = ""
			}
			if (step.loose || s.loose()) && strings.HasPrefix(events[i].head, "insert") {
				events[i].now = ""
			}
		}
		missed, invented := match(logged, events)
		missed, invented = at.unexplained(true, missed), at.unexplained(false, invented)
		if step.blind && len(missed) == len(invented) {
			return
		}
		if len(missed) > 0 {
			found = append(found, "WRITTEN without "+what+":"+listed(missed))
		}
		if len(invented) > 0 {
			found = append(found, what+" of what was not written:"+listed(invented))
		}
	}
	if s.variant().kept {
		compare("EVENT after commit", p.with.heard.kept)
	}
	if s.variant().sent && !step.undone && !failed {
		compare("EVENT", p.with.heard.sent)
	}
	return found
}

// match pairs logged changes with events, and returns the rest of both.
func match(logged, events []change) (missed, invented []change) {
	for _, l := range logged {
		if i := slices.IndexFunc(events, func(e change) bool { return e.says(l) }); i >= 0 {
			events = slices.Delete(events, i, i+1)
		} else {
			missed = append(missed, l)
		}
	}
	return missed, events
}

func listed(all []change) string {
	var b strings.Builder
	for _, c := range all {
		b.WriteString("\n\t" + c.String())
	}
	return b.String()
}
