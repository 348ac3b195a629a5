package inspector_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
)

func TestValuesAreHiddenUnlessAskedFor(t *testing.T) {
	t.Parallel()
	for _, shown := range []bool{false, true} {
		t.Run(strconv.FormatBool(shown), func(t *testing.T) {
			t.Parallel()
			ins, db, url := setUp(t, inspector.Values(shown))
			signal := signals.New[Lamp]("lamp_viewed")
			inspector.Watch(ins, signal)
			signals.For[Lamp](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
				if e.Instance.Price == 4711 {
					return fmt.Errorf("refused: %w", errors.New("secret-reason"))
				}
				if e.Instance.Price == 4712 {
					panic("secret-panic")
				}
				return nil
			}, signals.AfterCommit())
			signals.For[Lamp](db).PreDelete.Connect(nothing[signals.DeleteEvent[*Lamp]])
			s := watch(t, url)
			tx := db.Begin()
			require.NoError(t, tx.Create(&Lamp{ID: 4713, Name: "secret-name", Price: 4711}).Error)
			seen := get(t, url) + explain(t, ins, db)
			require.NoError(t, tx.Commit().Error)
			require.NoError(t, db.Create(&Lamp{ID: 4714, Name: "secret-name", Price: 4712}).Error)
			require.NoError(t, db.Delete(&Lamp{}, 4714).Error)
			require.NoError(t, signal.Send(t.Context(), Lamp{Name: "secret-event"}))
			for _, step := range s.steps(9) {
				seen += fmt.Sprintf("%+v", step)
			}
			seen += get(t, url) + explain(t, ins, db)
			for _, value := range []string{"secret-name", "secret-reason", "secret-panic", "secret-event", "4711", "4713", "4714"} {
				assert.Equal(t, shown, strings.Contains(seen, value), value)
			}
			assert.Contains(t, seen, "<dt>Name</dt>", "names of fields are no values")
			assert.NotContains(t, seen, "goroutine ", "no stack either")
			if !shown {
				assert.Contains(t, seen, "*errors.errorString (text hidden)")
				assert.Contains(t, seen, "panic (text hidden)")
			}
		})
	}
}

func TestChangesAreShownAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	_, db, url := setUp(t, inspector.Values(true))
	signals.For[Lamp](db).PostChange.Connect(nothing[signals.ChangeEvent[*Lamp]])
	s := watch(t, url)
	require.NoError(t, db.Create(&Lamp{ID: 9, Name: "lamp"}).Error)
	require.NoError(t, db.Model(&Lamp{ID: 9}).Update("name", "lamp").Error)
	require.NoError(t, db.Delete(&Lamp{}, 9).Error)
	var shown []string
	for _, step := range s.steps(6) {
		if step.Receiver == "" {
			shown = append(shown, fmt.Sprint(step.Signal, " ", step.Rows[0].What, " ", len(step.Rows[0].Fields)))
		}
	}
	assert.Equal(t, []string{"post_change created 2", "post_change updated 0", "post_change deleted 2"}, shown)
}

func TestTheActorIsShownWithValues(t *testing.T) {
	t.Parallel()
	for _, shown := range []bool{false, true} {
		t.Run(strconv.FormatBool(shown), func(t *testing.T) {
			t.Parallel()
			ins, db, url := setUp(t, inspector.Values(shown))
			signals.For[Lamp](db).PostSave.Connect(nothing[signals.SaveEvent[*Lamp]])
			s := watch(t, url)
			require.NoError(t, db.WithContext(signals.WithActor(t.Context(), "secret-ann")).Create(&Lamp{}).Error)
			seen := fmt.Sprintf("%+v", s.steps(2))
			seen += get(t, url) + explain(t, ins, db)
			assert.Equal(t, shown, strings.Contains(seen, ", by secret-ann"))
			assert.Equal(t, shown, strings.Contains(seen, "secret-ann"))
		})
	}
}

