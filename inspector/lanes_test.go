package inspector_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
)

func TestLanesAreShownWithWhatTheyDo(t *testing.T) {
	t.Parallel()
	ins, db, url := setUp(t)
	assert.NotContains(t, get(t, url), "lanes-title")
	assert.NotContains(t, explain(t, ins, db), "lanes")

	lane := signals.NewLane(signals.LaneConfig{Name: "<mail>", Workers: 1, ErrorHandler: func(context.Context, error) {}})
	may := make(chan error)
	lamps := signals.For[Lamp](db)
	lamps.PostSave.Connect(func(context.Context, signals.SaveEvent[*Lamp]) error { return <-may }, signals.AfterCommit(), signals.In(lane))
	lamps.PostDelete.Connect(nothing[signals.DeleteEvent[*Lamp]], signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&[]Lamp{{}, {}}).Error)
	may <- errors.New("boom")
	may <- nil
	require.NoError(t, lane.Wait(t.Context()))
	assert.Regexp(t, `(?m)^  <mail> +2 +0 +- +0 +1 +1 +0$`, explain(t, ins, db))
	assert.Regexp(t, `(?m)after_commit on <mail>`, explain(t, ins, db))
	page := get(t, url)
	assert.Regexp(t, `<th scope="row">&lt;mail&gt;</th><td class="n">2<td class="n">0<td class="n"><td class="n">0<td class="n">1<td class="n bad">1<td class="n">0</tr>`, page)
	assert.Contains(t, page, "after_commit on &lt;mail&gt;")
}
