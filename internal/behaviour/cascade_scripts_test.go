package behaviour_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// kin is a table of the scripts below: its model, and the tables that its foreign keys refer to.
type kin struct {
	table, model string
	keys         []string // column and table by turns
	new          func() any
}

func kins() []kin {
	return []kin{
		{"peaks", "Peak", nil, func() any { return &Peak{} }},
		{"east_ridges", "EastRidge", []string{"peak_id", "peaks"}, func() any { return &EastRidge{} }},
		{"west_ridges", "WestRidge", []string{"peak_id", "peaks"}, func() any { return &WestRidge{} }},
		{"camps", "Camp", []string{"peak_id", "peaks", "east_ridge_id", "east_ridges", "west_ridge_id", "west_ridges"}, func() any { return &Camp{} }},
		{"branches", "Branch", []string{"parent_id", "branches"}, func() any { return &Branch{} }},
		{"teams", "Team", nil, func() any { return &Team{} }},
		{"matches", "Match", []string{"home_id", "teams", "away_id", "teams"}, func() any { return &Match{} }},
		{"latches", "Latch", []string{"bolt_id", "bolts"}, func() any { return &Latch{} }},
		{"bolts", "Bolt", []string{"latch_id", "latches"}, func() any { return &Bolt{} }},
	}
}

// kinScript is one script: rows are made and some are deleted, all by chance.
type kinScript struct {
	db     *gorm.DB
	random *rand.Rand
	text   string
	events []string
	act    func(db *gorm.DB) error // what a receiver of pre_delete does, once
	wait   int                     // events before it
}

func (s *kinScript) hear(phase string) signals.Receiver[signals.DeleteEvent[any]] {
	return func(ctx context.Context, e signals.DeleteEvent[any]) error {
		id, _ := e.Schema().PrioritizedPrimaryField.ValueOf(ctx, reflect.ValueOf(e.Instance).Elem())
		s.events = append(s.events, fmt.Sprint(phase, " ", e.Schema().Table, " ", id))
		if s.wait--; s.wait >= 0 || s.act == nil || phase != "pre" {
			return nil
		}
		act := s.act
		s.act = nil
		return act(e.DB())
	}
}

// fill makes up to n rows in every table. Branches grow on earlier ones only.
func (s *kinScript) fill(t *testing.T, n int) (sizes map[string]int) {
	t.Helper()
	sizes = map[string]int{}
	for _, k := range kins() {
		sizes[k.table] = 1 + s.random.IntN(n)
		require.NoError(t, s.db.Exec("DELETE FROM "+k.table).Error)
	}
	require.NoError(t, s.db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("PRAGMA defer_foreign_keys = on").Error)
		for _, k := range kins() {
			for id := 1; id <= sizes[k.table]; id++ {
				row := map[string]any{"id": id}
				for i := 0; i < len(k.keys); i += 2 {
					of := sizes[k.keys[i+1]]
					if k.table == "branches" {
						of = id - 1
					}
					if of > 0 && (k.model != "Camp" && k.model != "Latch" && k.model != "Bolt" || s.random.IntN(4) > 0) {
						row[k.keys[i]] = 1 + s.random.IntN(of)
					}
				}
				require.NoError(t, tx.Table(k.table).Create(row).Error)
			}
		}
		return nil
	}))
	return sizes
}

// stored returns the rows with the rows that they refer to.
func (s *kinScript) stored(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, k := range kins() {
		var list []map[string]any
		require.NoError(t, s.db.Table(k.table).Find(&list).Error)
		for _, row := range list {
			parents := []string{}
			for i := 0; i < len(k.keys); i += 2 {
				if id := row[k.keys[i]]; id != nil {
					parents = append(parents, fmt.Sprint(k.keys[i+1], " ", id))
				}
			}
			found[fmt.Sprint(k.table, " ", row["id"])] = parents
		}
	}
	return found
}

// run deletes some rows and compares what was sent with what is gone.
func (s *kinScript) run(t *testing.T, n int, acting bool) {
	t.Helper()
	sizes := s.fill(t, n)
	one := func() (kin, int) {
		k := kins()[s.random.IntN(len(kins()))]
		return k, 1 + s.random.IntN(sizes[k.table])
	}
	before := s.stored(t)
	k, id := one()
	ids := []int{id, 1 + s.random.IntN(sizes[k.table]), 1 + s.random.IntN(sizes[k.table])}
	s.text, s.events, s.act = fmt.Sprint(s.text, ": delete ", k.table, " ", ids), nil, nil
	if acting {
		other, id := one()
		s.wait = s.random.IntN(6)
		s.text += fmt.Sprint(", after ", s.wait, " events a receiver deletes ", other.table, " ", id)
		s.act = func(db *gorm.DB) error { return db.Delete(other.new(), id).Error }
	}
	tx := s.db.Begin()
	plain := tx.Session(&gorm.Session{SkipHooks: true}).Delete(k.new(), ids)
	require.NoError(t, tx.Rollback().Error)
	result := s.db.Delete(k.new(), ids)
	require.NoError(t, result.Error, s.text)
	if !acting {
		require.Equal(t, plain.RowsAffected, result.RowsAffected, "%s\nof %v\nsent %v", s.text, before, s.events)
	}
	s.check(t, before, s.stored(t), acting)
}

func (s *kinScript) check(t *testing.T, before, after map[string][]string, acting bool) {
	t.Helper()
	var gone []string
	for row := range before {
		if _, left := after[row]; !left {
			gone = append(gone, row)
		}
	}
	for _, phase := range []string{"pre ", "post "} {
		var told []string
		for _, event := range s.events {
			if row, ok := strings.CutPrefix(event, phase); ok {
				told = append(told, row)
			}
		}
		if acting && phase == "pre " { // a row can be announced twice, and then stay
			continue
		}
		require.ElementsMatch(t, gone, told, "%s%s\nof %v\nsent %v", phase, s.text, before, s.events)
		for at, row := range told {
			for _, parent := range before[row] {
				circle := strings.HasPrefix(row, "latches") || strings.HasPrefix(row, "bolts")
				if later := slices.Index(told, parent); !acting && !circle && later >= 0 {
					require.Less(t, at, later, "%s%s comes before %s\n%s\nof %v\nsent %v", phase, row, parent, s.text, before, s.events)
				}
			}
		}
	}
}

func TestWhatCascadesTellOfIsWhatIsGone(t *testing.T) {
	t.Parallel()
	for _, acting := range []bool{false, true} {
		for size, n := range map[int]int{0: 6, 1: 15, 2: 6} { // 15 is more than is kept in batches of 1
			t.Run(fmt.Sprint("batches of ", size, " acting ", acting), func(t *testing.T) {
				t.Parallel()
				db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size},
					&Peak{}, &EastRidge{}, &WestRidge{}, &Camp{}, &Branch{}, &Team{}, &Match{}, &Latch{}, &Bolt{})
				require.NoError(t, db.Exec("PRAGMA synchronous = off").Error)
				s := &kinScript{db: db}
				signals.Implementing[any](db).PreDelete.Connect(s.hear("pre"))
				signals.Implementing[any](db).PostDelete.Connect(s.hear("post"))
				for seed := range uint64(100) {
					s.text, s.random = fmt.Sprint("script ", seed), rand.New(rand.NewPCG(seed, 1))
					s.run(t, n, acting)
				}
				assert.NotEmpty(t, s.events)
			})
		}
	}
}
