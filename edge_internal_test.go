package signals

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

// Models of many shapes.
type (
	edgeEmpty   struct{}
	edgePointer struct {
		ID *int64 `gorm:"primaryKey"`
	}
	edgeText struct {
		ID   uint
		Name string
	}
	edgeBig struct {
		ID                     uint
		A, B, C, D, E, F, G, H string
		Numbers                [64]byte `gorm:"serializer:json"`
		At                     time.Time
		Price                  float64
		Tags                   []edgeText `gorm:"many2many:edge_big_tags"`
	}
	edgeAny struct {
		ID   uint
		Name string
		Data any `gorm:"serializer:json"`
	}
	edgeGeneric[T any] struct {
		ID    uint
		Value T
	}
	EdgeBase struct { // exported: GORM leaves out other embedded structs
		ID   uint
		Name string
	}
	edgeEmbeds struct {
		EdgeBase

		More float32
	}
)

func (edgeGeneric[T]) TableName() string { return "edge_generics" }

// edgeByValue is implemented by methods of a value, edgeByPointer by methods of a pointer.
type (
	edgeByValue   interface{ Value() string }
	edgeByPointer interface{ SetValue(v string) }
)

func (m edgeEmbeds) Value() string      { return m.Name }
func (m *edgeEmbeds) SetValue(v string) { m.Name = v }

func TestEventsOfAllModelsHaveOneLayout(t *testing.T) {
	t.Parallel()
	for name, of := range map[string][]reflect.Type{
		"empty": layouts[*edgeEmpty](), "pointer": layouts[*edgePointer](), "text": layouts[*edgeText](), "big": layouts[*edgeBig](),
		"any": layouts[*edgeAny](), "generic": layouts[*edgeGeneric[float64]](), "generic of a pointer": layouts[*edgeGeneric[*string]](),
		"embeds": layouts[*edgeEmbeds](), "function": layouts[*func()](), "array": layouts[*[3]string](),
	} {
		for i, typ := range layouts[*erased]() {
			assert.True(t, sameLayout(typ, of[i]), "%s: %s and %s", name, typ, of[i])
		}
	}
}

func TestTypesOfTwoLayoutsAreToldApart(t *testing.T) {
	t.Parallel()
	erased := layouts[*erased]()
	for i, typ := range layouts[any]() {
		if of := erased[i]; of.Kind() == reflect.Func { // only events hold an instance
			assert.False(t, sameLayout(of, typ), "%s and %s", of, typ)
		}
	}
	for _, pair := range [][2]any{
		{1, int32(1)},
		{1, "a"},
		{1, 1.0},
		{struct{ A, B int }{}, struct{ A int }{}},
		{struct {
			A int32
			B int64
		}{}, struct {
			A int64
			B int32
		}{}},
		{struct {
			A int
			B *int
		}{}, struct {
			A *int
			B int
		}{}},
		{[]int{}, []string{}},
		{[2]int{}, [3]int{}},
		{func(int) {}, func(string) {}},
		{func(int) {}, func(int, int) {}},
		{func() int { return 0 }, func() error { return nil }},
		{func([]int) {}, func(...int) {}},
	} {
		assert.False(t, sameLayout(reflect.TypeOf(pair[0]), reflect.TypeOf(pair[1])), "%T and %T", pair[0], pair[1])
	}
}

func TestAProgramWhoseCompilerPassesEventsOtherwiseIsRefused(t *testing.T) {
	t.Parallel()
	require.NoError(t, testEdge(erasedSignals))
	for name, of := range map[string]instanceOf[*erased]{
		"no instance":      func(*change.Row) *erased { return nil },
		"another instance": func(*change.Row) *erased { return (*erased)(unsafe.Pointer(&other{ID: 1})) },
	} {
		require.ErrorIs(t, testEdge(func() (unsafe.Pointer, [dispatch.Kinds]*channel) { return signalsOf(of) }), fault.ErrEdge, name)
	}
}

// edgeHeard records the events that receivers get: events of every kind, in order.
type edgeHeard[I any] struct {
	saves   []SaveEvent[I]
	deletes []DeleteEvent[I]
	loads   []LoadEvent[I]
	links   []M2MEvent[I]
}

// edgeConnect connects a receiver of one event and one of a batch.
func edgeConnect[E any](s *Signal[E], to *[]E, at ...ConnectOption) {
	s.Connect(func(_ context.Context, e E) error { *to = append(*to, e); return nil }, at...)
	s.ConnectBatch(func(_ context.Context, events []E) error { *to = append(*to, events...); return nil }, at...)
}

