package dispatch_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// connectAll connects receivers of pre_save. In their names, "+1" at the end is a priority, and "~" before it says that the receiver was
// connected for an interface.
func (w *world) connectAll(names string) {
	w.t.Helper()
	for text := range strings.FieldsSeq(names) {
		name, priority, _ := strings.Cut(text, "+")
		name, ofInterface := strings.CutPrefix(name, "~")
		e := w.receiver(name)
		if priority != "" {
			n, err := strconv.Atoi(priority)
			require.NoError(w.t, err)
			e.Priority = n
		}
		s := w.scope(&item{})
		if ofInterface {
			s = wide("item")
		}
		w.connect(s, dispatch.PreSave, e)
	}
}

func TestReceiversAreCalledInOneOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fact, receivers, want string }{
		{"that of connecting", "a b c", "a:1 b:1 c:1"},
		{"a higher priority before a lower one", "a b+1 c+-1 d+2", "d:1 b:1 a:1 c:1"},
		{"equal priorities as they were connected", "a+1 b c+1", "a:1 c:1 b:1"},
		{"receivers of the model and of an interface mixed", "a ~b c ~d+1", "d:1 a:1 b:1 c:1"},
		{"batch receivers among the others", "a B+1 c", "B:1 a:1 c:1"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.connectAll(c.receivers)
			p := w.planOf(&item{})
			f := &dispatch.Frame{}
			f.Open(t.Context(), w.db, dispatch.PreSave, p)
			require.NoError(t, w.Send(p, dispatch.PreSave, f, w.rows("1")))
			assert.Equal(t, c.want, w.heard())
			var collected []string
			for _, e := range w.Collect()[dispatch.PreSave] {
				collected = append(collected, e.UID+":1")
			}
			assert.Equal(t, c.want, strings.Join(collected, " "), "the list of all receivers is in the same order")
		})
	}
}

func TestOneSendServesSingleAndBatchReceivers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fact, receivers, rows, want string }{
		{"single receivers share one walk over the rows", "a b", "1 2", "a:1 b:1 a:2 b:2"},
		{"a batch receiver gets all rows in one call", "A", "1 2 3", "A:1,2,3"},
		{"a batch receiver comes after all rows of those before it", "a b A c", "1 2", "a:1 b:1 a:2 b:2 A:1,2 c:1 c:2"},
		{"batch receivers may come first, last and side by side", "A B a C", "1 2", "A:1,2 B:1,2 a:1 a:2 C:1,2"},
		{"no row that is not written", "a A", "1 -2 3", "a:1 a:3 A:1,3"},
		{"no batch receiver without a row", "A B", "-1 -2", ""},
		{"nobody without rows", "a A", "", ""},
		{"nobody without receivers", "", "1", ""},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			require.NoError(t, w.call(t.Context(), c.receivers, c.rows))
			assert.Equal(t, c.want, w.heard())
		})
	}
}

func TestASendCallsTheReceiversOfItsKindOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.on(&item{}, dispatch.PreSave, w.receiver("before"))
	w.on(&item{}, dispatch.PostSave, w.receiver("after"))
	w.on(&item{}, dispatch.PostSave, w.receiver("later"), func(e *dispatch.Entry) { e.Phase = dispatch.AfterCommit })
	p := w.planOf(&item{})
	for k, want := range map[dispatch.Kind]string{
		dispatch.PreSave: "before:1", dispatch.PostSave: "after:1", dispatch.PreDelete: "",
	} {
		f := &dispatch.Frame{}
		f.Open(t.Context(), w.db, k, p)
		require.NoError(t, w.Send(p, k, f, w.rows("1")))
		assert.Equal(t, want, w.heard(), k)
	}
}

func TestTheFirstErrorEndsASendAndNamesItsReceiver(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for _, c := range []struct{ fact, receivers, failing, want, named string }{
		{"of a single receiver, before later receivers and rows", "a b c", "b", "a:1 b:1", "b failed: refused"},
		{"of a batch receiver", "a A B c", "A", "a:1 a:2 A:1,2", "A failed: refused"},
		{"of a receiver after a batch", "A a", "a", "A:1,2 a:1", "a failed: refused"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.does[c.failing] = func(*dispatch.Frame) error { return refused }
			err := w.call(t.Context(), c.receivers, "1 2")
			require.ErrorIs(t, err, refused)
			require.EqualError(t, err, c.named)
			assert.Equal(t, c.want, w.heard())
		})
	}
}

func TestAReceiverIsCalledByItselfWithOneRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := w.rows("1 2")
	for _, e := range w.list("a A") {
		require.NoError(t, e.Send(w.frame(t.Context()), &rows[1]))
	}
	assert.Equal(t, "a:2 A:2", w.heard())
}

func TestAReceiverIsNamedByItsUIDOrElseByItsPlace(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "mail", dispatch.Info{UID: "mail", Location: "shop.go:3"}.Name())
	assert.Equal(t, "shop.go:3", dispatch.Info{Location: "shop.go:3"}.Name())
}
