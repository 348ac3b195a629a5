package otelsignals_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/gorm-signals/signals/otelsignals"
)

func TestLanesAreMeasured(t *testing.T) {
	t.Parallel()
	lane := signals.NewLane(signals.LaneConfig{Name: "mail", Workers: 1, ErrorHandler: func(context.Context, error) {}})
	l := &lab{reader: sdkmetric.NewManualReader()}
	by, err := otelsignals.New(otelsignals.Lanes(lane), otelsignals.TracerProvider(sdktrace.NewTracerProvider()),
		otelsignals.MeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(l.reader))))
	require.NoError(t, err)
	db := open(t, by)
	may, started := make(chan struct{}), make(chan struct{}, 10)
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		started <- struct{}{}
		<-may
		if e.Instance.Name == "" {
			return errBoom
		}
		return nil
	}, signals.UID("m"), signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&[]Product{{Name: "lamp"}, {}, {Name: "chair"}}).Error)
	<-started
	assert.Equal(t, []string{"mail: 2"}, l.metrics(t, "signals.lane.depth"))
	assert.Equal(t, []string{"mail: 1"}, l.metrics(t, "signals.lane.running"))
	age, isGauge := l.metric(t, "signals.lane.age").Data.(metricdata.Gauge[float64])
	require.True(t, isGauge)
	assert.Positive(t, age.DataPoints[0].Value)
	close(may)
	require.NoError(t, lane.Shutdown(t.Context()))
	require.NoError(t, db.Create(&Product{}).Error)
	assert.Equal(t, []string{"mail done: 2", "mail failed: 1"}, l.metrics(t, "signals.lane.calls"))
	assert.Equal(t, []string{"mail: 1"}, l.metrics(t, "signals.lane.rejected"))
	assert.Equal(t, []string{"*errors.errorString mail after_commit m Product post_save: 1", "mail after_commit m Product post_save: 2"},
		l.metrics(t, "signals.receiver.duration"))
}
