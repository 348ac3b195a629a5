package behaviour_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// TestAnUpsertThatNamesARowTwiceSendsTheStepsThatATriggerLetsPass: the trigger keeps the row, or the first or second step of it.
func TestAnUpsertThatNamesARowTwiceSendsTheStepsThatATriggerLetsPass(t *testing.T) {
	t.Parallel()
	for keeps, want := range map[string][]string{
		"OLD.name = '1'": {"true b:->b:x"},
		"NEW.name = '2'": {"true b:->b:x", "false a:1->a:3"},
		"NEW.name = '3'": {"false a:1->a:2", "true b:->b:x"},
	} {
		t.Run(keeps, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Coded{})
			require.NoError(t, db.Create(&Coded{Code: "a", Name: "1"}).Error)
			require.NoError(t, db.Exec("CREATE TRIGGER keep BEFORE UPDATE ON codeds WHEN "+keeps+" BEGIN SELECT RAISE(IGNORE); END").Error)
			var steps []string
			signals.For[Coded](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Coded]) error {
				old, err := e.Original()
				if old == nil {
					old = &Coded{Code: e.Instance.Code}
				}
				steps = append(steps, fmt.Sprint(e.Created, " ", old.Code, ":", old.Name, "->", e.Instance.Code, ":", e.Instance.Name))
				return err
			}, signals.Needs(signals.Original))
			upsert := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"code", "name"})}
			require.NoError(t, db.Clauses(upsert).Create(&[]Coded{{ID: 1, Code: "a", Name: "2"}, {ID: 2, Code: "b", Name: "x"}, {ID: 1, Code: "a", Name: "3"}}).Error)
			assert.Equal(t, want, steps)
		})
	}
}

// Timed has a time that GORM sets while it writes.
type Timed struct {
	ID        uint
	Name      string
	UpdatedAt time.Time
}

func TestTheSecondStepOfARowHasTheTimeThatGORMGaveTheFirstOne(t *testing.T) {
	t.Parallel()
	db := open(t, &Timed{})
	require.NoError(t, db.Create(&Timed{ID: 1, Name: "1"}).Error)
	var times []bool
	signals.For[Timed](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Timed]) error {
		old, err := e.Original()
		if e.Instance.Name == "3" {
			times = append(times, old.UpdatedAt.IsZero(), old.UpdatedAt.Equal(e.Instance.UpdatedAt))
		}
		return err
	}, signals.Needs(signals.Original))
	require.NoError(t, db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Timed{{ID: 1, Name: "2"}, {ID: 1, Name: "3"}}).Error)
	assert.Equal(t, []bool{false, true}, times)
}
