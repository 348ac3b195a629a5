package watermillsink_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	watermillmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/gorm-signals/signals/outbox"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/watermillsink"
)

// publish is a function as a publisher, to imitate engines that fail in ways which real ones do not show on demand.
type publish func(topic string, m *watermillmessage.Message) error

// Publish calls the function for each message.
func (p publish) Publish(topic string, messages ...*watermillmessage.Message) error {
	for _, m := range messages {
		if err := p(topic, m); err != nil {
			return err
		}
	}
	return nil
}

// Close does nothing.
func (publish) Close() error { return nil }

func rows(n int) []message {
	messages := make([]message, n)
	for i := range messages {
		messages[i] = row(i, 1)
	}
	return messages
}

func TestEachMessageHasItsOwnError(t *testing.T) {
	t.Parallel()
	refused := errors.New("not this one")
	sink := watermillsink.New(publish(func(_ string, m *watermillmessage.Message) error {
		if m.UUID == row(3, 1).ID {
			return refused
		}
		return nil
	}), watermillsink.Topic("shop"))

	errs := sink.Send(t.Context(), rows(5))
	require.Len(t, errs, 5)
	for i, err := range errs {
		if i != 3 {
			require.NoError(t, err, i)
		}
	}
	require.ErrorIs(t, errs[3], refused)
	assert.ErrorContains(t, errs[3], row(3, 1).ID, "the error names the message")
	assert.False(t, outbox.IsPermanent(errs[3]) || outbox.IsUnavailable(errs[3]), "an unknown error is a failed try")
	assert.Nil(t, sink.Send(t.Context(), rows(2)), "no error means nil")
}

func TestAMessageWithoutATopicIsPermanent(t *testing.T) {
	t.Parallel()
	sink := watermillsink.New(publish(func(string, *watermillmessage.Message) error { return nil }), watermillsink.Topic(""))
	errs := sink.Send(t.Context(), rows(1))
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsPermanent(errs[0]), errs[0])
}

func TestTopicsAreNamedByAFunctionOfTheMessage(t *testing.T) {
	t.Parallel()
	var topics sync.Map
	sink := watermillsink.New(publish(func(topic string, _ *watermillmessage.Message) error {
		topics.Store(topic, true)
		return nil
	}), watermillsink.TopicPerTable("shop."))
	order := row(1, 1)
	order.Subject = outbox.Subject("orders", 1)
	require.Nil(t, sink.Send(t.Context(), []message{order, row(2, 1)}))
	for _, name := range []string{"shop.orders", "shop.products"} {
		_, used := topics.Load(name)
		assert.True(t, used, name)
	}
}

func TestConcurrencyIsHowManyArePublishedAtOnce(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	sink := watermillsink.New(publish(func(string, *watermillmessage.Message) error {
		select {
		case entered <- struct{}{}:
			<-release
		case <-release:
		}
		return nil
	}), watermillsink.Topic("shop"), watermillsink.Concurrency(3))
	sent := make(chan []error)
	go func() { sent <- sink.Send(t.Context(), rows(200)) }()
	for i := range 3 {
		select {
		case <-entered:
		case <-time.After(10 * time.Second):
			require.FailNow(t, "too few at once", i)
		}
	}
	select {
	case <-entered:
		assert.Fail(t, "a fourth at once")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	require.Nil(t, <-sent)
	assert.Panics(t, func() { watermillsink.Concurrency(0) })
}

func TestAPublisherThatHeedsNoContextIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	hang, entered := make(chan struct{}), make(chan struct{}, 1)
	var order []uint64
	var mu sync.Mutex
	sink := watermillsink.New(publish(func(_ string, received *watermillmessage.Message) error {
		m, err := watermillsink.Message(received)
		if err != nil {
			return err
		}
		if m.Sequence == 1 {
			entered <- struct{}{}
			<-hang
		}
		mu.Lock()
		defer mu.Unlock()
		order = append(order, m.Sequence)
		return nil
	}), watermillsink.Topic("shop"))

	given, giveUp := context.WithCancel(t.Context())
	go func() {
		<-entered
		giveUp()
	}()
	errs := sink.Send(given, []message{row(1, 1)})
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], context.Canceled)
	require.True(t, outbox.IsUnavailable(errs[0]))

	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	errs = sink.Send(short, []message{row(1, 2)})
	require.Len(t, errs, 1)
	require.True(t, outbox.IsUnavailable(errs[0]), "the next message of the row waits for the one that is still on its way")
	require.Nil(t, sink.Send(t.Context(), []message{row(2, 2)}), "another row does not wait")

	close(hang)
	require.Nil(t, sink.Send(t.Context(), []message{row(1, 2)}))
	assert.Equal(t, []uint64{2, 1, 2}, order, "row 2, and then row 1 in order")
}

