package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Kennel has dogs, which GORM writes after the kennel.
type Kennel struct {
	ID   uint
	Name string
	Dogs []Dog
}

// Dog belongs to a kennel.
type Dog struct{ ID, KennelID uint }

// TestARefusedRelationUndoesTheWholeWriteInTheTransactionOfTheLibrary: under SkipDefaultTransaction, the library opens a transaction for the
// write of the kennel. A receiver of a dog refuses. GORM has nothing to roll back, and the library does.
func TestARefusedRelationUndoesTheWholeWriteInTheTransactionOfTheLibrary(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kennel signals.ConnectOption // of the receiver of kennels
		write  func(db *gorm.DB, k *Kennel) *gorm.DB
	}{
		"Create, with an Atomic receiver": {signals.Atomic(), func(db *gorm.DB, k *Kennel) *gorm.DB { k.ID = 0; return db.Create(k) }},
		"Save":                            {signals.Needs(signals.Original), func(db *gorm.DB, k *Kennel) *gorm.DB { return db.Save(k) }},
		"Updates":                         {signals.Needs(signals.Original), func(db *gorm.DB, k *Kennel) *gorm.DB { return db.Updates(k) }},
	}
	for name, test := range tests {
		for _, dogs := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}, &Kennel{}, &Dog{})
				require.NoError(t, db.Create(&Kennel{ID: 1, Name: "old"}).Error)
				signals.For[Kennel](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Kennel]) error { return nil }, test.kennel)
				all := signals.For[Dog](db)
				all.PostSave.Connect(func(context.Context, signals.SaveEvent[*Dog]) error { return errBoom })
				told := 0
				all.PostSave.Connect(func(context.Context, signals.SaveEvent[*Dog]) error { told++; return nil }, signals.AfterCommit())
				require.ErrorIs(t, test.write(db, &Kennel{ID: 1, Name: "new", Dogs: make([]Dog, dogs)}).Error, errBoom)

				var names []string
				require.NoError(t, db.Model(&Kennel{}).Pluck("name", &names).Error)
				assert.Equal(t, []string{"old"}, names)
				var stored int64
				require.NoError(t, db.Model(&Dog{}).Count(&stored).Error)
				assert.Zero(t, stored)
				assert.Zero(t, told)
			})
		}
	}
}
