package dbtest_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
)

// twins are two databases of one kind that are written alike. One of them sends signals.
type twins struct {
	quiet, loud *gorm.DB
	models      []any
	events      []string // what the loud one sent
}

// result is what a caller sees of a write.
type result struct {
	Rows   int64
	Error  string
	Caller any // the value that was written, afterwards
}

// onTwins runs a test on every server, or on those that are named. Another plugin is installed by use, before the signals or after them.
func onTwins(t *testing.T, on []string, use func(db *gorm.DB) error, models []any, test func(t *testing.T, tw *twins)) {
	t.Helper()
	for _, s := range servers() {
		if len(on) > 0 && !assert.ObjectsAreEqual(on, []string{s.name}) {
			continue
		}
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, signals first %t", s.name, first), func(t *testing.T) {
				t.Parallel()
				tw := &twins{models: models}
				tw.quiet = tw.open(t, s, use)
				tw.loud = tw.open(t, s, func(db *gorm.DB) error { return tw.both(db, use, first) })
				test(t, tw)
			})
		}
	}
}

func (tw *twins) open(t *testing.T, s server, use func(db *gorm.DB) error) *gorm.DB {
	t.Helper()
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	db := connect(t, s.dialector(t), &gorm.Config{NowFunc: func() time.Time { return at }})
	if use != nil {
		require.NoError(t, use(db))
	}
	require.NoError(t, db.AutoMigrate(tw.models...))
	return db
}

// both installs the signals and another plugin.
func (tw *twins) both(db *gorm.DB, use func(db *gorm.DB) error, first bool) error {
	if !first && use != nil {
		if err := use(db); err != nil {
			return err
		}
	}
	if err := db.Use(signals.Plugin{BatchSize: 2}); err != nil {
		return err
	}
	tw.listen(db)
	if !first || use == nil {
		return nil
	}
	return use(db)
}

// listen connects receivers to everything that the database sends.
func (tw *twins) listen(db *gorm.DB) {
	all := signals.Implementing[any](db)
	save := func(signal string) signals.Receiver[signals.SaveEvent[any]] {
		return func(ctx context.Context, e signals.SaveEvent[any]) error {
			verb := "updated"
			if e.Created {
				verb = "created"
			} else if e.Restored() {
				verb = "restored"
			}
			key := keyOf(ctx, e.Schema(), e.Instance)
			if signal == "pre_save" && e.Created {
				key = "new" // most databases give the key
			}
			tw.events = append(tw.events, fmt.Sprintf("%s %s %v", signal, verb, key))
			return nil
		}
	}
	remove := func(signal string) signals.Receiver[signals.DeleteEvent[any]] {
		return func(ctx context.Context, e signals.DeleteEvent[any]) error {
			verb := "hard"
			if e.Soft {
				verb = "soft"
			}
			tw.events = append(tw.events, fmt.Sprintf("%s %s %v", signal, verb, keyOf(ctx, e.Schema(), e.Instance)))
			return nil
		}
	}
	all.PreSave.Connect(save("pre_save"))
	all.PostSave.Connect(save("post_save"))
	all.PreDelete.Connect(remove("pre_delete"))
	all.PostDelete.Connect(remove("post_delete"))
	all.M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[any]) error {
		tw.events = append(tw.events, fmt.Sprintf("m2m_changed %v %s %v", e.Action, e.Relation, e.PKs))
		return nil
	})
}

func keyOf(ctx context.Context, sch *schema.Schema, instance any) any {
	key, _ := sch.PrioritizedPrimaryField.ValueOf(ctx, reflect.ValueOf(instance).Elem())
	return key
}

// write writes the same to both, compares what the caller sees and the tables, and checks what was sent.
func (tw *twins) write(t *testing.T, what string, write func(db *gorm.DB) (*gorm.DB, any), sent ...string) result {
	t.Helper()
	run := func(db *gorm.DB) result {
		tx, caller := write(db)
		r := result{Rows: tx.RowsAffected, Caller: caller}
		if tx.Error != nil {
			r.Error = tx.Error.Error()
		}
		return r
	}
	tw.events = nil
	want, got := run(tw.quiet), run(tw.loud)
	assert.Equal(t, want, got, what)
	assert.Equal(t, sent, tw.events, what)
	for _, model := range tw.models {
		assert.Equal(t, stored(t, tw.quiet, model), stored(t, tw.loud, model), what)
	}
	return got
}

// stored returns all rows of a model, also those that are marked as deleted.
func stored(t *testing.T, db *gorm.DB, model any) any {
	t.Helper()
	found := reflect.New(reflect.SliceOf(reflect.TypeOf(model).Elem()))
	require.NoError(t, db.Unscoped().Order("id").Find(found.Interface()).Error)
	return found.Elem().Interface()
}

// saved returns the events of rows that are created or updated: all pre_save, then all post_save.
func saved(verb string, keys ...any) []string { return bothPhases("save", verb, keys) }

// removed returns the events of rows that are deleted.
func removed(verb string, keys ...any) []string { return bothPhases("delete", verb, keys) }

func bothPhases(signal, verb string, keys []any) []string {
	var events []string
	for _, phase := range []string{"pre", "post"} {
		for _, key := range keys {
			if phase == "pre" && verb == "created" {
				key = "new"
			}
			events = append(events, fmt.Sprintf("%s_%s %s %v", phase, signal, verb, key))
		}
	}
	return events
}

// statements is a logger that keeps the SQL of what a test writes.
type statements struct {
	logger.Interface

	sql []string
}

func (s *statements) LogMode(logger.LogLevel) logger.Interface { return s }
func (s *statements) Trace(_ context.Context, _ time.Time, sql func() (string, int64), _ error) {
	text, _ := sql()
	s.sql = append(s.sql, text)
}
