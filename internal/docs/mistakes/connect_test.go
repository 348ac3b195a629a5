package mistakes_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func mailPaid(context.Context, signals.SaveEvent[*Order]) error { return nil }

func mailNew(context.Context, signals.SaveEvent[*Order]) error { return nil }

func TestAHandlerConnects(t *testing.T) {
	t.Parallel()
	db, lines := open(t)
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		signals.For[Order](db).PostSave.Connect(mailPaid) // wrong: each request connects one more
	})
	for range 2 {
		handler(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	}
	prints(t, "Connecting in a handler", lines.take()...)

	db, lines = openAt(t, ":memory:", signals.Plugin{Strict: true})
	signals.For[Order](db).PostSave.Connect(mailPaid, signals.UID("mail.paid")) // in main, once, after db.Use
	assert.Len(t, signals.Receivers(db), 1)
	assert.Empty(t, lines.take())
}

// opened opens a database as a program does.
func opened(file string) (*gorm.DB, error) {
	db, err := gorm.Open(sqlite.Open(file))
	if err != nil {
		return nil, err
	}
	return db, db.Use(signals.Plugin{}) // before anything else is done with db
}

func TestThePluginIsNotInstalled(t *testing.T) {
	t.Parallel()
	db := bare(t, ":memory:", &log{})
	prints(t, "Forgetting db.Use", testkit.PanicOf(func() {
		signals.For[Order](db).PostSave.Connect(mailPaid) // wrong: nobody has called db.Use
	}))

	db, err := opened(":memory:")
	require.NoError(t, err)
	signals.For[Order](db)
	pool, err := db.DB()
	require.NoError(t, err)
	require.NoError(t, pool.Close())
}

func TestAModelIsNamedByAPointer(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", t.TempDir(), "./testdata/value")
	out, err := build.CombinedOutput()
	require.Error(t, err)
	_, message, _ := strings.Cut(strings.TrimSpace(string(out)), ": ")
	require.Contains(t, message, "as signals.Receiver[signals.SaveEvent[*Order]] value")
	if !strings.HasPrefix(runtime.Version(), "go1.26") { // the rest are the compiler's words
		message = testkit.Fenced(page(t)["A pointer too many, or one too few"], "")[1]
	}
	prints(t, "A pointer too many, or one too few", testkit.PanicOf(func() {
		signals.For[*Order](db).PostSave.Connect(nil) // wrong: For takes the struct type
	}), message)

	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		e.Instance.Status = "seen"
		return nil
	})
}

func TestAFieldIsMisspelled(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	prints(t, "A field that the model does not have", testkit.PanicOf(func() {
		signals.For[Order](db).PostSave.Connect(mailPaid, signals.Fields("Stauts")) // wrong: a slip
	}))

	signals.For[Order](db).PostSave.Connect(mailPaid, signals.Fields("Status"))
}

func TestOptionsDoNotGoTogether(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	lane := signals.NewLane(signals.LaneConfig{Name: "mail"})
	orders := signals.For[Order](db)
	prints(t, "Options that do not go together",
		testkit.PanicOf(func() {
			orders.PreSave.Connect(mailNew, signals.AfterCommit()) // wrong: pre_save waits for nothing
		}),
		testkit.PanicOf(func() {
			orders.PostSave.Connect(mailNew, signals.AfterCommit(), signals.AfterRollback()) // wrong: two phases
		}),
		testkit.PanicOf(func() {
			orders.PostSave.Connect(mailNew, signals.In(lane)) // wrong: no phase
		}))

	orders.PostSave.Connect(mailNew, signals.AfterCommit(), signals.In(lane))
}

// Mails has a method whose name is no signal's.
type Mails struct{}

// Saved is not a name that ConnectAll knows.
func (m *Mails) Saved(_ context.Context, _ signals.SaveEvent[*Order]) error { return nil } // wrong: the name

// Greetings has a method whose event holds no pointer.
type Greetings struct{}

// PostSave takes the wrong event.
func (g *Greetings) PostSave(_ context.Context, _ signals.SaveEvent[Order]) error { return nil } // wrong: the event

// Letters has the method as it should be.
type Letters struct{}

// PostSave is connected to post_save.
func (l *Letters) PostSave(_ context.Context, _ signals.SaveEvent[*Order]) error { return nil }

func TestAMethodIsNotOneOfConnectAll(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	prints(t, "A method that ConnectAll does not know",
		testkit.PanicOf(func() { signals.ConnectAll[Order](db, &Mails{}) }),
		testkit.PanicOf(func() { signals.ConnectAll[Order](db, &Greetings{}) }))

	signals.ConnectAll[Order](db, &Letters{}, signals.AfterCommit(), signals.UID("letters"))
	assert.Len(t, signals.Receivers(db), 1)
}

func TestOneUIDForTwoReceivers(t *testing.T) {
	t.Parallel()
	db, lines := open(t)
	signals.For[Order](db).PostSave.Connect(mailNew, signals.OnCreate(), signals.UID("mail"))
	signals.For[Order](db).PostSave.Connect(mailPaid, signals.Becomes("Status", "paid"), signals.UID("mail")) // wrong: replaces mailNew
	assert.Len(t, signals.Receivers(db), 1)
	prints(t, "One UID for two receivers", lines.take()...)

	db, lines = openAt(t, ":memory:", signals.Plugin{Strict: true})
	signals.For[Order](db).PostSave.Connect(mailNew, signals.OnCreate(), signals.UID("mail.new"))
	signals.For[Order](db).PostSave.Connect(mailPaid, signals.Becomes("Status", "paid"), signals.UID("mail.paid"))
	assert.Len(t, signals.Receivers(db), 2)
	assert.Empty(t, lines.take())
}

func TestAMutedUIDThatNobodyHas(t *testing.T) {
	t.Parallel()
	db, lines := open(t)
	called := 0
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
		called++
		return nil
	}, signals.UID("order.mail"))
	ctx := t.Context()
	db.WithContext(signals.Mute(ctx, "order.mial")).Create(&Order{}) // wrong: a slip
	assert.Equal(t, 1, called)
	prints(t, "Muting a UID that no receiver has", lines.take()...)

	const mailUID = "order.mail" // for Connect and for Mute
	db.WithContext(signals.Mute(ctx, mailUID)).Create(&Order{})
	assert.Equal(t, 1, called)
	assert.Empty(t, lines.take())
}
