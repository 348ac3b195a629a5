package inspector_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
)

func TestNestedSendsAreATree(t *testing.T) {
	t.Parallel()
	ins, db, url := setUp(t)
	viewed := signals.New[Lamp]("lamp_viewed")
	viewed.Connect(nothing[Lamp], signals.UID("count"))
	inspector.Watch(ins, viewed)
	signals.For[Lamp](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
		return e.DB().Create(&Audit{Text: "saved"}).Error
	}, signals.UID("audit"))
	signals.For[Audit](db).PreSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Audit]) error {
		return viewed.Send(ctx, Lamp{})
	}, signals.UID("view"))
	require.NoError(t, db.Create(&Lamp{}).Error)
	require.NoError(t, db.Create(&Audit{}).Error)

	lines := regexp.MustCompile(`(?m)^( +)\d\d:\d\d:\d\d\.\d{3}  (.*?)  \S+$`).FindAllStringSubmatch(explain(t, ins, db), -1)
	var tree []string
	for _, l := range lines {
		tree = append(tree, l[1][2:]+l[2])
	}
	assert.Equal(t, []string{
		"pre_save Audit", "    view", "        lamp_viewed", "            count",
		"post_save Lamp", "    audit", "        pre_save Audit", "            view", "                lamp_viewed", "                    count",
	}, tree)
	assert.Regexp(t, `(?s)post_save Lamp.*?<ul>\s*<li [^>]*class="calling">.*?audit.*?`+
		`<ul>\s*<li [^>]*class="sending">.*?pre_save Audit`, get(t, url))
}

func TestWhatWaitsForACommitIsShownUntilItEnds(t *testing.T) {
	t.Parallel()
	ins, db, url := setUp(t)
	signals.For[Lamp](db).PostSave.Connect(nothing[signals.SaveEvent[*Lamp]], signals.AfterCommit())
	assert.Contains(t, get(t, url), "Nothing waits.")

	tx := db.Begin()
	require.NoError(t, tx.Create(&[]Lamp{{}, {}}).Error)
	assert.Regexp(t, `<th scope="row">post_save</th><td>Lamp<td>after_commit<td class="n">2<td class="n">\d`, get(t, url))
	assert.Regexp(t, `(?m)^  post_save +Lamp +after_commit +2 +\S+$`, explain(t, ins, db))
	require.NoError(t, tx.Commit().Error)
	assert.Contains(t, get(t, url), "Nothing waits.")
	assert.Contains(t, get(t, url), "So far 1 committed, 0 rolled back, 0 unknown.")

	tx = db.Begin()
	require.NoError(t, tx.Create(&Lamp{}).Error)
	tx.SavePoint("here")
	require.NoError(t, tx.Create(&Lamp{}).Error)
	_, _, waiting := ins.Kept()
	assert.Equal(t, 2, waiting)
	require.NoError(t, tx.Rollback().Error)
	assert.Contains(t, get(t, url), "So far 1 committed, 2 rolled back, 0 unknown.")
	assert.Contains(t, explain(t, ins, db), "post_save Lamp waited (after_commit)")
	assert.Contains(t, explain(t, ins, db), "rolled back")
}

func TestNothingIsRecordedBeforeItIsAskedFor(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	db := open(t, ins)
	signals.For[Lamp](db).PostSave.Connect(nothing[signals.SaveEvent[*Lamp]])
	require.NoError(t, db.Create(&Lamp{}).Error)
	steps, counters, _ := ins.Kept()
	assert.Zero(t, steps+counters)
	assert.Contains(t, explain(t, ins, db), "nothing is recorded now")
	ins.Handler(db)
	require.NoError(t, db.Create(&Lamp{}).Error)
	steps, counters, _ = ins.Kept()
	assert.Equal(t, 4, steps+counters)
	ins.Stop()
	require.NoError(t, db.Create(&Lamp{}).Error)
	assert.Contains(t, explain(t, ins, db), "2 steps recorded, nothing is recorded now")
}

func TestSwitchingOffWithinAStepEndsItOnce(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	db := open(t, ins)
	ins.Start()
	inner := signals.New[int]("inner")
	inspector.Watch(ins, inner)
	outer := signals.New[int]("outer")
	inspector.Watch(ins, outer)
	outer.Connect(func(ctx context.Context, n int) error {
		ins.Stop()
		return inner.Send(ctx, n)
	}, signals.UID("stops"))
	inner.Connect(nothing[int])
	require.NoError(t, outer.Send(t.Context(), 1))
	text := explain(t, ins, db)
	assert.Contains(t, text, "2 steps recorded")
	assert.Regexp(t, `(?m)^  outer +- +send +1 `, text)
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	ins := inspector.New(inspector.History(10))
	db := open(t, ins)
	ins.Start()
	signal := signals.New[int]("counted")
	inspector.Watch(ins, signal)
	for n := range inspector.MaxCounters + 50 {
		disconnect := signal.Connect(nothing[int], signals.UID(strconv.Itoa(n)))
		require.NoError(t, signal.Send(t.Context(), 1))
		disconnect()
	}
	signals.For[Lamp](db).PostSave.Connect(nothing[signals.SaveEvent[*Lamp]], signals.AfterCommit())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		for range inspector.MaxWaiting + 5 {
			if err := tx.Create(&Lamp{}).Error; err != nil {
				return err
			}
		}
		steps, counters, waiting := ins.Kept()
		assert.Equal(t, []int{10, inspector.MaxCounters, inspector.MaxWaiting}, []int{steps, counters, waiting})
		assert.Contains(t, explain(t, ins, db), "  and 5 more\n")
		return nil
	}))
	text := explain(t, ins, db)
	assert.Regexp(t, `(?m)^  beyond the first 1000 +- +- +2061 +2061 `, text, "51 calls of counted, and all of post_save")
	assert.Contains(t, text, "(counted with others)")
	_, _, waiting := ins.Kept()
	assert.Zero(t, waiting)
}

