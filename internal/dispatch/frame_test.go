package dispatch_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

type key struct{}

func TestAFrameIsTheContextOfItsReceivers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.WithValue(t.Context(), key{}, "outside")
	f := w.frame(ctx)
	assert.Equal(t, "outside", f.Value(key{}), "it has the values of the context that it was opened under")
	assert.Same(t, f, dispatch.FrameOf(f))
	assert.Same(t, f, dispatch.FrameOf(context.WithValue(f, key{}, "inside")), "also through contexts that are made of it")
	assert.Nil(t, dispatch.FrameOf(ctx), "a context outside any send has none")
	inner := w.frame(f)
	assert.Same(t, inner, dispatch.FrameOf(inner), "the innermost")
}

func TestFixturesMarkWhatIsSentUnderThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.False(t, w.frame(t.Context()).Raw)
	raw := dispatch.Fixtures(t.Context())
	outer := w.frame(raw)
	assert.True(t, outer.Raw)
	assert.True(t, w.frame(outer).Raw, "also what receivers send in turn")
	assert.True(t, w.frame(dispatch.Mute(raw, []string{"a"})).Raw, "also under Mute")
	both := w.frame(dispatch.Fixtures(dispatch.Mute(t.Context(), []string{"a"})))
	assert.True(t, both.Raw)
	assert.False(t, both.Unmuted("a"), "and the other way round")
	assert.True(t, w.frame(dispatch.Fixtures(dispatch.Mute(t.Context(), nil))).MuteAll)
}

func TestSendsWithinOneAnotherAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outer := w.frame(t.Context())
	assert.EqualValues(t, 1, outer.Depth, "the outermost is the first")
	assert.EqualValues(t, 2, w.frame(outer).Depth)
	assert.EqualValues(t, 2, w.frame(dispatch.Mute(dispatch.Fixtures(outer), []string{"a"})).Depth, "Mute and Raw are no sends")
	assert.EqualValues(t, 1, w.frame(dispatch.Mute(t.Context(), []string{"a"})).Depth)
	inner := w.frame(dispatch.Mute(outer, []string{"a"}))
	assert.False(t, w.frame(inner).Unmuted("a"), "and mutes reach all that is sent under them")
}

// nested opens sends within one another, of kinds in turn, and returns the innermost frame.
func (w *world) nested(depth int, kinds ...dispatch.Kind) *dispatch.Frame {
	w.t.Helper()
	ctx := w.t.Context()
	var f *dispatch.Frame
	for i := range depth {
		f = &dispatch.Frame{}
		k := kinds[i%len(kinds)]
		f.Open(ctx, w.db, k, w.Silent(w.schemaOf(&item{}), strings.Repeat("I", i+1)))
		ctx = dispatch.Mute(f, []string{"somebody"}) //nolint:fatcontext // the nesting is the subject
	}
	return f
}

func TestASendThatIsNestedTooDeepFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact        string
		most, depth int
		refused     bool
	}{
		{"the outermost may be all there is", 1, 1, false},
		{"as deep as allowed", 3, 3, false},
		{"one deeper", 3, 4, true},
		{"one within the outermost", 1, 2, true},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(of *dispatch.Config) { of.MaxDepth = c.most })
			f := w.nested(c.depth, dispatch.PostSave)
			err := w.Call(w.list("a"), f, w.rows("1"))
			if !c.refused {
				require.NoError(t, err)
				assert.Equal(t, "a:1", w.heard())
				return
			}
			require.ErrorIs(t, err, fault.ErrRecursion)
			var recursion *fault.RecursionError
			require.ErrorAs(t, err, &recursion)
			assert.Equal(t, c.depth, recursion.Depth)
			assert.Equal(t, c.most, recursion.Most)
			assert.Empty(t, w.heard(), "nobody is called")
			require.NoError(t, w.Call(nil, f, w.rows("1")), "nor is anybody too deep who has no receivers")
		})
	}
}

func TestTheErrorOfADepthShowsTheSendsThatLedToIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		depth int
		want  string
	}{
		{"outermost first, and without the frames of Mute", 3, "pre_save I -> post_save II -> pre_save III"},
		{
			"all of eight", 8,
			"pre_save I -> post_save II -> pre_save III -> post_save IIII -> pre_save IIIII -> post_save IIIIII -> pre_save IIIIIII -> post_save IIIIIIII",
		},
		{
			"of more the first four and the last three", 10,
			"pre_save I -> post_save II -> pre_save III -> post_save IIII -> ... -> post_save IIIIIIII -> pre_save IIIIIIIII -> post_save IIIIIIIIII",
		},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(of *dispatch.Config) { of.MaxDepth = 1 })
			err := w.Call(w.list("a"), w.nested(c.depth, dispatch.PreSave, dispatch.PostSave), w.rows("1"))
			var recursion *fault.RecursionError
			require.ErrorAs(t, err, &recursion)
			assert.Equal(t, c.want, recursion.Chain)
		})
	}
}

func TestAFrameThatLeavesOutlivesItsTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "kept"))
	f := w.frame(ctx)
	stayed := w.frame(ctx)
	f.Leave(nil, &dispatch.Ended{})
	cancel(errors.New("the request is over"))
	require.NoError(t, f.Err(), "the end of its context does not end it")
	assert.Nil(t, f.Done())
	assert.Equal(t, "kept", f.Value(key{}), "it keeps the values")
	assert.Same(t, f, dispatch.FrameOf(f))
	assert.NotNil(t, f.Ended)
	require.Error(t, stayed.Err())
	assert.Nil(t, stayed.Ended)
}

func TestAFrameUnderWhichAStoreKeepsEventsSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.frame(dispatch.Mute(t.Context(), []string{"a"}))
	k := f.Keeping()
	assert.True(t, k.Keeps)
	assert.False(t, f.Keeps)
	assert.Same(t, k, dispatch.FrameOf(k))
	assert.False(t, k.Unmuted("a"))
	assert.EqualValues(t, 2, w.frame(k).Depth, "it is no send of its own")
	assert.False(t, w.frame(k).Keeps, "sends under it keep nothing by themselves")
}
