package natsjs_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/natsembed"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

func TestASentEventIsACloudEventInTheStream(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	e := event("7", 1)
	e.Extensions = map[string]string{"note": `50% "Käse"`}
	send(t, sink, e)

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "SIGNALS")
	require.NoError(t, err)
	raw, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, "SIGNALS.com.acme.products.updated.v1", raw.Subject)
	assert.Equal(t, string(e.Data), string(raw.Data))
	want := map[string]string{
		"ce-specversion": "1.0", "ce-id": "7-1", "ce-source": "/shop", "ce-type": e.Type, "ce-subject": "products/7",
		"ce-time": "2026-01-02T03:04:05.000006Z", "ce-partitionkey": "products/7", "ce-sequence": "00000000000000000001",
		"ce-datacontenttype": "application/json", "ce-note": "50%25%20%22K%C3%A4se%22",
		"Content-Type": "application/json", "Nats-Msg-Id": "7-1", "Nats-Expected-Stream": "SIGNALS",
	}
	for name, value := range want {
		assert.Equal(t, []string{value}, raw.Header[name], name)
	}
	assert.Len(t, raw.Header, len(want))
}

func TestAnEventThatIsSentTwiceIsStoredOnce(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	send(t, sink, event("7", 1), event("7", 1), event("7", 2))
	assert.EqualValues(t, 2, stored(t, nc.ConnectedUrl()))
}

// stored counts the messages of the stream on a connection of its own.
func stored(t *testing.T, url string) uint64 {
	t.Helper()
	nc, err := natsjs.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "SIGNALS")
	require.NoError(t, err)
	return stream.CachedInfo().State.Msgs
}

func TestATooLargeEventIsPermanentAndOthersOfTheCallAreStored(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	large := event("2", 1)
	large.Data = bytes.Repeat([]byte("x"), 1<<20)
	errs := sink.Send(t.Context(), []outbox.Message{event("1", 1), large, event("3", 1)})
	require.Len(t, errs, 3)
	require.NoError(t, errs[0])
	require.NoError(t, errs[2])
	assert.True(t, outbox.IsPermanent(errs[1]))
	assert.False(t, outbox.IsUnavailable(errs[1]))
	require.ErrorContains(t, errs[1], "event 2-1 has 1048")
	require.ErrorContains(t, errs[1], "the server takes 1048576: publish less of the row, or raise max_payload")
	assert.EqualValues(t, 2, stored(t, nc.ConnectedUrl()))
}

func TestAnEventThatIsTooLargeForTheStreamIsPermanent(t *testing.T) {
	t.Parallel()
	nc := newBroker(t).connect()
	require.NoError(t, natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{Name: "SIGNALS", MaxMsgSize: 1000}))
	sink, err := natsjs.NewSink(nc, "SIGNALS")
	require.NoError(t, err)
	large := event("2", 1)
	large.Data = make([]byte, 1000)
	errs := sink.Send(t.Context(), []outbox.Message{large})
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsPermanent(errs[0]))
	require.ErrorContains(t, errs[0], "MaxMsgSize of stream SIGNALS")
}

func TestASinkOutlivesThatItsBrokerGoesAway(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	_, sink := b.stream()
	send(t, sink, event("7", 1))
	b.stop()
	for range 3 {
		errs := sink.Send(t.Context(), []outbox.Message{event("7", 2), event("8", 1)})
		require.Len(t, errs, 2)
		for _, err := range errs {
			assert.True(t, outbox.IsUnavailable(err), "%v", err)
		}
	}
	b.start()
	require.Eventually(t, func() bool { return sink.Send(t.Context(), []outbox.Message{event("7", 2)}) == nil }, patience, 20*time.Millisecond)
	assert.EqualValues(t, 2, stored(t, b.srv.URL()), "what failed must not arrive later")
}

func TestABrokerThatIsNotThereYetIsUnavailable(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	url := b.srv.URL()
	b.stop()
	nc, err := natsjs.Connect(url)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	sink, err := natsjs.NewSink(nc, "SIGNALS")
	require.NoError(t, err)
	errs := sink.Send(t.Context(), []outbox.Message{event("7", 1)})
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsUnavailable(errs[0]), "%v", errs[0])

	b.start()
	require.Eventually(t, nc.IsConnected, patience, 10*time.Millisecond)
	require.NoError(t, natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{Name: "SIGNALS"}))
	send(t, sink, event("7", 1))
}

