package conformance

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals"
)

// errRefused is the error of receivers that refuse a write.
var errRefused = errors.New("refused")

// refuse is a receiver that refuses the write.
func refuse[E any](context.Context, E) error { return errRefused }

// shown is a pointer to a model that has a text of one line.
type shown[M any] interface {
	*M
	fmt.Stringer
}

// tables creates the tables of models, or empties those that exist. It empties them again when the case ends. Parents come first.
func tables(c *C, models ...any) {
	c.Helper()
	tablesWith(c, c.source(), models...)
}

// tablesWith is tables with a session of the caller's.
func tablesWith(c *C, db *gorm.DB, models ...any) {
	c.Helper()
	var missing []any
	for _, model := range models {
		if empty(c, c.DB, model) != nil {
			missing = append(missing, model)
		}
	}
	if len(missing) > 0 {
		require.NoError(c, db.AutoMigrate(missing...))
	}
	c.Cleanup(func() {
		require.NoError(c, c.DB.Transaction(func(tx *gorm.DB) error { return empty(c, tx, models...) }))
	})
}

// empty deletes the rows of models and their links, beginning with the last model.
func empty(c *C, db *gorm.DB, models ...any) error {
	c.Helper()
	for _, model := range slices.Backward(models) {
		stmt := &gorm.Statement{DB: c.DB}
		require.NoError(c, stmt.Parse(model))
		names := []string{stmt.Schema.Table}
		for _, relation := range stmt.Schema.Relationships.Many2Many {
			names = append([]string{relation.JoinTable.Table}, names...)
		}
		for _, name := range names {
			if err := db.Exec("DELETE FROM ?", clause.Table{Name: name}).Error; err != nil {
				return err
			}
		}
	}
	return nil
}

// hear notes the events of a model, one line each: "pre_save Item lamp 3 created". It compares each event with the row that is stored at that moment.
func hear[M any, P shown[M]](c *C, options ...signals.ConnectOption) {
	s := signals.For[M](c.DB)
	s.PreSave.Connect(saved[M, P](c, "pre_save"), options...)
	s.PostSave.Connect(saved[M, P](c, "post_save"), options...)
	s.PreDelete.Connect(deleted[M, P](c, "pre_delete"), options...)
	s.PostDelete.Connect(deleted[M, P](c, "post_delete"), options...)
}

// hearEnds notes the events of deferred receivers of a model, each after a given word: "committed Item lamp 3 created".
func hearEnds[M any, P shown[M]](c *C, word string, options ...signals.ConnectOption) {
	s := signals.For[M](c.DB)
	s.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*M]) error {
		c.say("%s %s %s %s", word, e.Schema().Name, P(e.Instance), kindOf(e))
		return nil
	}, options...)
	s.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*M]) error {
		c.say("%s %s %s deleted", word, e.Schema().Name, P(e.Instance))
		return nil
	}, options...)
}

// hearSaves notes the saves of a model, without a comparison with the stored row: "pre_save Item lamp 3 created".
func hearSaves[M any, P shown[M]](c *C) {
	s := signals.For[M](c.DB)
	for word, signal := range map[string]*signals.Signal[signals.SaveEvent[*M]]{"pre_save": s.PreSave, "post_save": s.PostSave} {
		signal.Connect(func(_ context.Context, e signals.SaveEvent[*M]) error {
			c.say("%s %s %s %s", word, e.Schema().Name, P(e.Instance), kindOf(e))
			return nil
		})
	}
}

// hearChanges notes the changes of each post_save, except the key: "Price: 1 to 9".
func hearChanges[M any](c *C) {
	signals.For[M](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*M]) error {
		for _, change := range e.Changes() {
			if change.Column != "id" {
				c.say("%s: %v to %v", change.Field, change.Old, change.New)
			}
		}
		return nil
	})
}

func kindOf[M any](e signals.SaveEvent[M]) string {
	switch {
	case e.Created:
		return "created"
	case e.Restored():
		return "restored"
	default:
		return "updated"
	}
}

