package signals

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/nulldb"
)

// numbered names the tables of models that have no name.
type numbered struct {
	schema.NamingStrategy

	n *int
}

// TableName returns a name that no other table has.
func (n numbered) TableName(string) string {
	*n.n++
	return fmt.Sprintf("t%d", *n.n)
}

// manyModels opens a database of many models, each with a receiver.
func manyModels(tb testing.TB, n int) (*gorm.DB, []any) {
	tb.Helper()
	pool := nulldb.Open(nulldb.Row{Columns: []string{"id", "name"}, Values: []driver.Value{int64(1), "a"}})
	db, err := gorm.Open(sqlite.Dialector{Conn: pool}, &gorm.Config{Logger: logger.Discard, NamingStrategy: numbered{n: new(int)}})
	require.NoError(tb, err)
	require.NoError(tb, db.Use(Plugin{}))
	models := make([]any, n)
	for i := range models {
		models[i] = reflect.New(reflect.StructOf([]reflect.StructField{
			{Name: "ID", Type: reflect.TypeFor[uint]()}, {Name: fmt.Sprintf("Name%d", i), Type: reflect.TypeFor[string]()},
		})).Interface()
		postSaveOf(tb, db, models[i]).Connect(hearNothing, UID("first"))
	}
	return db, models
}

// postSaveOf returns the signal of a model of which only a value is known.
func postSaveOf(tb testing.TB, db *gorm.DB, model any) *Signal[SaveEvent[any]] {
	tb.Helper()
	sch, err := schemaOf(db, model)
	require.NoError(tb, err)
	typ := reflect.TypeOf(model).Elem()
	s := dispatch.Scope{Type: typ, Name: sch.Table, Schema: sch, Matches: func(model reflect.Type) bool { return model == typ }}
	return (*ModelSignals[any])(bind(registryOf(db), s, func() (unsafe.Pointer, [dispatch.Kinds]*channel) {
		return signalsOf(func(r *change.Row) any { return r.Instance })
	})).PostSave
}

func hearNothing(context.Context, SaveEvent[any]) error { return nil }

func TestAConnectKeepsThePlansOfOtherModels(t *testing.T) {
	t.Parallel()
	db, models := manyModels(t, 50)
	reg := registryOf(db)
	plans := func() []*dispatch.Plan {
		found := make([]*dispatch.Plan, len(models))
		for i, model := range models {
			sch, err := schemaOf(db, model)
			require.NoError(t, err)
			found[i] = reg.PlanFor(sch)
			require.NotNil(t, found[i])
		}
		return found
	}
	rebuilt := func(old []*dispatch.Plan) (n []int) {
		for i, p := range plans() {
			if p != old[i] {
				n = append(n, i)
			}
		}
		return n
	}
	before := plans()
	require.Empty(t, rebuilt(before))
	disconnect := postSaveOf(t, db, models[7]).Connect(hearNothing)
	require.Equal(t, []int{7}, rebuilt(before))
	before = plans()
	disconnect()
	require.Equal(t, []int{7}, rebuilt(before))
	before = plans()
	Implementing[any](db).PreSave.Connect(func(context.Context, SaveEvent[any]) error { return nil })
	assert.Len(t, rebuilt(before), len(models))
}

func TestReceiversComeAndGoBesideWrites(t *testing.T) {
	t.Parallel()
	db, models := manyModels(t, 20)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := range 100 {
				assert.NoError(t, db.Create(models[i*5+n%5]).Error)
			}
		})
	}
	for n := range 200 {
		disconnect := postSaveOf(t, db, models[n%len(models)]).Connect(hearNothing)
		if n%10 == 0 {
			Implementing[any](db).PostSave.Connect(hearNothing)()
		}
		require.True(t, disconnect())
	}
	group.Wait()
	assert.Len(t, Receivers(db), len(models))
	for _, model := range models {
		require.True(t, registryOf(db).Listening())
		require.True(t, postSaveOf(t, db, model).Disconnect("first"))
	}
	assert.False(t, registryOf(db).Listening(), "a receiver is still counted")
}

// BenchmarkConnectAmongManyModels measures a Connect and the write after it in a program with a thousand models. Each model has a receiver and was
// written before. "first" is the first write of each model. "more" is the extra cost of the first write after a Connect, compared with the second.
func BenchmarkConnectAmongManyModels(b *testing.B) {
	db, models := manyModels(b, 1000)
	write := func(model any) time.Duration {
		start := time.Now()
		if err := db.Create(model).Error; err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	var first, connecting, next, after time.Duration
	for _, model := range models {
		first += write(model)
	}
	b.ResetTimer()
	for i := range b.N {
		model := models[i%len(models)]
		signal := postSaveOf(b, db, model)
		start := time.Now()
		disconnect := signal.Connect(hearNothing)
		connecting += time.Since(start)
		next += write(model)
		after += write(model)
		disconnect()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(first.Nanoseconds())/float64(len(models)), "ns/first")
	b.ReportMetric(float64(connecting.Nanoseconds())/float64(b.N), "ns/connect")
	b.ReportMetric(float64((next-after).Nanoseconds())/float64(b.N), "ns/more")
}

// TestAPlanIsSeenOnlyWhenItIsWhole lets several goroutines write the same models for the first time, after the plan of another model was made.
func TestAPlanIsSeenOnlyWhenItIsWhole(t *testing.T) {
	t.Parallel()
	const n = 60
	db, models := manyModels(t, n)
	reg := registryOf(db)
	schemas := make([]*schema.Schema, n)
	for i, model := range models {
		sch, err := schemaOf(db, model)
		require.NoError(t, err)
		schemas[i] = sch
	}
	require.NotNil(t, reg.PlanFor(schemas[0]))
	var half sync.Map
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i, sch := range schemas {
				if p := reg.PlanFor(sch); p == nil || p.Model == nil {
					half.Store(i, true)
				}
			}
		})
	}
	all.Wait()
	half.Range(func(i, _ any) bool { return assert.Fail(t, "a plan is half made", "of model %v", i) })
}