// edgeSends sends events in all three ways. Every receiver must get each event unchanged, in whatever registers gc passes its fields.
func edgeSends[E any](t *testing.T, s *Signal[E], event E, check func(t *testing.T, e E)) {
	t.Helper()
	var heard []E
	defer s.Connect(func(_ context.Context, e E) error { heard = append(heard, e); return nil }, UID("one"))()
	defer s.ConnectBatch(func(_ context.Context, events []E) error {
		check(t, events[0]) // at once, and not appended: SendConcurrent calls both at the same time
		assert.Len(t, events, 1)
		return nil
	}, UID("batch"))()
	require.NoError(t, s.Send(t.Context(), event))
	for _, responses := range [][]Response{s.SendRobust(t.Context(), event), s.SendConcurrent(t.Context(), event)} {
		assert.Len(t, responses, 2)
		for _, r := range responses {
			require.NoError(t, r.Err)
		}
	}
	require.Len(t, heard, 3)
	for _, e := range heard {
		check(t, e)
	}
}

func edgeByHand[I comparable](t *testing.T, m *ModelSignals[I], instance I) {
	t.Helper()
	for _, created := range []bool{true, false} {
		for _, s := range []*Signal[SaveEvent[I]]{m.PreSave, m.PostSave} {
			edgeSends(t, s, SaveEvent[I]{Instance: instance, Created: created}, func(t *testing.T, e SaveEvent[I]) {
				t.Helper()
				assert.Equal(t, instance, e.Instance)
				assert.Equal(t, created, e.Created)
				_, err := e.Original()
				assert.Equal(t, created, err == nil)
				assert.True(t, e.Changed())
				assert.Empty(t, e.UpdateFields())
				assert.False(t, e.Restored() || e.Raw())
				assert.NotNil(t, e.DB())
				assert.Equal(t, e.Schema().Table, e.Table())
			})
		}
		for _, s := range []*Signal[DeleteEvent[I]]{m.PreDelete, m.PostDelete} {
			edgeSends(t, s, DeleteEvent[I]{Instance: instance, Soft: created, Cascade: !created}, func(t *testing.T, e DeleteEvent[I]) {
				t.Helper()
				assert.Equal(t, instance, e.Instance)
				assert.Equal(t, [2]bool{created, !created}, [2]bool{e.Soft, e.Cascade})
				assert.False(t, e.Raw())
				assert.NotNil(t, e.DB())
				assert.Equal(t, e.Schema().Table, e.Table())
			})
		}
		sent := M2MEvent[I]{Instance: instance, Relation: "Tags", Action: PostClear, Reverse: created, PKs: []any{7, "x", 1.5}}
		edgeSends(t, m.M2MChanged, sent, func(t *testing.T, e M2MEvent[I]) {
			t.Helper()
			assert.NotNil(t, e.DB())
			assert.NotNil(t, e.Schema())
			assert.False(t, e.Raw())
			e.answers = answers{}
			assert.Equal(t, sent, e)
		})
	}
	edgeSends(t, m.PostLoad, LoadEvent[I]{Instance: instance}, func(t *testing.T, e LoadEvent[I]) {
		t.Helper()
		assert.Equal(t, instance, e.Instance)
		assert.NotNil(t, e.DB())
	})
}

// edgeModel tests the signals of a model, by hand and by writes: row is created, changed by change, loaded and deleted.
func edgeModel[M any, I comparable](row *M, change string, to any, of func(*gorm.DB) *ModelSignals[I], as func(*M) I, back func(I) *M) func(t *testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		db, err := gorm.Open(sqlite.Open("file::memory:?cache=private"), &gorm.Config{Logger: logger.Discard})
		require.NoError(t, err)
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		t.Cleanup(func() { _ = pool.Close() })
		require.NoError(t, db.Use(Plugin{}))
		require.NoError(t, db.AutoMigrate(new(M)))
		m := of(db)
		edgeByHand(t, m, as(row))
		var pre, post edgeHeard[I]
		edgeConnect(m.PreSave, &pre.saves)
		edgeConnect(m.PostSave, &post.saves)
		edgeConnect(m.PreDelete, &pre.deletes)
		edgeConnect(m.PostDelete, &post.deletes)
		edgeConnect(m.PostLoad, &post.loads)
		raw := db.WithContext(Raw(t.Context()))

		require.NoError(t, raw.Create(row).Error)
		for _, e := range append(pre.saves, post.saves...) {
			assert.Same(t, row, back(e.Instance))
			assert.True(t, e.Created && e.Raw() && e.Changed())
			assert.NotEmpty(t, e.Changes())
			original, err := e.Original()
			require.NoError(t, err)
			assert.Zero(t, original)
		}
		assert.Equal(t, [2]int{2, 2}, [2]int{len(pre.saves), len(post.saves)})

		if change != "" { // a row of a key alone has nothing to change
			edgeUpdate(t, db, row, change, to, &pre, &post, back)
		}
		var found M
		require.NoError(t, db.First(&found).Error)
		require.Len(t, post.loads, 2)
		for _, e := range post.loads {
			assert.Same(t, &found, back(e.Instance))
		}
		require.NoError(t, db.Delete(&found).Error)
		for _, e := range append(pre.deletes, post.deletes...) {
			assert.Equal(t, &found, back(e.Instance))
			assert.False(t, e.Soft || e.Cascade || e.Raw())
			assert.Equal(t, e.Schema().Table, e.Table())
		}
		assert.Equal(t, [2]int{2, 2}, [2]int{len(pre.deletes), len(post.deletes)})
	}
}