func TestOfManyCallsTheFirstAndTheFailedAreKept(t *testing.T) {
	t.Parallel()
	ins, db, _ := setUp(t)
	signals.For[Lamp](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
		if e.Instance.Price == 40 {
			return errors.New("refused")
		}
		return nil
	}, signals.UID("check"))
	lamps := make([]Lamp, 50)
	for n := range lamps {
		lamps[n].Price = n
	}
	require.Error(t, db.Create(&lamps).Error)
	text := explain(t, ins, db)
	assert.Contains(t, text, "pre_save Lamp, 50 rows")
	assert.Len(t, regexp.MustCompile(`(?m)^ {6}\S+  check  `).FindAllString(text, -1), inspector.MaxChildren+1)
	assert.Contains(t, text, "\n      and 20 more\n")
	assert.Regexp(t, `(?m)^  pre_save +Lamp +check +send +0 +original +41 +1 `, text, "21 and 20 of them are all")
}

func TestWhatIsSentWithinACallThatIsNotKeptIsNotKeptEither(t *testing.T) {
	t.Parallel()
	ins, db, _ := setUp(t)
	signals.For[Lamp](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
		return e.DB().Create(&Audit{}).Error
	}, signals.UID("audit"))
	signals.For[Audit](db).PreSave.Connect(nothing[signals.SaveEvent[*Audit]])
	require.NoError(t, db.Create(make([]Lamp, inspector.MaxChildren+5)).Error)
	text := explain(t, ins, db)
	assert.Len(t, regexp.MustCompile(`(?m)^  \d\d:`).FindAllString(text, -1), 1, "one tree")
	assert.Len(t, regexp.MustCompile(`(?m)^ +\d\d:\S+  pre_save Audit  `).FindAllString(text, -1), inspector.MaxChildren)
	assert.Regexp(t, `(?m)^  pre_save +Audit +send +25 +25 +0 `, text, "all are counted")
}

func TestPercentilesAreAtMostAnEighthTooHigh(t *testing.T) {
	t.Parallel()
	var all []time.Duration
	for n := range 1000 {
		all = append(all, time.Duration(n+1)*time.Microsecond)
	}
	found := inspector.Percentiles(all)
	for n, want := range []time.Duration{500_000, 950_000, 990_000, 1_000_000} {
		assert.GreaterOrEqual(t, found[n], want)
		assert.LessOrEqual(t, found[n], want*9/8)
	}
	assert.Equal(t, [4]time.Duration{}, inspector.Percentiles(nil))
	assert.Equal(t, [4]time.Duration{5, 5, 5, 5}, inspector.Percentiles([]time.Duration{5}))
	for _, d := range []time.Duration{0, 63, 64, 65, 127, 128, 1 << 39, 1<<40 - 1, 1 << 40, 1 << 62} {
		assert.Equal(t, [4]time.Duration{d, d, d, d}, inspector.Percentiles([]time.Duration{d}), "one is found at the longest")
	}
}

// noting is an observer that puts a value into the context, and notes what it gets back.
type noting struct{ lines *[]string }

type notingKey struct{}

func (n noting) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	return context.WithValue(ctx, notingKey{}, o.Step.String())
}

func (n noting) ObserveEnd(ctx context.Context, o signals.Observed, err error) {
	*n.lines = append(*n.lines, fmt.Sprint(ctx.Value(notingKey{}), " ", o.Signal, " ", err))
}

func TestAnotherObserverSeesTheSame(t *testing.T) {
	t.Parallel()
	for _, recording := range []bool{false, true} {
		t.Run(strconv.FormatBool(recording), func(t *testing.T) {
			t.Parallel()
			ins := inspector.New()
			if recording {
				ins.Start()
			}
			var alone, behind []string
			for _, way := range []struct {
				observer signals.Observer
				lines    *[]string
			}{{noting{&alone}, &alone}, {signals.Observers(ins, noting{&behind}), &behind}} {
				db := open(t, way.observer)
				signals.For[Lamp](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Lamp]) error {
					*way.lines = append(*way.lines, fmt.Sprint("in ", ctx.Value(notingKey{})))
					return e.DB().Create(&Audit{}).Error
				}, signals.AfterCommit())
				signals.For[Audit](db).PreSave.Connect(nothing[signals.SaveEvent[*Audit]])
				require.NoError(t, db.Create(&Lamp{}).Error)
			}
			assert.NotEmpty(t, alone)
			assert.Equal(t, alone, behind)
		})
	}
}

func TestTwoInspectorsInARowBothSeeEverything(t *testing.T) {
	t.Parallel()
	first, second := inspector.New(), inspector.New()
	db := open(t, signals.Observers(first, second))
	first.Start()
	second.Start()
	signals.For[Lamp](db).PostSave.Connect(nothing[signals.SaveEvent[*Lamp]], signals.AfterCommit())
	require.NoError(t, db.Create(&Lamp{}).Error)
	for _, ins := range []*inspector.Inspector{first, second} {
		text := explain(t, ins, db)
		assert.Contains(t, text, "3 steps recorded")
		assert.Contains(t, text, "so far 1 committed")
	}
}

func TestACustomSignalIsWatchedUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ins, db, _ := setUp(t)
	signal := signals.New[int]("counted")
	stop := inspector.Watch(ins, signal)
	require.NoError(t, signal.Send(t.Context(), 1))
	stop()
	stop()
	require.NoError(t, signal.Send(t.Context(), 1))
	text := explain(t, ins, db)
	assert.NotContains(t, text, "nobody")
	assert.NotRegexp(t, `(?m)^  counted +- +send +2 `, text)
}
