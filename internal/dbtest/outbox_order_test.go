package dbtest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// TestRetriesKeepTheOrderWhileTheClockMoves lets the first event of many rows fail, so that they become due while the table is read.
func TestRetriesKeepTheOrderWhileTheClockMoves(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{
			MaxTries: 1000, Backoff: func(int) time.Duration { return time.Duration(rand.IntN(200)) * time.Millisecond }, //nolint:gosec // no secret
		})
		rows := make([]Parcel, 1500)
		for i := range rows {
			rows[i].Name = fmt.Sprint(i)
		}
		require.NoError(t, db.CreateInBatches(&rows, 500).Error)
		require.NoError(t, db.Model(&Parcel{}).Where("1 = 1").Update("n", 1).Error)
		tries := map[string]int{}
		sink := &engine{refuse: func(m outbox.Message) error {
			if tries[m.ID]++; m.Type == "parcels.created.v1" && tries[m.ID] < 3 {
				return errParcel
			}
			return nil
		}}
		relay := ob.Relay(sink, outbox.Batch(10_000))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for len(sink.messages()) < 2*len(rows) {
			_, err := relay.Drain(ctx)
			require.NoError(t, err)
		}
		assert.Len(t, sink.first(t), 2*len(rows))
	})
}

func TestOneRelayOfTwoWorksOnEachDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{Poll: 5 * time.Millisecond})
		var sinks [2]engine
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			ob.Relay(&sinks[0], outbox.Lease(patience)).Run(ctx)
		}()
		write := func(name string, sink *engine, n int) {
			require.NoError(t, db.Create(&Parcel{Name: name}).Error)
			require.Eventually(t, func() bool { return len(sink.messages()) == n }, patience, time.Millisecond, name)
		}
		write("a", &sinks[0], 1)
		background(t, ob.Relay(&sinks[1], outbox.Lease(patience)).Run)
		for i := range 20 {
			write(fmt.Sprint(i), &sinks[0], i+2)
		}
		assert.Empty(t, sinks[1].messages())
		stop()
		<-ended
		write("b", &sinks[1], 1)
	})
}

func TestAWriteIsAnnouncedToThoseWhoListen(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		to := dialector()
		pg, ok := to.(*postgres.Dialector)
		db := connect(t, to, &gorm.Config{})
		require.NoError(t, db.Use(signals.Plugin{}))
		if !ok {
			_, err := outbox.Install(db, outbox.Config{Source: "/post", Notify: "news"})
			require.ErrorContains(t, err, "Config.Notify is for PostgreSQL")
			return
		}
		require.NoError(t, db.AutoMigrate(&Parcel{}))
		channel := "News of " + unique() // the whole database hears it, not the schema alone
		ob := mailbox(t, db, outbox.Config{Notify: channel, Poll: time.Hour})
		outbox.Publish[Parcel](ob)
		conn, err := pgx.Connect(t.Context(), pg.DSN)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
		_, err = conn.Exec(t.Context(), "LISTEN "+pgx.Identifier{channel}.Sanitize())
		require.NoError(t, err)
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Parcel{Name: "undone"}).Error)
			return errParcel
		}), errParcel)
		require.NoError(t, db.Create(&Parcel{Name: "a"}).Error)
		news, err := conn.WaitForNotification(t.Context())
		require.NoError(t, err)
		assert.Equal(t, channel, news.Channel)
		sink := &engine{}
		assert.Equal(t, 1, drained(t, ob.Relay(sink)))
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = conn.WaitForNotification(short)
		assert.Error(t, err, "what is undone is not announced")
	})
}

func TestNothingWaitsForAnOpenTransaction(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db, ob := post(t, dialector(), &gorm.Config{}, outbox.Config{})
		if db.Name() == "sqlite" {
			t.Skip("SQLite has one writer at a time")
		}
		rows := make([]Parcel, 400)
		for i := range rows {
			rows[i].Name = fmt.Sprint(i)
		}
		require.NoError(t, db.Create(&rows).Error)
		open := db.Begin()
		defer open.Rollback()
		require.NoError(t, open.Create(&Parcel{Name: "open"}).Error)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		sink := &engine{refuse: func(m outbox.Message) error {
			if m.Subject == "parcels/7" {
				return outbox.Permanent(errParcel)
			}
			return nil
		}}
		relay := ob.Relay(sink)
		n, err := relay.Drain(ctx)
		require.NoError(t, err)
		assert.Equal(t, 399, n)
		dead, err := ob.Dead(ctx)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		_, err = ob.Requeue(ctx, dead[0].ID)
		require.NoError(t, err)
		replayed, err := ob.Replay(ctx, time.Now().Add(-time.Hour))
		require.NoError(t, err)
		assert.EqualValues(t, 399, replayed)
		_, err = relay.Drain(ctx)
		require.NoError(t, err)
		_, err = ob.Lag(ctx)
		require.NoError(t, err)
		purged, err := ob.Purge(ctx, time.Now().Add(time.Hour))
		require.NoError(t, err)
		assert.EqualValues(t, 399, purged)
		require.NoError(t, open.Create(&Parcel{Name: "open too"}).Error)
		require.NoError(t, open.Commit().Error)
		assert.Equal(t, 2, drained(t, relay))
	})
}
