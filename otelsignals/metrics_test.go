package otelsignals_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/otelsignals"
)

func TestSendsAndCallsAreCounted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	products := signals.For[Product](l.db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.Name == "" {
			return errBoom
		}
		return nil
	}, signals.UID("check"))
	products.PostSave.Connect(ok, signals.UID("mail"), signals.AfterCommit())
	require.NoError(t, l.db.Create(&[]Product{{Name: "lamp"}, {Name: "chair"}}).Error)
	require.ErrorIs(t, l.db.Create(&Product{}).Error, errBoom)
	assert.Equal(t, []string{
		"*errors.errorString send Product post_save: 1", "after_commit Product post_save: 2", "send Product post_save: 1",
	}, l.metrics(t, "signals.sends"))
	assert.Equal(t, []string{
		"*errors.errorString send check Product post_save: 1", "after_commit mail Product post_save: 2", "send check Product post_save: 2",
	}, l.metrics(t, "signals.receiver.duration"))
	assert.Equal(t, "{send}", l.metric(t, "signals.sends").Unit)
	duration := l.metric(t, "signals.receiver.duration")
	assert.Equal(t, "s", duration.Unit)
	data, isHistogram := duration.Data.(metricdata.Histogram[float64])
	require.True(t, isHistogram)
	assert.Equal(t, []float64{0.00001, 0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}, data.DataPoints[0].Bounds)
	for _, p := range data.DataPoints {
		assert.Positive(t, p.Sum)
		assert.Less(t, p.Sum, 60.0, "seconds")
	}
}

func TestWhatWaitsIsCountedUntilTheEndOfTheTransaction(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	signals.For[Product](l.db).PostSave.Connect(ok, signals.UID("mail"), signals.AfterCommit())
	waiting := func() []string { return l.metrics(t, "signals.waiting") }
	assert.Empty(t, waiting())
	for _, end := range []func(tx *gorm.DB) *gorm.DB{(*gorm.DB).Commit, (*gorm.DB).Rollback} {
		tx := l.db.Begin()
		require.NoError(t, tx.Create(&Product{}).Error)
		require.NoError(t, tx.Model(&Product{}).Where("1 = 1").Update("price", gorm.Expr("price + 1")).Error)
		assert.Equal(t, []string{"after_commit Product post_save: 2"}, waiting())
		require.NoError(t, end(tx).Error)
		assert.Equal(t, []string{"after_commit Product post_save: 0"}, waiting())
	}
	data, isSum := l.metric(t, "signals.waiting").Data.(metricdata.Sum[int64])
	require.True(t, isSum)
	assert.False(t, data.IsMonotonic)
}

// refusing provides meters that make no instrument.
type refusing struct{ noop.MeterProvider }

func (refusing) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

type refusingMeter struct{ noop.Meter }

func (refusingMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return noop.Int64Counter{}, errBoom
}

func TestNewFailsWhenAnInstrumentIsRefused(t *testing.T) {
	t.Parallel()
	by, err := otelsignals.New(otelsignals.MeterProvider(refusing{}))
	require.ErrorIs(t, err, errBoom)
	assert.Nil(t, by)
}
