package fuzzwrites_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
)

// FuzzWrites runs random scripts of GORM calls on a database with the plugin, with receivers that refuse and change rows. After each call, the tables
// and the events must be those of a model that knows nothing of the library's code. If receivers only listen, all results must be those without the
// plugin.
//
//	go test -run '^$' -fuzz FuzzWrites -fuzztime 5m -fuzzminimizetime 10x .
func FuzzWrites(f *testing.F) {
	for _, script := range fuzzSeeds() {
		f.Add(script.bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		script := readFuzzScript(data)
		if difference := script.difference(t); difference != "" {
			t.Fatalf("%s\nin the script\n%s", difference, script)
		}
	})
}

// TestEncodesFuzzScripts tests that seeds are still the same after they were encoded as bytes.
func TestEncodesFuzzScripts(t *testing.T) {
	t.Parallel()
	for _, script := range fuzzSeeds() {
		assert.Equal(t, script.String(), readFuzzScript(script.bytes()).String())
	}
}

// difference runs a script beside its model and returns the first difference, or "".
func (s *fuzzScript) difference(tb testing.TB) string {
	tb.Helper()
	db := openFuzz(tb, s)
	require.NoError(tb, db.Use(signals.Plugin{BatchSize: s.Batch}))
	world := newFuzzWorld(s)
	rec := &fuzzRecorder{script: s, tables: world.tables}
	for _, table := range world.tables {
		table.kit.connect(db, rec, table)
	}
	run := &fuzzRun{tables: world.tables}
	for i := range s.Ops {
		op := &s.Ops[i]
		world.vague, world.caller = false, nil
		wantErr := world.run(op)
		if errors.Is(wantErr, errFuzzAside) {
			return ""
		}
		err := run.call(db, op)
		want, sent := world.events.take(), rec.take()
		if expected, actual := fuzzEventLines(want, want), fuzzEventLines(sent, want); expected != actual && !world.vague {
			return fmt.Sprintf("call %d (%v) must send\n%sand sent\n%s", i, err, expected, actual)
		}
		if !sameFuzzError(wantErr, err) {
			return fmt.Sprintf("call %d must answer %v and answered %v", i, wantErr, err)
		}
		if expected, actual := fmt.Sprint(world.caller), fmt.Sprint(run.rows); err == nil && op.keeps() && expected != actual {
			return fmt.Sprintf("call %d must leave the caller with %s and leaves %s", i, expected, actual)
		}
		if expected, actual := world.dump(), dumpFuzz(tb, db, world.tables); expected != actual {
			return fmt.Sprintf("after call %d (%v) the tables must be\n%sand are\n%s", i, err, expected, actual)
		}
	}
	return s.parity(tb, run.answers)
}

// parity compares the results of the calls with those without the plugin.
func (s *fuzzScript) parity(tb testing.TB, answers []string) string {
	tb.Helper()
	if !s.listens() {
		return ""
	}
	plain := &fuzzRun{tables: fuzzTables()}
	db := openFuzz(tb, s)
	for i := range s.Ops {
		_ = plain.call(db, &s.Ops[i])
	}
	for i := range min(len(answers), len(plain.answers)) {
		if answers[i] != plain.answers[i] {
			return fmt.Sprintf("answer %d must be as without the plugin\n%sand is\n%s", i, plain.answers[i], answers[i])
		}
	}
	if len(answers) != len(plain.answers) {
		return fmt.Sprintf("%d calls must answer, and %d did", len(plain.answers), len(answers))
	}
	return ""
}

// fuzzEventLines formats events, one per line, without the parts that the model does not know.
func fuzzEventLines(events, model []fuzzEvent) string {
	lines := ""
	for i, e := range events {
		if i < len(model) && model[i].loose {
			e.tail = " ..."
		}
		if i < len(model) && model[i].unnamed {
			e.fields = ""
		}
		lines += "\t" + e.head + e.fields + e.tail + "\n"
	}
	return lines
}

// sameFuzzError compares errors by kind: a refusal of a receiver, a rollback of the script, or any other.
func sameFuzzError(want, err error) bool {
	if errors.Is(want, errFuzzSQL) {
		return err != nil && !errors.Is(err, errFuzzVeto) && !errors.Is(err, errFuzzRollback)
	}
	return errors.Is(err, want)
}
