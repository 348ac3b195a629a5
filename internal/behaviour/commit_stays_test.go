package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Stayed is a model whose hook may fail.
type Stayed struct {
	ID    uint
	Name  string
	Fails bool `gorm:"-"`
}

// AfterSave is GORM's hook.
func (k *Stayed) AfterSave(*gorm.DB) error {
	if k.Fails {
		return errBoom
	}
	return nil
}

// endings notes how steps that wait for the end of a transaction have ended.
type endings struct{ waited []error }

// ObserveStart begins nothing.
func (*endings) ObserveStart(ctx context.Context, _ signals.Observed) context.Context { return ctx }

// ObserveEnd notes the end.
func (o *endings) ObserveEnd(_ context.Context, at signals.Observed, err error) {
	if at.Step == signals.Waiting {
		o.waited = append(o.waited, err)
	}
}

// TestWhatStaysStoredAfterAFailedCallIsToldOf: without a transaction nothing undoes a row whose hook or receiver fails.
func TestWhatStaysStoredAfterAFailedCallIsToldOf(t *testing.T) {
	t.Parallel()
	writes := map[string]func(db *gorm.DB, fails bool) *gorm.DB{
		"Create": func(db *gorm.DB, fails bool) *gorm.DB { return db.Create(&Stayed{Name: "x", Fails: fails}) },
		"slice": func(db *gorm.DB, fails bool) *gorm.DB {
			return db.Create(&[]Stayed{{Name: "x", Fails: fails}, {Name: "y", Fails: fails}})
		},
		"Save": func(db *gorm.DB, fails bool) *gorm.DB { return db.Save(&Stayed{ID: 1, Name: "x", Fails: fails}) },
		"update": func(db *gorm.DB, fails bool) *gorm.DB {
			return db.Model(&Stayed{ID: 1, Fails: fails}).Update("name", "x")
		},
	}
	for name, write := range writes {
		for _, skip := range []bool{true, false} {
			for _, fails := range []string{"hook", "receiver", "BeforeCommit"} {
				t.Run(fmt.Sprint(name, ", SkipDefaultTransaction ", skip, ", fails: ", fails), func(t *testing.T) {
					t.Parallel()
					o := &endings{}
					db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: skip}, signals.Plugin{Observer: o}, &Stayed{})
					require.NoError(t, db.Create(&Stayed{ID: 1, Name: "old"}).Error)
					o.waited = nil
					kepts := signals.For[Stayed](db)
					boom := func(context.Context, signals.SaveEvent[*Stayed]) error { return errBoom }
					switch fails {
					case "receiver":
						kepts.PostSave.Connect(boom, signals.Needs(signals.Keys))
					case "BeforeCommit":
						kepts.PostSave.Connect(boom, signals.Needs(signals.Keys), signals.BeforeCommit())
					}
					var told, undone []uint
					kepts.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Stayed]) error {
						told = append(told, e.Instance.ID)
						return nil
					}, signals.Needs(signals.Keys), signals.AfterCommit())
					kepts.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Stayed]) error {
						undone = append(undone, e.Instance.ID)
						return nil
					}, signals.Needs(signals.Keys), signals.AfterRollback())
					require.ErrorIs(t, write(db, fails == "hook").Error, errBoom)
					var stored []uint
					require.NoError(t, db.Session(&gorm.Session{SkipHooks: true}).Model(&Stayed{}).Where("name <> ?", "old").Pluck("id", &stored).Error)
					assert.ElementsMatch(t, stored, told)
					for _, id := range undone {
						assert.NotContains(t, stored, id)
					}
					if name == "Create" {
						assert.Len(t, stored, map[bool]int{true: 1}[skip])
					}
					for _, err := range o.waited {
						assert.Equal(t, len(stored) == 0, errors.Is(err, signals.ErrRolledBack))
					}
				})
			}
		}
	}
}
