package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
)

// reads is a logger that counts queries.
type reads struct {
	logger.Interface

	mu         sync.Mutex
	statements []string
	rows       int64
}

func (r *reads) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	sql, rows := fc()
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(sql, "SELECT") {
		r.statements, r.rows = append(r.statements, sql), r.rows+rows
	}
}

// failedWith returns an outbox in which the first event of product 1 has failed and a number of its events wait behind it. Product 2 has one younger
// event. All events are of one channel.
func failedWith(t *testing.T, behind int, channel string) (*gorm.DB, *outbox.Outbox, *reads) {
	t.Helper()
	r := &reads{Interface: logger.Discard}
	db := open(t, &Product{})
	db.Logger = r // for sessions that are derived from it
	ob := install(t, db, outbox.Config{Poll: time.Hour})
	typ := "products.updated.v1"
	if channel != "" {
		typ = "post_save products"
	}
	insert := func(subject string, n int, due string) {
		require.NoError(t, db.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "+
			"INSERT INTO signals_outbox (id, channel, type, subject, headers, content_type, data, created_at, due_at, error) "+
			"SELECT lower(hex(randomblob(18))), ?, ?, ?, '', 'application/json', '{}', 0, "+due+", '' FROM n", n, channel, typ, subject).Error)
	}
	insert("products/1", 1, "4000000000000")
	insert("products/1", behind, "0")
	insert("products/2", 1, "0")
	r.statements, r.rows = nil, 0
	return db, ob, r
}

func TestALookCostsTheSameHoweverManyEventsWaitBehindOneThatFailed(t *testing.T) {
	t.Parallel()
	const few, many = 1_000, 20_000
	cost := func(t *testing.T, behind int) (statements int, rows int64) {
		t.Helper()
		db, ob, r := failedWith(t, behind, "")
		sink := &memory{}
		sent, err := ob.Relay(sink).Drain(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, sent)
		assert.Equal(t, "products/2", sink.messages()[0].Subject)
		statements, rows = len(r.statements), r.rows
		require.NotZero(t, rows)
		for _, sql := range r.statements[:statements] {
			var plan []struct{ Detail string }
			require.NoError(t, db.Raw("EXPLAIN QUERY PLAN "+sql).Scan(&plan).Error)
			for _, step := range plan {
				assert.NotContains(t, step.Detail, "TEMP B-TREE", sql)
				if strings.Contains(step.Detail, "signals_outbox") {
					assert.Contains(t, step.Detail, "SEARCH", sql)
				}
			}
		}
		return statements, rows
	}
	wantStatements, wantRows := cost(t, few)
	statements, rows := cost(t, many)
	assert.Equal(t, wantStatements, statements)
	assert.Equal(t, wantRows, rows)
}

func TestARunnerPassesOverTheEventsBehindOneThatFailed(t *testing.T) {
	t.Parallel()
	db, ob, r := failedWith(t, 20_000, "search")
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
		h.add("called")
		return nil
	}, outbox.Durable(ob, "search"))
	stop := running(t, ob.Run)
	soon(t, func() bool { return len(h.lines()) > 0 }, "the event of the other row has its turn")
	stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	assert.Less(t, r.rows, int64(5_000), "%d statements", len(r.statements))
}

