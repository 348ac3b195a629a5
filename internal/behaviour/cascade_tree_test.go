package behaviour_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// treeNode is a row of a table that refers to itself.
type treeNode struct {
	ID       uint
	Name     string
	ParentID *uint
	Children []treeNode `gorm:"foreignKey:ParentID;constraint:OnDelete:CASCADE"`
}

// readLog keeps how many rows each SELECT of whole rows has read.
type readLog struct {
	logger.Interface

	mu   sync.Mutex
	rows []int64
}

func (l *readLog) LogMode(logger.LogLevel) logger.Interface { return l }

func (l *readLog) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	if sql, n := fc(); strings.HasPrefix(sql, "SELECT") && strings.Contains(sql, "name") {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.rows = append(l.rows, n)
	}
}

// seedTree stores rows with these parents; the first row has the key 1, and 0 is no parent.
func seedTree(t *testing.T, db *gorm.DB, parents []uint) {
	t.Helper()
	nodes := make([]treeNode, len(parents))
	for i, parent := range parents {
		if nodes[i] = (treeNode{ID: uint(i + 1), Name: "a"}); parent > 0 {
			nodes[i].ParentID = &parents[i]
		}
	}
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("PRAGMA defer_foreign_keys = ON").Error)
		return tx.CreateInBatches(nodes, 100).Error
	}))
}

// trees are shapes of the table, by name.
func trees(n int) map[string][]uint {
	chain, reverse, star, wide, forest := make([]uint, n), make([]uint, n), make([]uint, n), make([]uint, n), make([]uint, n)
	for i := range n {
		chain[i] = uint(i)          // each row under the one before it
		wide[i] = uint((i + 2) / 3) // three children each
		forest[i] = uint(i % 7 * i) // some roots
		if reverse[i] = uint(i + 2); i == n-1 {
			reverse[i] = 0 // each row under the one after it
		}
		if forest[i] > uint(i) {
			forest[i] = uint(i)
		}
		if i > 0 {
			star[i] = 1
		}
	}
	wide[0] = 0
	return map[string][]uint{"chain": chain, "reverse chain": reverse, "star": star, "three each": wide, "forest": forest}
}

func TestAConditionalDeleteInATreeReadsInBatches(t *testing.T) {
	t.Parallel()
	const n, batch = 90, 4
	for name, parents := range trees(n) {
		for _, where := range []string{"1 = 1", "id % 2 = 0", "id % 5 = 1", "id > 50", "id < 20"} {
			t.Run(name+" where "+where, func(t *testing.T) {
				t.Parallel()
				reads := &readLog{Interface: logger.Discard}
				db := testkit.OpenWith(t, &gorm.Config{Logger: reads}, signals.Plugin{BatchSize: batch}, &treeNode{})
				plain := testkit.Open(t, &gorm.Config{}, &treeNode{})
				seedTree(t, db, parents)
				seedTree(t, plain, parents)
				heard := &treeTrace{parents: parents, named: map[uint]bool{}}
				var named []uint
				require.NoError(t, plain.Model(&treeNode{}).Where(where).Pluck("id", &named).Error)
				for _, id := range named {
					heard.named[id] = true
				}
				heard.connect(db)
				reads.rows = nil

				want, got := plain.Where(where).Delete(&treeNode{}), db.Where(where).Delete(&treeNode{})
				require.NoError(t, want.Error)
				require.NoError(t, got.Error)
				for _, rows := range reads.rows {
					assert.LessOrEqual(t, rows, int64(batch))
				}
				assert.Equal(t, storedNodes(t, plain), storedNodes(t, db))
				heard.check(t, storedNodes(t, db))
				assert.Equal(t, want.RowsAffected, got.RowsAffected)
			})
		}
	}
}

func storedNodes(t *testing.T, db *gorm.DB) (ids []uint) {
	t.Helper()
	require.NoError(t, db.Model(&treeNode{}).Order("id").Pluck("id", &ids).Error)
	return ids
}

// treeTrace records the order in which rows of a tree are told of.
type treeTrace struct {
	parents   []uint
	named     map[uint]bool // by the statement
	pre, post []uint
	wrong     []string
}

func (tr *treeTrace) connect(db *gorm.DB) {
	s := signals.For[treeNode](db)
	hear := func(to *[]uint) signals.Receiver[signals.DeleteEvent[*treeNode]] {
		return func(_ context.Context, e signals.DeleteEvent[*treeNode]) error {
			*to = append(*to, e.Instance.ID)
			if e.Cascade == tr.named[e.Instance.ID] || e.Instance.Name != "a" {
				tr.wrong = append(tr.wrong, fmt.Sprintf("%d cascade=%t name=%q", e.Instance.ID, e.Cascade, e.Instance.Name))
			}
			return nil
		}
	}
	s.PreDelete.Connect(hear(&tr.pre))
	s.PostDelete.Connect(hear(&tr.post))
}

// check sees that every row that is not left was told of once in both phases, children before their parents.
func (tr *treeTrace) check(t *testing.T, left []uint) {
	t.Helper()
	assert.Empty(t, tr.wrong)
	for phase, told := range map[string][]uint{"pre_delete": tr.pre, "post_delete": tr.post} {
		at := map[uint]int{}
		for i, id := range told {
			assert.NotContains(t, at, id, "%s twice", phase)
			at[id] = i
		}
		for i, parent := range tr.parents {
			id := uint(i + 1)
			_, was := at[id]
			assert.NotEqual(t, was, contains(left, id), "%s of %d", phase, id)
			if above, ok := at[parent]; ok && was {
				assert.Less(t, at[id], above, "%s of %d before that of its parent %d", phase, id, parent)
			}
		}
	}
}

func contains(ids []uint, id uint) bool {
	return slices.Contains(ids, id)
}
