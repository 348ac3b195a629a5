package dbtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Stamp has a key that the database makes, and a column that it fills in.
type Stamp struct {
	ID    uint
	Code  *string `gorm:"size:20;uniqueIndex"`
	N     int
	Label string `gorm:"size:20;default:(CONCAT('a','b'))"`
}

func (s Stamp) String() string {
	code := "-"
	if s.Code != nil {
		code = *s.Code
	}
	return fmt.Sprint(code, " ", s.N, " ", s.Label)
}

// TestRowsThatAnInsertSkipsTakeNoKeysOfOthers: GORM writes the keys that come back into the first structs of the slice.
func TestRowsThatAnInsertSkipsTakeNoKeysOfOthers(t *testing.T) {
	t.Parallel()
	code := []clause.Column{{Name: "code"}}
	larger := clause.OnConflict{
		Columns: code, DoUpdates: clause.AssignmentColumns([]string{"n"}),
		Where: clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "stamps.n < excluded.n"}}},
	}
	for name, how := range map[string]struct {
		clauses []clause.Expression
		rows    []string // code and n; "-" is none
		want    []string
		where   bool // not on MySQL, which has no such condition
		index   bool // over n, which the model does not declare
	}{
		"known to be skipped": {
			clauses: []clause.Expression{clause.OnConflict{DoNothing: true}},
			rows:    []string{"a 9", "x 1", "b 9", "y 2"}, want: []string{"new x 1 ab", "new y 2 ab"},
		},
		"by a column": {
			clauses: []clause.Expression{clause.OnConflict{Columns: code, DoNothing: true}},
			rows:    []string{"b 9", "- 1", "x 2", "x 3", "- 4"}, want: []string{"new - 1 ab", "new x 2 ab", "new - 4 ab"},
		},
		"all of them": {
			clauses: []clause.Expression{clause.OnConflict{DoNothing: true}}, rows: []string{"a 9", "b 9"},
		},
		"all that comes back is asked for": {
			clauses: []clause.Expression{clause.OnConflict{DoNothing: true}, clause.Returning{}},
			rows:    []string{"a 9", "x 1", "b 9", "y 2"}, want: []string{"new x 1 ab", "new y 2 ab"},
		},
		"by what the model does not declare": {
			clauses: []clause.Expression{clause.OnConflict{DoNothing: true}}, index: true,
			rows: []string{"x 3", "y 4", "z 3", "- 5"}, want: []string{"new y 4 ab", "new - 5 ab"},
		},
		"by a condition": {
			clauses: []clause.Expression{larger}, where: true,
			rows: []string{"b 1", "x 1", "a 5", "y 2"}, want: []string{"new x 1 ab", "old a 5 ab", "new y 2 ab"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := connect(t, dialector(), &gorm.Config{})
				if how.where && db.Name() == "mysql" {
					t.Skip("ON DUPLICATE KEY UPDATE has no condition")
				}
				require.NoError(t, db.AutoMigrate(&Stamp{}))
				require.NoError(t, db.Create(&[]Stamp{{Code: new("a"), N: 2}, {Code: new("b"), N: 3}}).Error)
				if how.index {
					require.NoError(t, db.Exec("CREATE UNIQUE INDEX stamps_n ON stamps (n)").Error)
				}
				require.NoError(t, db.Use(signals.Plugin{}))
				var heard []string
				signals.For[Stamp](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Stamp]) error {
					var stored Stamp
					assert.NoError(t, e.DB().Take(&stored, e.Instance.ID).Error)
					assert.Equal(t, stored.String(), e.Instance.String(), "the key is that of the row")
					heard = append(heard, map[bool]string{true: "new ", false: "old "}[e.Created]+stored.String())
					return nil
				})
				rows := make([]Stamp, len(how.rows))
				for i, text := range how.rows {
					var code string
					_, err := fmt.Sscan(text, &code, &rows[i].N)
					require.NoError(t, err)
					if code != "-" {
						rows[i].Code = &code
					}
				}
				tx := db
				for _, c := range how.clauses {
					tx = tx.Clauses(c)
				}
				require.NoError(t, tx.Create(&rows).Error)
				assert.Equal(t, how.want, heard)
			})
		})
	}
}