// edgeUpdate changes a row.
func edgeUpdate[M, I any](t *testing.T, db *gorm.DB, row *M, change string, to any, pre, post *edgeHeard[I], back func(I) *M) {
	t.Helper()
	before := *row
	require.NoError(t, db.Model(row).Update(change, to).Error)
	for _, e := range append(pre.saves[2:], post.saves[2:]...) {
		assert.False(t, e.Created || e.Raw() || e.Restored())
		original, err := e.Original()
		require.NoError(t, err)
		assert.Equal(t, &before, back(original))
		assert.NotEqual(t, &before, back(e.Instance))
		assert.True(t, e.Changed(change))
		require.Len(t, e.Changes(), 1)
		assert.Equal(t, change, e.Changes()[0].Field)
		assert.Equal(t, []string{change}, e.UpdateFields())
		assert.Equal(t, e.Schema().Table, e.Table())
	}
	assert.Equal(t, [2]int{4, 4}, [2]int{len(pre.saves), len(post.saves)})
}

func self[M any](m *M) *M { return m }

func TestReceiversGetEventsOfModelsOfEveryShapeAsTheyWereSent(t *testing.T) {
	t.Parallel()
	number, other := int64(1), "other"
	t.Run("text", edgeModel(&edgeText{ID: 1, Name: "a"}, "Name", "b", For[edgeText], self[edgeText], self[edgeText]))
	t.Run("pointer", edgeModel(&edgePointer{&number}, "", nil, For[edgePointer], self[edgePointer], self[edgePointer]))
	big := &edgeBig{ID: 1, A: "a", H: strings.Repeat("h", 100), Numbers: [64]byte{63: 1}, Price: 1.5}
	t.Run("big", edgeModel(big, "Price", 2.5, For[edgeBig], self[edgeBig], self[edgeBig]))
	t.Run("any", edgeModel(&edgeAny{ID: 1, Data: "a"}, "Name", "b", For[edgeAny], self[edgeAny], self[edgeAny]))
	t.Run("generic", edgeModel(&edgeGeneric[float64]{ID: 1, Value: 1}, "Value", 2.5, For[edgeGeneric[float64]], self[edgeGeneric[float64]], self[edgeGeneric[float64]]))
	t.Run("generic of a pointer", edgeModel(&edgeGeneric[*string]{ID: 1}, "Value", &other, For[edgeGeneric[*string]], self[edgeGeneric[*string]], self[edgeGeneric[*string]]))
	embeds := func() *edgeEmbeds { return &edgeEmbeds{EdgeBase{1, "a"}, 1} }
	t.Run("embeds", edgeModel(embeds(), "More", float32(2), For[edgeEmbeds], self[edgeEmbeds], self[edgeEmbeds]))
	t.Run("an interface of values", edgeModel(embeds(), "More", float32(2), Implementing[edgeByValue],
		func(m *edgeEmbeds) edgeByValue { return m }, func(i edgeByValue) *edgeEmbeds { m, _ := i.(*edgeEmbeds); return m }))
	t.Run("an interface of pointers", edgeModel(embeds(), "More", float32(2), Implementing[edgeByPointer],
		func(m *edgeEmbeds) edgeByPointer { return m }, func(i edgeByPointer) *edgeEmbeds { m, _ := i.(*edgeEmbeds); return m }))
	t.Run("any interface", edgeModel(&edgeText{ID: 1, Name: "a"}, "Name", "b", Implementing[any],
		func(m *edgeText) any { return m }, func(i any) *edgeText { m, _ := i.(*edgeText); return m }))
}

func TestReceiversGetTheLinksOfAModelAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(sqlite.Open("file::memory:?cache=private"), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = pool.Close() })
	require.NoError(t, db.Use(Plugin{}))
	require.NoError(t, db.AutoMigrate(&edgeBig{}, &edgeText{}))
	var heard edgeHeard[*edgeBig]
	edgeConnect(For[edgeBig](db).M2MChanged, &heard.links)
	big, tag := &edgeBig{ID: 3}, &edgeText{ID: 5, Name: "a"}
	require.NoError(t, db.Create(big).Error)
	require.NoError(t, db.Create(tag).Error)
	require.NoError(t, db.Model(big).Association("Tags").Append(tag))
	require.Len(t, heard.links, 4)
	for i, e := range heard.links {
		assert.Equal(t, uint(3), e.Instance.ID)
		assert.Equal(t, []M2MAction{PreAdd, PreAdd, PostAdd, PostAdd}[i], e.Action)
		assert.Equal(t, "Tags", e.Relation)
		assert.Equal(t, []any{uint(5)}, e.PKs)
		assert.False(t, e.Reverse || e.Raw())
		assert.Equal(t, "edge_bigs", e.Schema().Table)
		assert.NotNil(t, e.DB())
	}
}