func saved[M any, P shown[M]](c *C, word string) signals.Receiver[signals.SaveEvent[*M]] {
	return func(ctx context.Context, e signals.SaveEvent[*M]) error {
		text := fmt.Sprintf("%s %s %s %s", word, e.Schema().Name, P(e.Instance), kindOf(e))
		c.say("%s", text)
		row, err := storedAs[M](ctx, c, e.DB(), e.Schema(), e.Instance)
		switch {
		case err != nil:
			return err
		case word == "post_save":
			if assert.NotNil(c, row, "%s: nothing is stored", text) {
				assert.Equal(c, P(row).String(), P(e.Instance).String(), "%s: what is stored", text)
			}
		case e.Created:
			assert.Nil(c, row, "%s: it is there already", text)
		default:
			original, err := e.Original()
			require.NoError(c, err)
			if assert.NotNil(c, row, "%s: nothing is stored", text) {
				assert.Equal(c, P(row).String(), P(original).String(), "%s: the original", text)
			}
		}
		return nil
	}
}

func deleted[M any, P shown[M]](c *C, word string) signals.Receiver[signals.DeleteEvent[*M]] {
	return func(ctx context.Context, e signals.DeleteEvent[*M]) error {
		text := fmt.Sprintf("%s %s %s", word, e.Schema().Name, P(e.Instance))
		if e.Soft {
			text += " soft"
		}
		if e.Cascade {
			text += " cascade"
		}
		c.say("%s", text)
		row, err := storedAs[M](ctx, c, e.DB(), e.Schema(), e.Instance)
		if err != nil {
			return err
		}
		if word == "post_delete" && !e.Soft {
			assert.Nil(c, row, "%s: it is still there", text)
		} else if assert.NotNil(c, row, "%s: nothing is stored", text) {
			assert.Equal(c, P(row).String(), P(e.Instance).String(), "%s: what is stored", text)
		}
		return nil
	}
}

// storedAs reads the stored row with the key of another one, or nil.
func storedAs[M any](ctx context.Context, c *C, db *gorm.DB, s *schema.Schema, of *M) (*M, error) {
	db = db.Session(&gorm.Session{SkipHooks: true}).Unscoped()
	if c.table != "" {
		db = db.Table(c.table)
	}
	for _, field := range s.PrimaryFields {
		value, _ := field.ValueOf(ctx, reflect.ValueOf(of))
		db = db.Where(clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: field.DBName}, Value: value})
	}
	var rows []M
	if err := db.Find(&rows).Error; err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// stored requires that exactly these rows of a model are stored, ordered by key, with soft-deleted ones.
func stored[M any, P shown[M]](c *C, want ...string) {
	c.Helper()
	storedIn[M, P](c, c.truth(), want...)
}

// storedIn is stored through a session.
func storedIn[M any, P shown[M]](c *C, db *gorm.DB, want ...string) {
	c.Helper()
	stmt := &gorm.Statement{DB: c.DB}
	require.NoError(c, stmt.Parse(new(M)))
	db = db.Session(&gorm.Session{SkipHooks: true}).Unscoped()
	if c.table != "" {
		db = db.Table(c.table)
	}
	for _, field := range stmt.Schema.PrimaryFields {
		db = db.Order(clause.OrderByColumn{Column: clause.Column{Name: field.DBName}})
	}
	var rows []M
	require.NoError(c, db.Find(&rows).Error)
	got := make([]string, len(rows))
	for i := range rows {
		got[i] = P(&rows[i]).String()
	}
	assert.Equal(c, append([]string{}, want...), got, "what is stored")
}

// hearLinks notes the events of links of a model: "pre_add Dish.Spices of soup [pepper salt]", and "reverse" after it.
func hearLinks[M any, P shown[M]](c *C, options ...signals.ConnectOption) {
	signals.For[M](c.DB).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*M]) error {
		keys := make([]string, len(e.PKs))
		for i, key := range e.PKs {
			keys[i] = fmt.Sprint(key)
		}
		slices.Sort(keys)
		text := fmt.Sprintf("%s %s.%s of %s %v", e.Action, e.Schema().Name, e.Relation, P(e.Instance), keys)
		if e.Reverse {
			text += " reverse"
		}
		c.say("%s", text)
		return nil
	}, options...)
}

// moves returns the lines of one statement on a join table: all pre actions, then all post actions.
func moves(lines ...string) []string {
	return slices.Concat(each("pre_", lines...), each("post_", lines...))
}
