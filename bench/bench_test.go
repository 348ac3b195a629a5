package bench_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/nulldb"
)

// benchProduct is the model of the workloads.
type benchProduct struct {
	ID        uint
	Name      string
	Category  string
	Price     int64
	Stock     int
	CreatedAt time.Time
	UpdatedAt time.Time
}

func (benchProduct) TableName() string { return "products" }

// hookedProduct does in GORM's own hooks what the receivers of the workloads do.
type hookedProduct benchProduct

func (*hookedProduct) TableName() string             { return "products" }
func (p *hookedProduct) BeforeSave(*gorm.DB) error   { return checkPrice(p.Price) }
func (p *hookedProduct) AfterSave(*gorm.DB) error    { return checkPrice(p.Price) }
func (p *hookedProduct) BeforeDelete(*gorm.DB) error { return checkPrice(p.Price) }
func (p *hookedProduct) AfterDelete(*gorm.DB) error  { return checkPrice(p.Price) }

// comparingProduct compares itself with the stored row.
type comparingProduct benchProduct

func (*comparingProduct) TableName() string { return "products" }

func (p *comparingProduct) BeforeSave(tx *gorm.DB) error {
	var old benchProduct
	if err := tx.Session(&gorm.Session{NewDB: true}).First(&old, p.ID).Error; err != nil {
		return err
	}
	return comparePrice(p.Price, old.Price)
}

func (p *comparingProduct) AfterSave(*gorm.DB) error { return checkPrice(p.Price) }

var errPrice = errors.New("bad price")

// checkPrice is the work of a receiver that reads a field.
func checkPrice(price int64) error {
	if price < 0 {
		return errPrice
	}
	return nil
}

func comparePrice(price, old int64) error {
	if price < 0 && old > 0 {
		return errPrice
	}
	return nil
}

// backend is where a workload runs.
type backend struct {
	name string
	open func(b testing.TB) *gorm.DB
}

var (
	onNull   = backend{"null", openNull}
	onMemory = backend{"memory", openMemory}
	nowhere  = backend{"send", func(testing.TB) *gorm.DB { return nil }}
)

// openNull returns a database that answers at once, for what is lost in the noise of a real one.
func openNull(tb testing.TB) *gorm.DB {
	tb.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pool := nulldb.Open(nulldb.Row{
		Columns: []string{"id", "name", "category", "price", "stock", "created_at", "updated_at"},
		Values:  []driver.Value{int64(1), "tea", "drinks", int64(250), int64(40), now, now},
	})
	tb.Cleanup(func() { _ = pool.Close() })
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	check(tb, err)
	return db
}

// openMemory returns SQLite in memory on one connection.
func openMemory(tb testing.TB) *gorm.DB {
	tb.Helper()
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	check(tb, err)
	pool, err := db.DB()
	check(tb, err)
	pool.SetMaxOpenConns(1)
	tb.Cleanup(func() { _ = pool.Close() })
	check(tb, db.AutoMigrate(&benchProduct{}))
	fill(tb, db, 1)
	return db
}