// reply is an error with the text of a Redis server or a Kafka client.
type reply string

// Error returns the text.
func (r reply) Error() string { return string(r) }

func TestErrorsOfEnginesAreMarked(t *testing.T) {
	t.Parallel()
	const neither, permanent, unavailable = "a failed try", "permanent", "unavailable"
	closed := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	require.NoError(t, closed.Close())
	_, refused := new(net.Dialer).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	require.Error(t, refused)
	for said, tc := range map[string]struct {
		err  error
		want string
	}{
		"unknown":                   {errors.New("what is this"), neither},
		"wrong type of key":         {reply("WRONGTYPE Operation against a key holding the wrong kind of value"), neither},
		"marked by the publisher":   {outbox.Permanent(errors.New("never")), permanent},
		"connection refused":        {refused, unavailable},
		"end of stream":             {io.EOF, unavailable},
		"half a reply":              {io.ErrUnexpectedEOF, unavailable},
		"closed connection":         {net.ErrClosed, unavailable},
		"deadline":                  {context.DeadlineExceeded, unavailable},
		"stopped":                   {context.Canceled, unavailable},
		"closed client of Redis":    {closed.Ping(t.Context()).Err(), unavailable},
		"Redis is loading":          {reply("LOADING Redis is loading the dataset in memory"), unavailable},
		"Redis is full":             {reply("OOM command not allowed when used memory > 'maxmemory'."), unavailable},
		"Redis is a replica":        {reply("READONLY You can't write against a read only replica."), unavailable},
		"no broker":                 {reply("kafka: client has run out of available brokers to talk to"), unavailable},
		"broker not connected":      {reply("kafka: broker not connected"), unavailable},
		"closed client of Kafka":    {reply("kafka: tried to use a client that was closed"), unavailable},
		"producer shuts down":       {reply("kafka: message received by producer in process of shutting down"), unavailable},
		"no leader":                 {reply("kafka server: In the middle of a leadership election, there is currently no leader for this partition and hence it is unavailable for writes"), unavailable},
		"another leader":            {reply("kafka server: Tried to send a message to a replica that is not the leader for some partition. Your metadata is out of date"), unavailable},
		"slow broker":               {reply("kafka server: Request exceeded the user-specified time limit in the request"), unavailable},
		"broker went":               {reply("kafka server: The server disconnected before a response was received"), unavailable},
		"too few replicas":          {reply("kafka server: Messages are rejected since there are fewer in-sync replicas than required"), unavailable},
		"too few replicas, written": {reply("kafka server: Messages are written to the log, but to fewer in-sync replicas than required"), unavailable},
		"too large for the broker":  {reply("kafka server: Message was too large, server rejected it to avoid allocation error"), permanent},
		"too large for a segment":   {reply("kafka server: The request included message batch larger than the configured segment size on the server"), permanent},
		"topic is not there":        {reply("kafka server: Request was for a topic or partition that does not exist on this broker"), neither},
	} {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			require.Error(t, tc.err)
			sink := watermillsink.New(publish(func(string, *watermillmessage.Message) error { return tc.err }), watermillsink.Topic("shop"))
			errs := sink.Send(t.Context(), rows(1))
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], tc.err)
			assert.Equal(t, tc.want == permanent, outbox.IsPermanent(errs[0]), errs[0])
			assert.Equal(t, tc.want == unavailable, outbox.IsUnavailable(errs[0]), errs[0])
		})
	}
}

func TestClassifyIsAskedFirst(t *testing.T) {
	t.Parallel()
	busy := errors.New("come back later")
	sink := watermillsink.New(publish(func(_ string, m *watermillmessage.Message) error {
		if m.UUID == row(0, 1).ID {
			return busy
		}
		return io.EOF
	}), watermillsink.Topic("shop"), watermillsink.Classify(func(err error) error {
		switch {
		case errors.Is(err, busy):
			return outbox.Unavailable(err)
		case errors.Is(err, io.EOF):
			return outbox.Permanent(err)
		}
		return nil
	}), watermillsink.Classify(outbox.Permanent))
	errs := sink.Send(t.Context(), rows(2))
	require.Len(t, errs, 2)
	assert.True(t, outbox.IsUnavailable(errs[0]), errs[0])
	assert.False(t, outbox.IsPermanent(errs[0]), "the first one that knows the error decides")
	assert.True(t, outbox.IsPermanent(errs[1]), errs[1])
}

func TestNewNeedsAPublisherAndATopic(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { watermillsink.New(nil, watermillsink.Topic("shop")) })
	assert.Panics(t, func() { watermillsink.New(publish(nil), nil) })
}
