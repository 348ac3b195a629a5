package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
)

// insertions is a logger that notes each INSERT into the outbox, and its error.
type insertions struct {
	logger.Interface

	texts  []string
	errors []error
}

func (s *insertions) Trace(_ context.Context, _ time.Time, fc func() (string, int64), err error) {
	if text, _ := fc(); strings.HasPrefix(text, "INSERT INTO `signals_outbox`") {
		s.texts, s.errors = append(s.texts, text), append(s.errors, err)
	}
}

// parameterized is such a logger that hides values, as logger.Config.ParameterizedQueries does.
type parameterized struct{ *insertions }

func (parameterized) ParamsFilter(_ context.Context, text string, _ ...any) (string, []any) {
	return text, nil
}

func TestLargeEventsAreWrittenInStatementsThatEveryServerTakes(t *testing.T) {
	t.Parallel()
	const most, large = 1 << 20, 300_000
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Product](ob)
	made := &insertions{Interface: logger.Discard}
	db.Logger = made
	rows := make([]Product, 20)
	for i := range rows {
		rows[i].Name = fmt.Sprint(i, strings.Repeat("x", large))
	}
	require.NoError(t, db.Create(&rows).Error)
	assert.Len(t, entries(t, db), 20)
	assert.Len(t, made.texts, 7, "three of them in one")
	for _, text := range made.texts {
		assert.LessOrEqual(t, len(text), most)
	}

	made.texts = nil
	require.NoError(t, db.Create(&[]Product{{Name: "small"}, {Name: strings.Repeat("y", 3*most)}, {Name: "smaller"}}).Error)
	all := entries(t, db)
	assert.Len(t, all, 23, "one that is larger goes alone")
	assert.Len(t, made.texts, 3)
	assert.Equal(t, []string{"products/21", "products/22", "products/23"}, []string{all[20].Subject, all[21].Subject, all[22].Subject})
}

func TestTheLoggerSeesTheInsertsOfEvents(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Product](ob)
	search(db, ob, &heard{}, nil)
	made := &insertions{Interface: logger.Discard}
	db.Logger = made
	require.NoError(t, db.Create(&Product{Name: "lamp"}).Error)
	require.Len(t, made.texts, 2, "of the durable receiver, and of the published event")
	assert.Equal(t, []error{nil, nil}, made.errors)
	assert.Contains(t, strings.Join(made.texts, "\n"), `"products/1"`)

	hidden := &insertions{Interface: logger.Discard}
	db.Logger = parameterized{hidden}
	require.NoError(t, db.Create(&Product{Name: "chair"}).Error)
	require.Len(t, hidden.texts, 2)
	assert.NotContains(t, strings.Join(hidden.texts, "\n"), "products/2")

	made.texts, made.errors = nil, nil
	db.Logger = made
	require.NoError(t, db.Migrator().DropTable("signals_outbox"))
	require.ErrorContains(t, db.Create(&Product{Name: "desk"}).Error, "signals_outbox")
	require.Len(t, made.errors, 1)
	assert.ErrorContains(t, made.errors[0], "signals_outbox")
}
