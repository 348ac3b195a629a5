package faults

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/beside"
)

// Place is a database whose driver can be made to fail.
type Place struct {
	Open beside.Open                                                     // an empty one, through a driver that does not fail
	Over func(in *Injector) (pool *sql.DB, at gorm.Dialector, err error) // the one opened last, through a driver that may
	Not  []string                                                        // scenarios that fail there without any fault, or that its triggers do not see
}

// patience is how long a connection may take to come back.
const patience = 5 * time.Second

type mode struct {
	name     string
	config   gorm.Config
	tracking signals.Tracking
}

func modes() []mode {
	return []mode{
		{"plain", gorm.Config{}, signals.TrackAll},
		{"PrepareStmt", gorm.Config{PrepareStmt: true}, signals.TrackAll},
		{"SkipDefaultTransaction", gorm.Config{SkipDefaultTransaction: true}, signals.TrackAll},
		{"TrackExplicit", gorm.Config{}, signals.TrackExplicit},
	}
}

// Run lets calls of every scenario fail in every way and mode: one of sample, or all where SIGNALS_TEST_FAULTS is "all".
func Run(t *testing.T, place func(t *testing.T) Place, sample int) {
	t.Helper()
	if os.Getenv("SIGNALS_TEST_FAULTS") == "all" {
		sample = 1
	}
	for m, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			p := place(t)
			r := &run{mode: mode, in: &Injector{}, witness: beside.NewWitness(t, p.Open)}
			r.open(t, p)
			turn, tried := m, 0
			for _, s := range Scenarios() {
				if slices.Contains(p.Not, s.Name) {
					continue
				}
				calls, _ := r.try(t, s, 0, None)
				for at := 1; at <= calls; at++ {
					for fault := Before; fault <= BadConn; fault++ {
						if turn++; turn%max(sample, 1) == 0 {
							_, _ = r.try(t, s, at, fault) // a call that fails is one of the answers
							tried++
						}
					}
				}
			}
			t.Logf("faults: %d tried", tried)
		})
	}
}

type run struct {
	mode    mode
	in      *Injector
	witness *beside.Witness
	db      *gorm.DB

	mu      sync.Mutex
	handled []error
}

// open opens the database with the plugin over the driver that may fail.
func (r *run) open(t *testing.T, p Place) {
	t.Helper()
	pool, at, err := p.Over(r.in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	config := r.mode.config
	config.Logger, config.NowFunc = logger.Discard, r.witness.Now
	db, err := gorm.Open(at, &config)
	if err == nil {
		err = db.Use(signals.Plugin{BatchSize: 2, Tracking: r.mode.tracking, ErrorHandler: func(_ context.Context, err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.handled = append(r.handled, err)
		}})
	}
	if err != nil {
		t.Fatal(err)
	}
	r.db = db
	r.witness.Connect(db)
}

// try runs a scenario with one fault, and compares what was told with what is stored.
func (r *run) try(t *testing.T, s Scenario, at int, fault Fault) (calls int, err error) {
	t.Helper()
	r.witness.Begin(t)
	r.mu.Lock()
	r.handled = nil
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r.in.Arm(at, fault, cancel)
	err = s.Do(r.db.WithContext(ctx))
	calls, failed := r.in.Disarm()
	if n := r.inUse(); n > 0 {
		t.Errorf("%s, call %d %v: %s\nleaves %d connections in use", s.Name, at, fault, failed, n)
	}
	untold, unwritten := r.witness.Compare(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	unknown := errors.Is(errors.Join(r.handled...), signals.ErrOutcomeUnknown)
	if unknown {
		untold = nil
	}
	if len(untold)+len(unwritten) > 0 || (at == 0 && err != nil) {
		t.Errorf("%s, call %d %v: %s\nanswers %v; handled %v\nstored and not told:\n%s\ntold and not stored:\n%s",
			s.Name, at, fault, failed, err, r.handled, strings.Join(untold, "\n"), strings.Join(unwritten, "\n"))
	}
	return calls, err
}

// inUse returns how many connections stay in use. The pool rolls back in a goroutine of its own after a context has ended.
func (r *run) inUse() int {
	pool, err := r.db.DB()
	if err != nil {
		return 0
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); pool.Stats().InUse > 0 && time.Now().Before(end); {
		<-tick.C
	}
	return pool.Stats().InUse
}
