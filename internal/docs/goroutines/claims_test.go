package goroutines_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func open(t *testing.T) (*gorm.DB, *signals.Signal[signals.SaveEvent[*Picture]]) {
	t.Helper()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &Picture{})
	return db, signals.For[Picture](db).PostSave
}

// keep returns a receiver that keeps the instances of its events.
func keep(kept *[]*Picture) signals.Receiver[signals.SaveEvent[*Picture]] {
	return func(_ context.Context, e signals.SaveEvent[*Picture]) error {
		*kept = append(*kept, e.Instance)
		return nil
	}
}

func TestTheInstanceOfCreateAndSaveIsTheCallersStruct(t *testing.T) {
	t.Parallel()
	db, saved := open(t)
	var kept []*Picture
	saved.Connect(keep(&kept))
	cat := &Picture{Name: "cat"}
	require.NoError(t, db.Create(cat).Error)
	require.NoError(t, db.Save(cat).Error)
	require.NoError(t, db.Model(cat).Update("name", "dog").Error)
	assert.Same(t, cat, kept[0])
	assert.Same(t, cat, kept[1])
	assert.NotSame(t, cat, kept[2], "the copy of the plugin")
}

func TestReceiversThatWaitShareASnapshot(t *testing.T) {
	t.Parallel()
	db, saved := open(t)
	var kept []*Picture
	saved.Connect(keep(&kept), signals.BeforeCommit())
	saved.Connect(keep(&kept), signals.AfterCommit())
	saved.Connect(keep(&kept), signals.AfterCommit())
	cat := &Picture{Name: "cat"}
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		err := tx.Create(cat).Error
		cat.Name = "changed after the write"
		return err
	}))
	require.Len(t, kept, 3)
	assert.Equal(t, "cat", kept[0].Name)
	assert.Same(t, kept[0], kept[1])
	assert.Same(t, kept[1], kept[2])
}

func TestEachCallOnALaneHasAnInstanceOfItsOwn(t *testing.T) {
	t.Parallel()
	db, saved := open(t)
	lane := signals.NewLane(signals.LaneConfig{Name: "both"})
	var kept []*Picture // the calls of one row run one after the other
	saved.Connect(keep(&kept), signals.AfterCommit(), signals.In(lane))
	saved.Connect(keep(&kept), signals.AfterCommit(), signals.In(lane))
	cat := &Picture{Name: "cat"}
	require.NoError(t, db.Create(cat).Error)
	cat.Name = "dog" // while the calls may run
	require.NoError(t, lane.Shutdown(t.Context()))
	require.Len(t, kept, 2)
	assert.NotSame(t, kept[0], kept[1])
	assert.Equal(t, "cat", kept[0].Name)
	assert.Equal(t, "cat", kept[1].Name)
}

func TestAllReceiversShareTheOriginal(t *testing.T) {
	t.Parallel()
	db, saved := open(t)
	cat := &Picture{Name: "cat"}
	require.NoError(t, db.Create(cat).Error)
	lane := signals.NewLane(signals.LaneConfig{Name: "originals"})
	originals := make(chan *Picture, 3)
	receive := func(_ context.Context, e signals.SaveEvent[*Picture]) error {
		original, err := e.Original()
		originals <- original
		return err
	}
	saved.Connect(receive)
	saved.Connect(receive, signals.AfterCommit())
	saved.Connect(receive, signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Model(cat).Update("name", "dog").Error)
	require.NoError(t, lane.Wait(t.Context()))
	first := <-originals
	assert.Equal(t, "cat", first.Name)
	assert.Same(t, first, <-originals)
	assert.Same(t, first, <-originals)
}

func TestGoroutinesThatWriteCallAReceiverAtTheSameTime(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	counter := &Counter{counts: map[string]int{}} // of the page: the race detector finds it without its mutex
	var both sync.WaitGroup
	both.Add(2)
	signals.For[Picture](db).PreSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Picture]) error {
		both.Done()
		both.Wait() // for the other call
		return counter.PostSave(ctx, e)
	})
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- db.Create(&Picture{}).Error }()
	}
	require.NoError(t, errors.Join(<-done, <-done))
	assert.Equal(t, map[string]int{"": 2}, counter.counts)
}

func TestTheContextOfAReceiverEndsWithTheCallAndLastsAfterTheCommit(t *testing.T) {
	t.Parallel()
	db, saved := open(t)
	contexts := make(chan context.Context, 2)
	receive := func(ctx context.Context, _ signals.SaveEvent[*Picture]) error {
		contexts <- ctx
		return nil
	}
	saved.Connect(receive)
	saved.Connect(receive, signals.AfterCommit())
	ctx, end := context.WithCancel(t.Context())
	require.NoError(t, db.WithContext(ctx).Create(&Picture{}).Error)
	end() // as the request ends
	require.ErrorIs(t, (<-contexts).Err(), context.Canceled, "of the receiver in the transaction")
	require.NoError(t, (<-contexts).Err(), "of the one after the commit")
}

func TestASessionThatIsKeptEndsWithItsTransactionAndAnEventGivesANewOne(t *testing.T) {
	t.Parallel()
	db, saved := open(t)
	var session *gorm.DB
	var event signals.SaveEvent[*Picture]
	saved.Connect(func(_ context.Context, e signals.SaveEvent[*Picture]) error {
		session, event = e.DB(), e
		return nil
	}, signals.Once())
	require.NoError(t, db.Create(&Picture{}).Error)
	require.Error(t, session.Create(&Picture{}).Error)
	require.NoError(t, event.DB().Create(&Picture{}).Error)
}

func TestReceiversOfSendConcurrentGetTheSameEvent(t *testing.T) {
	t.Parallel()
	shown := signals.New[*Picture]("shown")
	var both sync.WaitGroup
	both.Add(2)
	got := make(chan *Picture, 2)
	for range 2 {
		shown.Connect(func(_ context.Context, p *Picture) error {
			both.Done()
			both.Wait() // for the other receiver
			got <- p
			return nil
		})
	}
	cat := &Picture{}
	for _, r := range shown.SendConcurrent(t.Context(), cat) {
		require.NoError(t, r.Err)
	}
	assert.Same(t, cat, <-got)
	assert.Same(t, cat, <-got)
}

const crashes = "GOROUTINES_CRASH"

func TestAPanicInAGoroutineThatAReceiverStartsEndsTheProgram(t *testing.T) {
	t.Parallel()
	db, saved := open(t)
	if os.Getenv(crashes) != "" {
		saved.Connect(func(context.Context, signals.SaveEvent[*Picture]) error {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				panic("of a goroutine")
			}()
			<-ended
			return nil
		})
		_ = db.Create(&Picture{}).Error
		select {}
	}
	saved.Connect(func(context.Context, signals.SaveEvent[*Picture]) error { panic("of the receiver") })
	require.ErrorContains(t, db.Create(&Picture{}).Error, "panic: of the receiver")

	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), crashes+"=1")
	out, err := child.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "panic: of a goroutine")
}
