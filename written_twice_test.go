package signals_test

import (
	"context"
	"fmt"
	"testing"

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
