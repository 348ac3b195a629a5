package dispatch_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
)

func TestAReceiverWithFieldsWantsRowsThatChangeOneOfThem(t *testing.T) {
	t.Parallel()
	old, renamed := &item{ID: 1, Name: "a", Price: 1}, &item{ID: 1, Name: "b", Price: 1}
	for _, c := range []struct {
		fact   string
		fields string
		row    change.Row
		want   bool
	}{
		{"without fields it wants every row", "", change.Row{Original: old, Instance: old}, true},
		{"a row that changes its field", "Name", change.Row{Original: old, Instance: renamed}, true},
		{"a row that changes one of its fields", "Price Name", change.Row{Original: old, Instance: renamed}, true},
		{"no row that changes another field", "Price", change.Row{Original: old, Instance: renamed}, false},
		{"a field that the model lacks changes nothing", "Colour", change.Row{Original: old, Instance: renamed}, false},
		{"every created row", "Price", change.Row{Created: true, Instance: renamed}, true},
		{"a link of its relation", "Tags", change.Row{Instance: old, Linked: &change.Linked{Relation: "Tags"}}, true},
		{"no link of another relation", "Tags", change.Row{Instance: old, Linked: &change.Linked{Relation: "Images"}}, false},
		{"without fields every link", "", change.Row{Instance: old, Linked: &change.Linked{Relation: "Images"}}, true},
		{"no created row of another relation", "Tags", change.Row{Instance: old, Created: true, Linked: &change.Linked{Relation: "Images"}}, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.row.Facts = w.facts(&item{})
			for _, e := range w.list("a A") {
				f := w.frame(t.Context())
				e.Fields = strings.Fields(c.fields)
				assert.Equal(t, c.want, e.Wants(f, &c.row))
				assert.Equal(t, c.want, f.Reaches(e, &c.row))
				want := ""
				if c.want {
					want = e.UID + ":1"
				}
				require.NoError(t, w.Call([]*dispatch.Entry{e}, f, []change.Row{c.row}))
				assert.Equal(t, want, w.heard(), "so it is called, or not")
			}
		})
	}
}

func TestEachReceiverGetsTheRowsThatItWants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := w.rows("1 2 3")
	for i := range rows {
		rows[i].Original = &item{ID: uint(i + 1), Name: "old"}
	}
	rows[0].Instance = &item{ID: 1, Name: "new"}
	rows[2].Created = true
	named := w.list("a A b")
	named[0].Fields, named[1].Fields = []string{"Price"}, []string{"Name"}
	rows[1].Instance = &item{ID: 2, Name: "old", Price: 3}
	require.NoError(t, w.Call(named, w.frame(t.Context()), rows))
	assert.Equal(t, "a:2 a:3 A:1,3 b:1 b:2 b:3", w.heard())
}

// muted returns a context under which receivers are muted in turn, each time by UIDs or, with none, all of them.
func muted(t *testing.T, in ...string) context.Context {
	t.Helper()
	ctx := t.Context()
	for _, uids := range in {
		ctx = dispatch.Mute(ctx, strings.Fields(uids)) //nolint:fatcontext // the nesting is the subject
	}
	return ctx
}

func TestMutedReceiversAreNotCalled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		mutes []string
		want  string
	}{
		{"nobody is muted at first", nil, "a:1 b:1 A:1"},
		{"all without a name", []string{""}, ""},
		{"those that are named", []string{"b"}, "a:1 A:1"},
		{"single and batch receivers alike", []string{"A a"}, "b:1"},
		{"a name that nobody has mutes nobody", []string{"z"}, "a:1 b:1 A:1"},
		{"within one another, all that are named", []string{"a", "b"}, "A:1"},
		{"within one another, all stay muted", []string{"", "b"}, ""},
		{"within one another, the rest is muted later", []string{"b", ""}, ""},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			require.NoError(t, w.call(muted(t, c.mutes...), "a b A", "1"))
			assert.Equal(t, c.want, w.heard())
		})
	}
}

func TestAReceiverWithoutAUIDIsMutedWithAllOthersOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	row, e := w.rows("1")[0], w.receiver("a")
	e.UID = ""
	for mutes, want := range map[string]bool{"b": true, "a b": true, "": false} {
		f := w.frame(muted(t, mutes))
		assert.Equal(t, want, f.Reaches(e, &row), "muted: %q", mutes)
	}
	assert.True(t, w.frame(dispatch.Mute(t.Context(), []string{""})).Unmuted(""), "an empty UID is nobody's")
}

func TestAContextSaysWhetherItMutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mute := dispatch.Mute(t.Context(), []string{"a"})
	assert.True(t, dispatch.Mutes(mute))
	assert.True(t, dispatch.Mutes(w.frame(mute)), "also that of a send under it")
	assert.True(t, dispatch.Mutes(dispatch.Mute(t.Context(), nil)), "all receivers are some")
	assert.False(t, dispatch.Mutes(t.Context()))
	assert.False(t, dispatch.Mutes(w.frame(dispatch.Fixtures(t.Context()))))
}

func TestAMuteIsNotTheSliceThatItWasGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	uids := append(make([]string, 0, 8), "a")
	outer := dispatch.Mute(t.Context(), uids)
	uids[0] = "z"
	require.NoError(t, w.call(outer, "a z", "1"))
	assert.Equal(t, "z:1", w.heard(), "its caller may go on using the slice")
	for _, uid := range []string{"b", "c"} { // a slice that has grown has room for more
		outer = dispatch.Mute(outer, []string{uid})
	}
	first := dispatch.Mute(outer, []string{"d"})
	dispatch.Mute(outer, []string{"e"})
	require.NoError(t, w.call(first, "a b c d e", "1"))
	assert.Equal(t, "e:1", w.heard(), "a mute does not overwrite another one within the same")
}

func TestMutesNeverReachBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outer := muted(t, "a")
	inner := dispatch.Mute(outer, []string{"b"})
	require.NoError(t, w.call(outer, "a b", "1"))
	assert.Equal(t, "b:1", w.heard(), "the outer context is as it was")
	require.NoError(t, w.call(dispatch.Mute(outer, []string{"c"}), "a b c", "1"))
	assert.Equal(t, "b:1", w.heard(), "and knows nothing of its siblings")
	require.NoError(t, w.call(inner, "a b c", "1"))
	assert.Equal(t, "c:1", w.heard())
}

func TestNoRowThatIsNotWrittenReachesAReceiver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows, e := w.rows("1 -2"), w.receiver("a")
	f := w.frame(t.Context())
	assert.True(t, f.Reaches(e, &rows[0]))
	assert.False(t, f.Reaches(e, &rows[1]))
}
