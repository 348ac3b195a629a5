package behaviour_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals"
)

// Trash is a type of soft delete that a program made itself: 0 is live.
type Trash int64

type (
	hideTrash struct{ field *schema.Field }
	intoTrash struct{ field *schema.Field }
)

func (hideTrash) Name() string               { return "" }
func (hideTrash) Build(clause.Builder)       {}
func (hideTrash) MergeClause(*clause.Clause) {}
func (h hideTrash) ModifyStatement(stmt *gorm.Statement) {
	if !stmt.Unscoped {
		column := clause.Column{Table: clause.CurrentTable, Name: h.field.DBName}
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: column, Value: 0}}})
	}
}

func (intoTrash) Name() string               { return "" }
func (intoTrash) Build(clause.Builder)       {}
func (intoTrash) MergeClause(*clause.Clause) {}
func (i intoTrash) ModifyStatement(stmt *gorm.Statement) {
	if stmt.SQL.Len() > 0 || stmt.Unscoped {
		return
	}
	stmt.AddClause(clause.Set{{Column: clause.Column{Name: i.field.DBName}, Value: 7}})
	_, keys := schema.GetIdentityFieldValuesMap(stmt.Context, stmt.ReflectValue, stmt.Schema.PrimaryFields)
	if column, values := schema.ToQueryValues(stmt.Table, stmt.Schema.PrimaryFieldDBNames, keys); len(values) > 0 {
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.IN{Column: column, Values: values}}})
	}
	hideTrash(i).ModifyStatement(stmt)
	stmt.AddClauseIfNotExists(clause.Update{})
	stmt.Build(stmt.DB.Callback().Update().Clauses...)
}

func (Trash) QueryClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{hideTrash{f}}
}

func (Trash) UpdateClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{hideTrash{f}}
}

func (Trash) DeleteClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{intoTrash{f}}
}

// Owned only adds conditions: it is no soft delete.
type Owned int

func (Owned) DeleteClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{hideTrash{f}}
}

type wrapped struct{ gorm.DeletedAt }

type (
	byGorm struct {
		ID uint
		V  gorm.DeletedAt
	}
	byPointer struct {
		ID uint
		V  *gorm.DeletedAt
	}
	byStruct struct {
		ID uint
		V  wrapped
	}
	byTrash struct {
		ID uint
		V  Trash
	}
	byPart struct {
		ID   uint
		Part struct{ V gorm.DeletedAt } `gorm:"embedded"`
	}
	byNobody struct {
		ID uint
		V  Owned
	}
)

// restores deletes a row and makes it live again in several ways.
func restores[M any](live any) func(*testing.T, bool) {
	return func(t *testing.T, soft bool) {
		t.Helper()
		db := open(t, new(M))
		tr := traceOf(db, func(*M) string { return "" })
		for name, restore := range map[string]func() error{
			"update": func() error { return db.Unscoped().Model(new(M)).Where("id = 1").Update("v", live).Error },
			"struct": func() error { return db.Unscoped().Model(new(M)).Where("id = 1").Select("v").Updates(new(M)).Error },
			"save":   func() error { return db.Unscoped().Save(first[M]()).Error },
			"upsert": func() error {
				assigned := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"v"})}
				return db.Clauses(assigned).Create(first[M]()).Error
			},
		} {
			require.NoError(t, db.Unscoped().Where("1 = 1").Delete(new(M)).Error, name)
			require.NoError(t, db.Create(first[M]()).Error, name)
			require.NoError(t, db.Delete(new(M), 1).Error, name)
			if !soft {
				continue
			}
			tr.take()
			require.NoError(t, restore(), name)
			assert.Equal(t, []string{"pre_save restore ", "post_save restore "}, tr.take(), name)
			require.NoError(t, db.Model(new(M)).Where("id = 1").Update("v", live).Error, name)
			assert.Equal(t, []string{"pre_save update ", "post_save update "}, tr.take(), name)
		}
		assert.NotContains(t, fmt.Sprint(tr.take()), "restore")
	}
}

// first returns a row with key 1.
func first[M any]() *M {
	row := new(M)
	reflect.ValueOf(row).Elem().FieldByName("ID").SetUint(1)
	return row
}

func TestRestoredKnowsEveryKindOfSoftDelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check func(*testing.T, bool)
		soft  bool
	}{
		"gorm.DeletedAt":           {restores[byGorm](nil), true},
		"a pointer to it":          {restores[byPointer](nil), true},
		"a struct around it":       {restores[byStruct](nil), true},
		"it in an embedded struct": {restores[byPart](nil), true},
		"a type of the program":    {restores[byTrash](0), true},
		"a type that only filters": {restores[byNobody](0), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t, c.soft)
		})
	}
}

// kinds hides a row and makes it live again in several ways, and returns a check that a receiver with the least need is told so.
func kinds[M any](live, gone any) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		db := open(t, new(M))
		require.NoError(t, db.Create(first[M]()).Error)
		tr := changed[M](db, signals.Needs(signals.Keys))
		row := func() *gorm.DB { return db.Model(new(M)).Where("id = 1") }
		for name, restore := range map[string]func() error{
			"update": func() error { return row().Unscoped().Update("v", live).Error },
			"struct": func() error { return row().Unscoped().Select("v").Updates(new(M)).Error },
			"save":   func() error { return db.Unscoped().Save(first[M]()).Error },
			"upsert": func() error { return db.Save(first[M]()).Error },
		} {
			require.NoError(t, row().Update("v", gone).Error, name)
			assert.Equal(t, []string{"soft_deleted 1"}, tr.take(), name)
			require.NoError(t, restore(), name)
			assert.Equal(t, []string{"restored 1"}, tr.take(), name)
			require.NoError(t, row().Update("v", live).Error, name)
			assert.Equal(t, []string{"updated 1"}, tr.take(), name)
		}
	}
}

func TestKindKnowsEveryKindOfSoftDelete(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, check := range map[string]func(*testing.T){
		"gorm.DeletedAt": kinds[byGorm](nil, now), "a pointer to it": kinds[byPointer](nil, now), "a struct around it": kinds[byStruct](nil, now),
		"it in an embedded struct": kinds[byPart](nil, now), "a type of the program": kinds[byTrash](0, 7),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t)
		})
	}
}

func TestRestoredOfAReceiverThatNeedsLessIsFalseWhateverItsNeighboursNeed(t *testing.T) {
	t.Parallel()
	db := open(t, &Page{})
	heard := map[signals.Need][]bool{}
	for _, need := range []signals.Need{signals.Keys, signals.Row, signals.Original} {
		signals.For[Page](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Page]) error {
			heard[need] = append(heard[need], e.Restored())
			return nil
		}, signals.OnUpdate(), signals.Needs(need))
	}
	require.NoError(t, db.Create(&Page{ID: 1}).Error)
	require.NoError(t, db.Delete(&Page{}, 1).Error)
	require.NoError(t, db.Unscoped().Model(&Page{ID: 1}).Update("deleted_at", nil).Error)
	assert.Equal(t, map[signals.Need][]bool{signals.Keys: {false}, signals.Row: {false}, signals.Original: {true}}, heard)
}
