package behaviour_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
)

// planned are models that lead to each other.
type (
	planShelf struct {
		ID    uint
		Books []planBook `gorm:"foreignKey:ShelfID;constraint:OnDelete:CASCADE"`
	}
	planBook struct {
		ID      uint
		ShelfID uint
		Authors []planAuthor `gorm:"many2many:plan_book_authors"`
	}
	planAuthor struct{ ID uint }
)

func TestAReceiverIsHeardAtOnceWhereverItsModelIsWritten(t *testing.T) {
	t.Parallel()
	db := open(t, &planShelf{}, &planBook{}, &planAuthor{}, &Product{})
	write := func() {
		require.NoError(t, db.Create(&planShelf{ID: 1}).Error)
		require.NoError(t, db.Create(&planBook{ID: 1, ShelfID: 1}).Error)
		require.NoError(t, db.Model(&planBook{ID: 1}).Association("Authors").Append(&planAuthor{ID: 1}))
		require.NoError(t, db.Model(&planBook{ID: 1}).Association("Authors").Clear())
		require.NoError(t, db.Where("1 = 1").Delete(&planAuthor{}).Error)
		require.NoError(t, db.Delete(&planShelf{ID: 1}).Error)
	}
	var heard []string
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil })
	write() // every model has its plan: nobody listens
	books, authors := signals.For[planBook](db), signals.For[planAuthor](db)
	disconnect := []func() bool{
		books.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*planBook]) error {
			heard = append(heard, fmt.Sprint("book cascade=", e.Cascade))
			return nil
		}),
	}
	write()
	assert.Equal(t, []string{"book cascade=true"}, heard)
	heard = nil
	disconnect = append(disconnect, authors.M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*planAuthor]) error {
		heard = append(heard, fmt.Sprint("authors ", e.Action))
		return nil
	}), signals.Implementing[any](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[any]) error {
		heard = append(heard, fmt.Sprintf("any %T", e.Instance))
		return nil
	}))
	_ = disconnect
	write()
	assert.Equal(t, []string{"any *behaviour_test.planAuthor", "book cascade=true", "any *behaviour_test.planBook", "any *behaviour_test.planShelf"}, heard)
	for _, undo := range disconnect {
		require.True(t, undo())
	}
	heard = nil
	write()
	assert.Empty(t, heard)
}
