package outbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox"
)

// user is an actor with a text.
type user struct{ name string }

func (u *user) String() string { return u.name }

func TestADurableReceiverKnowsTheTextOfWhoHasWritten(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Poll: time.Millisecond, Backoff: func(int) time.Duration { return time.Millisecond }})
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		h.add("%s by %#v, sessions by %#v", e.Instance.Name, signals.Actor(ctx), signals.Actor(e.DB().Statement.Context))
		if len(h.lines()) == 1 {
			return errBoom
		}
		return nil
	}, outbox.Durable(ob, "search"))
	ctx := signals.WithActor(t.Context(), &user{"ann"})
	require.NoError(t, db.WithContext(ctx).Create(&Product{Name: "a"}).Error)
	running(t, func(ctx context.Context) { ob.Run(signals.WithActor(ctx, "the sweeper")) })
	soon(t, func() bool { return len(h.lines()) == 2 }, "it is tried again, as if in another process")
	require.NoError(t, db.WithContext(t.Context()).Create(&Product{Name: "b"}).Error)
	soon(t, func() bool { return len(h.lines()) == 3 }, "somebody wrote who is not named")
	assert.Equal(t, []string{
		`a by "ann", sessions by "ann"`, `a by "ann", sessions by "ann"`, `b by <nil>, sessions by <nil>`,
	}, h.lines())
	assert.JSONEq(t, `{"actor": "ann"}`, entries(t, db)[0].Headers)
	assert.Empty(t, entries(t, db)[1].Headers)
}

func TestAnActorTravelsWithPublishedEventsBesideOtherHeaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given map[string]string
		want  string
	}{
		"alone":         {nil, `{"actor": "ann"}`},
		"with others":   {map[string]string{"traceparent": "t"}, `{"actor": "ann", "traceparent": "t"}`},
		"named by hand": {map[string]string{"actor": "bob"}, `{"actor": "bob"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			ob := install(t, db, outbox.Config{Headers: func(context.Context) map[string]string { return c.given }})
			outbox.Publish[Product](ob)
			require.NoError(t, db.WithContext(signals.WithActor(t.Context(), "ann")).Create(&Product{Name: "a"}).Error)
			assert.JSONEq(t, c.want, entries(t, db)[0].Headers)
		})
	}
}

func TestAnActorWithoutTextFailsTheWriteThatWouldKeepIt(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	outbox.Publish[Product](install(t, db, outbox.Config{}))
	err := db.WithContext(signals.WithActor(t.Context(), &Page{})).Create(&Product{Name: "a"}).Error
	require.ErrorContains(t, err, "the actor is of type *outbox_test.Page, which has no text: give the type a String method")
	assert.Empty(t, entries(t, db))
}

func TestConsumersKnowWhoHasWritten(t *testing.T) {
	t.Parallel()
	db := open(t)
	inbox := outbox.NewInbox(db, "shop")
	require.NoError(t, inbox.Migrate(t.Context()))
	h, sub := &heard{}, &subscriber{}
	outbox.On(sub, func(ctx context.Context, e outbox.Event[any]) error {
		h.add("%s %v %v", e.ID, signals.Actor(ctx), e.DB() == nil || signals.Actor(e.DB().Statement.Context) == signals.Actor(ctx))
		return nil
	})
	for i, actor := range []string{"ann", ""} {
		m := outbox.Message{ID: fmt.Sprint(i), Source: "/shop", Type: "t", Subject: "s/1", Data: []byte("{}")}
		if actor != "" {
			m.Extensions = map[string]string{"actor": actor}
		}
		require.NoError(t, sub.handle(t.Context(), m))
		require.NoError(t, inbox.Handle(signals.WithActor(t.Context(), "the consumer"), m, sub.handle))
	}
	assert.Equal(t, []string{"0 ann true", "0 ann true", "1 <nil> true", "1 <nil> true"}, h.lines())
}

// subscriber keeps the one handler that it is given.
type subscriber struct{ handle outbox.Handler }

func (s *subscriber) Handle(_ string, h outbox.Handler) { s.handle = h }

func (*subscriber) Run(context.Context) error { return nil }
