package parity_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/show"
)

// parityStep is one call of the script, or a few. The result of do is compared: a *gorm.DB as its caller sees it, any other value with everything
// that it points to. The other fields are exceptions, which the documentation names, from a rule: each written row has its events, and no other row
// has any.
type parityStep struct {
	name    string
	do      func(db *gorm.DB) any
	silent  bool   // sends nothing, as UpdateColumn does
	quiet   string // tables whose rows may be written without signals: has-many Clear and Replace
	resaves bool   // saves rows of relations again unchanged, which sends nothing
	blind   bool   // the new key is unknown: GORM sets none or a wrong one, or the database computes it
	undone  bool   // its events are rolled back
	partial bool   // instances may differ from the stored rows: a create with Select, an upsert, an expression
	torn    bool   // fails midway, and without a transaction half of it stays, unless the library opens one
	junk    bool   // stores values that the model cannot read, which spoils the table for the next steps
	skips   bool   // pre_save is sent for rows that the database then skips
	table   string // the table in place of the model's own
}

func paritySteps() []parityStep {
	return slices.Concat(
		createSteps(), createMoreSteps(), createListSteps(), createShapeSteps(), createMapSteps(), createMapMoreSteps(),
		upsertSteps(), upsertMoreSteps(), upsertManySteps(), upsertManyMoreSteps(),
		saveSteps(), saveFormSteps(), saveFormMoreSteps(), saveListSteps(),
		updateSteps(), updateMoreSteps(), updateFormSteps(), updateFormMoreSteps(), updateShapeSteps(), updateShapeMoreSteps(),
		updateExprSteps(), whereSteps(), whereMoreSteps(), whereJoinSteps(), returningSteps(),
		deleteSteps(), deleteMoreSteps(), deleteManySteps(), deleteSoftSteps(), deleteNestedSteps(),
		nestedCreateSteps(), nestedCreateMoreSteps(), nestedSaveSteps(), nestedSaveMoreSteps(),
		associationSteps(), associationMoreSteps(), associationLinkSteps(), firstOrCreateSteps(),
		genericSteps(), genericMoreSteps(), genericSetSteps(), genericAssociationSteps(),
		hookSteps(), silentSteps(), silentMoreSteps(), transactionSteps(), errorSteps(), chainSteps(),
	)
}

// parityVariant is a way to run the script.
type parityVariant struct {
	name       string
	config     gorm.Config
	batch      int
	need       signals.Need // 0 means no receivers
	continuous bool         // the tables are not put back between steps
}

func parityVariants() []parityVariant {
	const all = signals.Original
	skip, prepare := gorm.Config{SkipDefaultTransaction: true}, gorm.Config{PrepareStmt: true}
	if underRace { // one run finds as much as several, because a script has only one goroutine
		return []parityVariant{{name: "prepared statements", need: all, config: prepare, batch: 2}}
	}
	return []parityVariant{
		{name: "plain", need: all},
		{name: "batch size 2", need: all, batch: 2},
		{name: "batch size 1", need: all, batch: 1},
		{name: "skip default transaction", need: all, config: skip},
		{name: "skip default transaction, batch size 2", need: all, config: skip, batch: 2},
		{name: "prepared statements", need: all, config: prepare, batch: 2},
		{name: "translated errors", need: all, config: gorm.Config{TranslateError: true}},
		{name: "create in batches", need: all, config: gorm.Config{CreateBatchSize: 2}},
		{name: "full save associations", need: all, config: gorm.Config{FullSaveAssociations: true}},
		{name: "query fields", need: all, config: gorm.Config{QueryFields: true}, batch: 2},
		{name: "keys only", need: signals.Keys, batch: 2},
		{name: "rows only", need: signals.Row, batch: 2},
		{name: "nobody listens"},
		{name: "in one go", need: all, batch: 2, continuous: true},
	}
}