// fill makes the table hold n rows of one category and a few of another one.
func fill(tb testing.TB, db *gorm.DB, n int) {
	tb.Helper()
	check(tb, db.Exec("DELETE FROM products").Error)
	check(tb, db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO products (id, name, category, price, stock, created_at, updated_at)
		SELECT i, 'product ' || i, CASE WHEN i > ? THEN 'kept' ELSE 'drinks' END, 100 + i % 50, 40,
			'2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00' FROM n`, n+10, n).Error)
}

// variant is one way of doing the work of a workload. prepare is called once on a database of its own.
type variant struct {
	name    string
	prepare func(tb testing.TB, db *gorm.DB) work
}

// work is one iteration of a workload.
type work struct {
	before func() // not measured; nil means nothing
	run    func() error
}

// compare benchmarks every variant by itself, for the allocations, and all of them in turns, for the ratios: what one
// machine does at one time is all that can be compared. The first variant is the plain one.
func compare(b *testing.B, on backend, variants ...variant) {
	b.Helper()
	for _, v := range variants {
		b.Run(on.name+"/"+v.name, func(b *testing.B) {
			w := v.prepare(b, on.open(b))
			b.ReportAllocs()
			for b.Loop() {
				if w.before != nil {
					b.StopTimer()
					w.before()
					b.StartTimer()
				}
				check(b, w.run())
			}
		})
	}
	b.Run(on.name+"/ratio", func(b *testing.B) {
		turns := make([]*turn, len(variants))
		for i, v := range variants {
			turns[i] = &turn{work: v.prepare(b, on.open(b))}
		}
		for b.Loop() {
			takeTurns(b, turns)
		}
		for len(turns[0].took) < 7 {
			takeTurns(b, turns)
		}
		plain := turns[0].median()
		for i, v := range variants[1:] {
			took := turns[i+1].median()
			b.ReportMetric(took/plain, v.name+"/plain")
			b.ReportMetric(took-plain, v.name+"+ns")
		}
		b.ReportMetric(plain, "plain-ns")
		b.ReportMetric(0, "ns/op") // of no meaning here
	})
}

// turn is a variant that takes turns with others.
type turn struct {
	work

	took []float64
}

// inARow is how often a short piece of work is done in a turn, as its code is never in the caches at first.
const inARow = 10

func takeTurns(b *testing.B, turns []*turn) {
	b.Helper()
	round := len(turns[0].took)
	for i := range turns {
		t := turns[(i+round)%len(turns)] // nobody always comes after the same one
		times := inARow
		if t.before != nil {
			times = 1
			t.before()
			runtime.GC() // nobody pays for the garbage of another one
		}
		start := time.Now()
		for range times {
			check(b, t.run())
		}
		t.took = append(t.took, float64(time.Since(start))/float64(times))
	}
}

func (t *turn) median() float64 {
	slices.Sort(t.took)
	return t.took[len(t.took)/2]
}

// check is require.NoError without its cost.
func check(tb testing.TB, err error) { //nolint:thelper // Helper costs more than much of what is measured.
	if err != nil {
		fail(tb, err)
	}
}

func fail(tb testing.TB, err error) {
	tb.Helper()
	tb.Fatal(err)
}

// install adds the plugin without receivers.
func install(tb testing.TB, db *gorm.DB) *signals.ModelSignals[*benchProduct] {
	tb.Helper()
	check(tb, db.Use(signals.Plugin{}))
	return signals.For[benchProduct](db)
}

// connectSave connects a pre_save and a post_save receiver that read a field.
func connectSave(tb testing.TB, db *gorm.DB, opts ...signals.ConnectOption) {
	tb.Helper()
	s := install(tb, db)
	read := func(_ context.Context, e signals.SaveEvent[*benchProduct]) error { return checkPrice(e.Instance.Price) }
	s.PreSave.Connect(read, opts...)
	s.PostSave.Connect(read, opts...)
}

// connectCompare connects a pre_save receiver that compares with the stored row, and a post_save receiver that reads a field.
func connectCompare(tb testing.TB, db *gorm.DB) {
	tb.Helper()
	s := install(tb, db)
	s.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*benchProduct]) error {
		old, err := e.Original()
		if err != nil || e.Created {
			return err
		}
		return comparePrice(e.Instance.Price, old.Price)
	})
	s.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*benchProduct]) error { return checkPrice(e.Instance.Price) })
}

// connectDelete connects a pre_delete and a post_delete receiver that read a field.
func connectDelete(tb testing.TB, db *gorm.DB, seen func()) {
	tb.Helper()
	s := install(tb, db)
	read := func(_ context.Context, e signals.DeleteEvent[*benchProduct]) error {
		seen()
		return checkPrice(e.Instance.Price)
	}
	s.PreDelete.Connect(read)
	s.PostDelete.Connect(read)
}

// heap measures by how much the Go heap grows at most, garbage that is not collected yet included.
type heap struct {
	sample      []metrics.Sample
	start, peak uint64
	calls       int
}

func newHeap() *heap {
	return &heap{sample: []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}}
}

func (h *heap) begin() {
	runtime.GC()
	metrics.Read(h.sample)
	h.start = h.sample[0].Value.Uint64()
}

// row is called for every row and looks at the heap every hundredth time.
func (h *heap) row() {
	if h.calls++; h.calls%100 == 0 {
		h.end()
	}
}

func (h *heap) end() {
	metrics.Read(h.sample)
	if now := h.sample[0].Value.Uint64(); now > h.start {
		h.peak = max(h.peak, now-h.start)
	}
}

// grown returns the growth in megabytes.
func (h *heap) grown() float64 { return float64(h.peak) / (1 << 20) }