// TestEventsOfRowsWithManyThatFailedKeepTheirOrder has more rows than one read returns. In each row, an event at another place has failed.
func TestEventsOfRowsWithManyThatFailedKeepTheirOrder(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Backoff: func(int) time.Duration { return time.Hour }})
	const rows, events = 40, 30
	var values []string
	for e := range events {
		for row := range rows {
			values = append(values, fmt.Sprintf("('%036d', '', 't.x.v1', 'products/%d', '', '', '', 0, 0, '')", e*rows+row, row))
		}
	}
	require.NoError(t, db.Exec("INSERT INTO signals_outbox (id, channel, type, subject, headers, content_type, data, created_at, due_at, error) VALUES "+
		strings.Join(values, ", ")).Error)
	fails := true
	sink := &memory{refuse: func(m outbox.Message) error {
		var row int
		_, err := fmt.Sscanf(m.Subject, "products/%d", &row)
		if fails && err == nil && row%4 != 0 && int(m.Sequence) > row*rows { // the event in the middle, or the first one
			return errBoom
		}
		return nil
	}}
	relay := ob.Relay(sink, outbox.Batch(60))
	drain := func() {
		for {
			sent, err := relay.Drain(t.Context())
			require.NoError(t, err)
			if sent == 0 {
				break
			}
		}
	}
	drain()
	drain()
	for row := 0; row < rows; row += 4 {
		n := 0
		for _, m := range sink.messages() {
			if m.Subject == fmt.Sprint("products/", row) {
				n++
			}
		}
		assert.Equal(t, events, n, "row %d never failed", row)
	}
	fails = false
	require.NoError(t, db.Exec("UPDATE signals_outbox SET due_at = 0 WHERE state = 0").Error)
	drain()
	last, n := map[string]uint64{}, 0
	for _, m := range sink.messages() {
		assert.Greater(t, m.Sequence, last[m.Subject])
		last[m.Subject] = m.Sequence
		n++
	}
	assert.Equal(t, rows*events, n)
}

func TestMigrateReplacesTheIndexesOfEarlierVersions(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	for _, statement := range []string{
		"DROP INDEX signals_outbox_rows", "DROP INDEX signals_outbox_failed", "DROP INDEX signals_outbox_over", "DROP INDEX signals_outbox_queue",
		"CREATE INDEX signals_outbox_pending ON signals_outbox (channel, sequence) WHERE state = 0",
		"CREATE UNIQUE INDEX signals_outbox_id ON signals_outbox (id)",
		"CREATE INDEX signals_outbox_row ON signals_outbox (channel, subject) WHERE state = 0",
		"CREATE INDEX signals_outbox_due ON signals_outbox (state, due_at)",
	} {
		require.NoError(t, db.Exec(statement).Error)
	}
	h := &heard{}
	search(db, ob, h, nil)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Equal(t, []string{"created 1 a"}, h.lines(), "it works with the table as it was")
	for range 2 {
		require.NoError(t, ob.Migrate(t.Context()))
		var names []string
		require.NoError(t, db.Raw("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'signals_outbox' AND sql IS NOT NULL ORDER BY name").
			Scan(&names).Error)
		assert.Equal(t, []string{"signals_outbox_failed", "signals_outbox_over", "signals_outbox_queue", "signals_outbox_rows"}, names)
	}
	require.NoError(t, db.Model(&Product{ID: 1}).Update("name", "b").Error)
	assert.Equal(t, []string{"created 1 a", "updated 1 b"}, h.lines())
}

func TestALookAtAnOwnEventWalksOverNoneOfThoseBeforeIt(t *testing.T) {
	t.Parallel()
	db, ob, r := failedWith(t, 2_000, "search")
	h := &heard{}
	search(db, ob, h, nil)
	require.NoError(t, db.Create(&[]Product{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}, {ID: 3, Name: "c"}}).Error)
	assert.Equal(t, []string{"created 3 c"}, h.lines(), "the others wait behind events of their rows")
	r.mu.Lock()
	statements := r.statements
	r.mu.Unlock()
	looks := 0
	for _, sql := range statements {
		if !strings.Contains(sql, "AS earlier") {
			continue
		}
		looks++
		var plan []struct{ Detail string }
		require.NoError(t, db.Raw("EXPLAIN QUERY PLAN "+sql).Scan(&plan).Error)
		assert.Contains(t, fmt.Sprint(plan), "SEARCH o USING INTEGER PRIMARY KEY")
		assert.Contains(t, fmt.Sprint(plan), "signals_outbox_rows (channel=? AND subject=? AND sequence<?)")
		assert.NotContains(t, fmt.Sprint(plan), "TEMP B-TREE")
	}
	assert.Equal(t, 1, looks)
}