// TestEverythingIsAsWithoutThePlugin runs one script on two databases, with and without the plugin. After every step, the results and the tables must
// be equal, and exactly the written rows must have had events.
func TestEverythingIsAsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	for _, v := range parityVariants() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			plain, with := newParityWorld(t, v.config), newParityWorld(t, v.config)
			require.NoError(t, with.db.Use(signals.Plugin{BatchSize: v.batch}))
			if v.need > 0 {
				connectParity(with, v.need)
			}
			for i, step := range paritySteps() {
				if (step.torn && v.config.SkipDefaultTransaction) || (step.junk && v.continuous) {
					continue
				}
				runParityStep(t, v, step, plain, with, parityStart.Add(time.Duration(i+1)*time.Hour))
			}
		})
	}
}

// runParityStep runs a step on both databases.
func runParityStep(t *testing.T, v parityVariant, step parityStep, plain, with *parityWorld, now time.Time) {
	t.Helper()
	what := v.name + ": " + step.name
	with.heard.whole = !step.partial && step.table == ""
	expected, actual := plain.run(step, now), with.run(step, now)
	assert.Equal(t, expected, actual, "%s: what the caller sees", what)
	assert.Equal(t, plain.hooks, with.hooks, "%s: the calls of GORM's own hooks", what)
	tables, changed := plain.dump(), with.dump()
	same := assert.Equal(t, tables, changed, "%s: the tables", what)
	assert.Equal(t, plain.audit(), with.audit(), "%s: the rows that were written", what)
	if v.need > 0 && !v.continuous {
		checkTruth(t, what, v, step, with)
	}
	if !v.continuous || !same {
		plain.reset(t, tables)
		with.reset(t, changed)
	}
	plain.forget(t)
	with.forget(t)
}

// run runs a step and formats its result.
func (w *parityWorld) run(step parityStep, now time.Time) (result string) {
	w.now = now
	defer func() {
		if v := recover(); v != nil {
			result = fmt.Sprintf("panic: %v", v)
		}
	}()
	ctx, cancel := context.WithTimeout(w.db.Statement.Context, 5*time.Second) // so that an endless step fails
	defer cancel()
	return show.All(step.do(w.db.WithContext(ctx)))
}

// checkTruth compares the written rows with the events.
func checkTruth(t *testing.T, what string, v parityVariant, step parityStep, w *parityWorld) {
	t.Helper()
	heard := slices.Clone(w.heard.post)
	if step.table != "" {
		for i := range heard {
			heard[i] = strings.Replace(heard[i], " parity_items ", " "+step.table+" ", 1)
		}
	}
	missed, invented := difference(w.audit(), heard)
	quiet := strings.Fields(step.quiet)
	missed = slices.DeleteFunc(missed, func(line string) bool {
		return slices.Contains(quiet, strings.Fields(line)[1]) ||
			((step.resaves || v.config.FullSaveAssociations) && strings.HasPrefix(line, "touch"))
	})
	assert.ElementsMatch(t, w.heard.both, w.heard.byModel, "%s: For and Implementing hear the same", what)
	if !step.blind {
		assert.Empty(t, w.heard.lies, "%s: instances are what is stored", what)
	}
	switch {
	case step.blind:
	case step.silent:
		assert.Empty(t, w.heard.both, "%s: sends nothing", what)
	case step.undone:
		assert.Empty(t, missed, "%s: rows without an event", what)
	default:
		assert.Empty(t, missed, "%s: rows without an event", what)
		assert.Empty(t, invented, "%s: events without a row", what)
	}
	if !step.skips && !step.undone && !step.blind && v.need > signals.Keys {
		assert.Equal(t, counts(w.heard.post), counts(w.heard.pre), "%s: pre and post agree", what)
	}
}

// difference returns the written rows without an event, and the events without a row. A touched row is one that was updated to its own values.
func difference(written, heard []string) (missed, invented []string) {
	invented = slices.Clone(heard)
	for _, line := range written {
		if i := slices.Index(invented, strings.Replace(line, "touch ", "update ", 1)); i >= 0 {
			invented = slices.Delete(invented, i, i+1)
		} else {
			missed = append(missed, line)
		}
	}
	return missed, invented
}
