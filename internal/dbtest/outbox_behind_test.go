package dbtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// queries is a logger that keeps the queries of the outbox.
type queries struct {
	logger.Interface

	mu  sync.Mutex
	all []string
}

func (q *queries) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	sql, _ := fc()
	q.mu.Lock()
	defer q.mu.Unlock()
	if strings.HasPrefix(sql, "/* outbox */") {
		q.all = append(q.all, sql)
	}
}

// examined returns how many rows a database looks at to answer a query.
func examined(t *testing.T, db *gorm.DB, sql string) (rows float64) {
	t.Helper()
	switch db.Name() {
	case "postgres":
		var plan string
		require.NoError(t, db.Raw("EXPLAIN (ANALYZE, FORMAT JSON) "+sql).Scan(&plan).Error)
		var nodes any
		require.NoError(t, json.Unmarshal([]byte(plan), &nodes))
		return scanned(nodes)
	case "mysql":
		require.NoError(t, db.Exec("FLUSH STATUS").Error)
		var ignored []map[string]any
		require.NoError(t, db.Raw(sql).Scan(&ignored).Error)
		var status []struct {
			VariableName string
			Value        float64
		}
		require.NoError(t, db.Raw("SELECT variable_name AS variable_name, variable_value AS value FROM information_schema.session_status "+
			"WHERE variable_name IN ('HANDLER_READ_FIRST', 'HANDLER_READ_KEY', 'HANDLER_READ_LAST', 'HANDLER_READ_NEXT', 'HANDLER_READ_PREV')").Scan(&status).Error)
		require.Len(t, status, 5)
		for _, s := range status {
			rows += s.Value
		}
	}
	return rows
}

// scanned adds up what the scans of a plan have read and thrown away.
func scanned(node any) (rows float64) {
	switch n := node.(type) {
	case []any:
		for _, one := range n {
			rows += scanned(one)
		}
	case map[string]any:
		if kind, _ := n["Node Type"].(string); strings.Contains(kind, "Scan") {
			for _, name := range []string{"Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"} {
				number, _ := n[name].(float64)
				rows += number
			}
		}
		for _, one := range n {
			rows += scanned(one)
		}
	}
	return rows
}

// letWait writes events of a row into the outbox by hand.
func letWait(t *testing.T, db *gorm.DB, channel, typ, subject string, n int, due int64) {
	t.Helper()
	for n > 0 {
		some := min(n, 2_000)
		n -= some
		values := make([]string, some)
		for i := range values {
			values[i] = fmt.Sprintf("('%036s', '%s', '%s', '%s', '', 'application/json', '{}', 0, %d, '')", unique(), channel, typ, subject, due)
		}
		require.NoError(t, db.Exec("INSERT INTO signals_outbox (id, channel, type, subject, headers, content_type, data, created_at, due_at, error) VALUES "+
			strings.Join(values, ", ")).Error)
	}
}

func TestAnEventThatFailedCostsNoMoreWithManyBehindIt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		if name := dialector().Name(); name == "sqlite" {
			t.Skip("package outbox does it")
		}
		q := &queries{Interface: logger.Discard}
		db := connect(t, dialector(), &gorm.Config{})
		db.Logger = q // of the sessions that are made of it
		require.NoError(t, db.AutoMigrate(&Parcel{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		ob := mailbox(t, db, outbox.Config{})
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1) // which counts
		h := 0
		letWait(t, db, "", "parcels.updated.v1", "parcels/1", 1, 4_000_000_000_000)
		letWait(t, db, "search", "post_save parcels", "parcels/1", 1, 4_000_000_000_000)
		cost := map[int]float64{}
		for waiting, behind := range []int{1_000, 20_000} {
			letWait(t, db, "", "parcels.updated.v1", "parcels/1", behind, 0)
			letWait(t, db, "search", "post_save parcels", "parcels/1", behind, 0)
			letWait(t, db, "", "parcels.updated.v1", fmt.Sprint("parcels/2", behind), 1, 0)
			if db.Name() == "postgres" {
				require.NoError(t, db.Exec("ANALYZE signals_outbox").Error)
			} else {
				require.NoError(t, db.Exec("ANALYZE TABLE signals_outbox").Error)
			}
			q.all = nil
			sent, err := ob.Relay(&engine{}).Drain(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, sent)
			if waiting == 0 {
				signals.For[Parcel](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Parcel]) error {
					h++
					return nil
				}, outbox.Durable(ob, "search"))
			}
			require.NoError(t, db.Create(&Parcel{ID: uint(100 + behind), Name: fmt.Sprint(behind)}).Error) // looks at its own row
			asked := q.all
			require.GreaterOrEqual(t, len(asked), 5)
			for _, sql := range asked {
				n := examined(t, db, sql)
				t.Logf("%s: %d behind: %.0f rows for %.250s", db.Name(), behind, n, sql)
				cost[waiting] += n
			}
		}
		assert.Equal(t, 2, h)
		assert.Less(t, cost[1], 2*cost[0], "a look at a few rows, and not at all that wait")
	})
}