func TestRedactDecidesWhatIsShown(t *testing.T) {
	t.Parallel()
	ins, db, url := setUp(t, inspector.Redact(func(model, field string, value any) any {
		switch field {
		case "Name":
			return model + "." + field
		case "Price":
			panic("not for you")
		}
		return value
	}))
	signals.For[Lamp](db).PreSave.Connect(nothing[signals.SaveEvent[*Lamp]])
	s := watch(t, url)
	require.NoError(t, db.Create(&Lamp{ID: 9, Name: "secret", Price: 3}).Error)
	fields := s.steps(2)[1].Rows[0].Fields
	assert.Equal(t, "9", fields[0].New)
	assert.Equal(t, "Lamp.Name", fields[1].New)
	assert.Equal(t, "(panicked)", fields[2].New)
	assert.NotZero(t, ins.Faults())
	assert.NotContains(t, get(t, url), "secret")
}

func TestValuesAreRenderedOnlyWhileSomebodyWatches(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	_, db, url := setUp(t, inspector.Redact(func(_, _ string, v any) any { asked.Add(1); return v }))
	signals.For[Lamp](db).PreSave.Connect(nothing[signals.SaveEvent[*Lamp]])
	require.NoError(t, db.Create(&Lamp{Name: "unseen"}).Error)
	assert.Zero(t, asked.Load())
	assert.NotContains(t, get(t, url), "unseen")
	require.NoError(t, db.Create(&Lamp{Name: "seen"}).Error)
	assert.Contains(t, get(t, url), "<ins>seen</ins>", "reading the page is watching, for a while")
	assert.EqualValues(t, 1, asked.Load(), "the name: the key is not known yet")
}

func TestWhatIsLargeOrLeadsElsewhereIsShownInShort(t *testing.T) {
	t.Parallel()
	type Owner struct{ Secret string }
	type Event struct {
		Owner *Owner
		Long  string
		Blob  []byte
		Keys  []any
		Tags  map[string]string
		Price *int
		At    time.Time
		None  sql.NullString
		Some  sql.NullString
	}
	ins, _, url := setUp(t, inspector.Values(true))
	signal := signals.New[*Event]("sent")
	inspector.Watch(ins, signal)
	s := watch(t, url)
	price := 5
	require.NoError(t, signal.Send(t.Context(), &Event{
		Owner: &Owner{"secret"}, Long: strings.Repeat("ä", 200), Blob: make([]byte, 7), Keys: []any{1, "two", nil},
		Tags:  map[string]string{"a": "b"},
		Price: &price, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Some: sql.NullString{String: "some", Valid: true},
	}))
	shown := map[string]string{}
	for _, f := range s.steps(1)[0].Rows[0].Fields {
		shown[f.Name] = f.New
	}
	assert.Equal(t, map[string]string{
		"Owner": "inspector_test.Owner", "Long": strings.Repeat("ä", 100) + "…", "Blob": "7 bytes", "Keys": "[1 two nil]",
		"Tags": "map[string]string of 1", "Price": "5", "At": "2026-01-02T03:04:05Z", "Some": "some",
	}, shown)
}

func TestTheFirstRowsOfABatchAreShown(t *testing.T) {
	t.Parallel()
	_, db, url := setUp(t, inspector.Values(true))
	signals.For[Lamp](db).PostDelete.Connect(nothing[signals.DeleteEvent[*Lamp]])
	require.NoError(t, db.Create(make([]Lamp, 25)).Error)
	s := watch(t, url)
	require.NoError(t, db.Where("1 = 1").Delete(&Lamp{}).Error)
	all := s.steps(21)
	send := all[20]
	assert.Equal(t, 25, send.Events)
	require.Len(t, send.Rows, 11)
	assert.Equal(t, "and 15 more rows", send.Rows[10].What)
	assert.Equal(t, 5, send.Left)
}

// nasty panics when it is rendered.
type nasty struct{ Name *string }

func (n nasty) String() string { return *n.Name }

func TestAPanicOfAValueDoesNotReachTheSend(t *testing.T) {
	t.Parallel()
	ins, _, url := setUp(t, inspector.Values(true))
	signal := signals.New[any]("sent")
	called := 0
	signal.Connect(func(context.Context, any) error { called++; return nil })
	inspector.Watch(ins, signal)
	s := watch(t, url)
	for _, event := range []any{nasty{}, &nasty{}, nil, (*nasty)(nil), struct{ Inner nasty }{}, make(chan int), []any{nil}} {
		require.NoError(t, signal.Send(t.Context(), event))
	}
	s.steps(14)
	assert.Equal(t, 7, called)
}