func TestAStreamThatIsNotThereIsUnavailableWithACure(t *testing.T) {
	t.Parallel()
	nc, other := newBroker(t).stream()
	missing, err := natsjs.NewSink(nc, "MISSING")
	require.NoError(t, err)
	errs := missing.Send(t.Context(), []outbox.Message{event("7", 1)})
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsUnavailable(errs[0]))
	require.ErrorContains(t, errs[0], "does stream MISSING exist? EnsureStream makes it")
	send(t, other, event("7", 1))

	wrong, err := natsjs.NewSink(nc, "MISSING", natsjs.SubjectPrefix("SIGNALS"))
	require.NoError(t, err)
	errs = wrong.Send(t.Context(), []outbox.Message{event("8", 1)})
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsUnavailable(errs[0]))
	require.ErrorContains(t, errs[0], "belongs to a stream other than MISSING")
}

func TestAFullStreamIsUnavailable(t *testing.T) {
	t.Parallel()
	nc := newBroker(t).connect()
	cfg := jetstream.StreamConfig{Name: "SIGNALS", MaxMsgs: 1, Discard: jetstream.DiscardNew}
	require.NoError(t, natsjs.EnsureStream(t.Context(), nc, cfg))
	sink, err := natsjs.NewSink(nc, "SIGNALS")
	require.NoError(t, err)
	send(t, sink, event("7", 1))
	errs := sink.Send(t.Context(), []outbox.Message{event("7", 2)})
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsUnavailable(errs[0]), "%v", errs[0])
}

func TestAServerThatDoesNotAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	nc := newBroker(t).connect()
	_, err := nc.SubscribeSync("SILENT.>") // a subscriber takes the subject, and stores nothing
	require.NoError(t, err)
	sink, err := natsjs.NewSink(nc, "SILENT", natsjs.Timeout(50*time.Millisecond))
	require.NoError(t, err)
	errs := sink.Send(t.Context(), []outbox.Message{event("7", 1)})
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsUnavailable(errs[0]))
	require.ErrorContains(t, errs[0], "has not answered in 50ms")
}

func TestACancelledContextEndsSend(t *testing.T) {
	t.Parallel()
	_, sink := newBroker(t).stream()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := sink.Send(ctx, []outbox.Message{event("7", 1), event("8", 1)})
	require.Len(t, errs, 2)
	for _, err := range errs {
		require.ErrorIs(t, err, context.Canceled)
		assert.True(t, outbox.IsUnavailable(err))
	}
	assert.Nil(t, sink.Send(ctx, nil))
}

func TestEnsureStreamKeepsWhatIsStoredAndFillsInDefaults(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	send(t, sink, event("7", 1))
	require.NoError(t, natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{Name: "SIGNALS", MaxAge: time.Minute}))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "SIGNALS")
	require.NoError(t, err)
	got := stream.CachedInfo()
	assert.EqualValues(t, 1, got.State.Msgs)
	assert.Equal(t, []string{"SIGNALS.>"}, got.Config.Subjects)
	assert.Equal(t, time.Minute, got.Config.Duplicates, "a window must not be longer than the messages live")
	assert.Equal(t, jetstream.FileStorage, got.Config.Storage)
	require.NoError(t, natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{Name: "SIGNALS"}))
	require.NoError(t, natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{Name: "SIGNALS"}))
	stream, err = js.Stream(t.Context(), "SIGNALS")
	require.NoError(t, err)
	assert.Equal(t, natsjs.DuplicateWindow, stream.CachedInfo().Config.Duplicates)
}

func TestAServerWithoutJetStreamIsNamedAsSuch(t *testing.T) {
	t.Parallel()
	srv, err := natsembed.Start(natsembed.Config{Dir: t.TempDir(), Adjust: func(o *server.Options) { o.JetStream = false }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
	nc, err := srv.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	err = natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{Name: "SIGNALS"})
	require.ErrorContains(t, err, "start it with -js")
}

func TestBadArgumentsOfASinkAreErrors(t *testing.T) {
	t.Parallel()
	nc := newBroker(t).connect()
	_, err := natsjs.NewSink(nil, "SIGNALS")
	require.ErrorContains(t, err, "the connection is nil")
	_, err = natsjs.NewSink(nc, "a.b")
	require.ErrorContains(t, err, `"a.b" is no name of a stream`)
	_, err = natsjs.NewSink(nc, "SIGNALS", natsjs.Timeout(0))
	require.ErrorContains(t, err, "must be positive")
	require.Error(t, natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{}))
}
