package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/gorm-signals/signals/outbox/kafka"
)

func TestARecordIsACloudEventInBinaryMode(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	sent := row(7, 42)
	require.Nil(t, b.sink(t).Send(t.Context(), []outbox.Message{sent}))
	record := b.records(t, 1)[0]
	headers := map[string]string{}
	for _, h := range record.Headers {
		headers[h.Key] = string(h.Value)
	}
	assert.Equal(t, map[string]string{
		"ce_specversion": "1.0", "ce_id": sent.ID, "ce_source": "/shop", "ce_type": "com.acme.products.updated.v1",
		"ce_subject": "products/7", "ce_time": "2026-03-04T05:06:07.123456Z", "ce_partitionkey": "products/7",
		"ce_sequence": "00000000000000000042", "ce_traceparent": sent.Extensions["traceparent"], "content-type": "application/json",
	}, headers)
	assert.Equal(t, "products/7", string(record.Key), "the key is the row")
	assert.JSONEq(t, `{"id":7}`, string(record.Value))
	came, err := kafka.Message(record)
	require.NoError(t, err)
	assert.Equal(t, sent, came)
}

func TestTheEventsOfARowAreInOnePartition(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	sink := b.sink(t)
	const rows, events = 20, 5
	for sequence := range uint64(events) {
		var messages []outbox.Message
		for key := range rows {
			messages = append(messages, row(key, sequence+1))
		}
		require.Nil(t, sink.Send(t.Context(), messages))
	}
	of, used := map[string]int32{}, map[int32]bool{}
	for _, record := range b.records(t, rows*events) {
		key := string(record.Key)
		if partition, known := of[key]; known {
			assert.Equal(t, partition, record.Partition, key)
		}
		of[key], used[record.Partition] = record.Partition, true
	}
	assert.Len(t, of, rows)
	assert.Greater(t, len(used), 1, "rows spread over partitions")
}

func TestTheProducerIsIdempotent(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	numbered := make(chan bool, 1)
	b.cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		var batch kmsg.RecordBatch
		if produce, ok := request.(*kmsg.ProduceRequest); ok && batch.ReadFrom(produce.Topics[0].Partitions[0].Records) == nil {
			select {
			case numbered <- batch.ProducerID >= 0 && produce.Acks == -1:
			default:
			}
		}
		return nil, nil, false
	})
	require.Nil(t, b.sink(t).Send(t.Context(), []outbox.Message{row(1, 1)}))
	assert.True(t, <-numbered, "the batch has the number of its producer, and all replicas confirm it")
}

func TestAMessageThatIsTooLargeIsPermanentAndNoOtherIs(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int32{"refused by the client": 1 << 19, "refused by the broker": 4 * largest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t)
			sink := b.sink(t, kgo.ProducerBatchMaxBytes(limit), kgo.ProducerBatchCompression(kgo.NoCompression()),
				kgo.ProducerLinger(50*time.Millisecond)) // so that the messages are in one batch
			messages := []outbox.Message{row(1, 1), row(1, 2), row(1, 3)}
			messages[1].Data = make([]byte, 2*largest)
			errs := sink.Send(t.Context(), messages)
			require.Len(t, errs, 3)
			require.NoError(t, errors.Join(errs[0], errs[2]))
			assert.True(t, outbox.IsPermanent(errs[1]), errs[1])
			assert.Len(t, b.records(t, 2), 2)
		})
	}
}

func TestAnswersOfBrokersAreMarked(t *testing.T) {
	t.Parallel()
	const neither, permanent, unavailable = "a failed try", "permanent", "unavailable"
	for _, tc := range []struct {
		code *kerr.Error
		want string
	}{
		{kerr.MessageTooLarge, permanent},
		{kerr.RecordListTooLarge, permanent},
		{kerr.TopicAuthorizationFailed, unavailable},
		{kerr.ClusterAuthorizationFailed, unavailable},
		{kerr.UnknownTopicOrPartition, unavailable},
		{kerr.NotEnoughReplicas, unavailable},
		{kerr.InvalidTimestamp, neither},
		{kerr.PolicyViolation, neither},
	} {
		t.Run(tc.code.Message, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t)
			b.cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
				b.cluster.KeepControl()
				return refuse(request, tc.code.Code), nil, true
			})
			errs := b.sink(t, kgo.RecordRetries(1)).Send(t.Context(), []outbox.Message{row(1, 1)})
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], tc.code)
			assert.Equal(t, tc.want == permanent, outbox.IsPermanent(errs[0]), errs[0])
			assert.Equal(t, tc.want == unavailable, outbox.IsUnavailable(errs[0]), errs[0])
		})
	}
}

// refuse answers all partitions of a request with an error.
func refuse(request kmsg.Request, code int16) kmsg.Response {
	response, ok := request.ResponseKind().(*kmsg.ProduceResponse)
	produce, also := request.(*kmsg.ProduceRequest)
	if !ok || !also {
		return request.ResponseKind()
	}
	for _, t := range produce.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic, answer.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			of := kmsg.NewProduceResponseTopicPartition()
			of.Partition, of.ErrorCode = p.Partition, code
			answer.Partitions = append(answer.Partitions, of)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response
}

func TestATopicThatIsMissingIsUnavailable(t *testing.T) {
	t.Parallel()
	client, err := kafka.Connect([]string{newBroker(t).addr})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	sink, err := kafka.NewSink(client, kafka.TopicPerTable("missing."))
	require.NoError(t, err)
	errs := sink.Send(t.Context(), []outbox.Message{row(1, 1)})
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsUnavailable(errs[0]), errs[0])
	assert.ErrorContains(t, errs[0], "create it")
}

func TestAMessageWithoutATopicIsPermanentAndNoOtherIs(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	client, err := kafka.Connect([]string{b.addr})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	sink, err := kafka.NewSink(client, func(m outbox.Message) string {
		if m.Sequence == 1 {
			return ""
		}
		return topic
	})
	require.NoError(t, err)
	errs := sink.Send(t.Context(), []outbox.Message{row(1, 1), row(2, 2)})
	require.Len(t, errs, 2)
	assert.True(t, outbox.IsPermanent(errs[0]), errs[0])
	assert.NoError(t, errs[1])
}

func TestSendEndsWithItsTimeout(t *testing.T) {
	t.Parallel()
	client, err := kafka.Connect([]string{"127.0.0.1:1"})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	sink, err := kafka.NewSink(client, kafka.Topic(topic), kafka.Timeout(50*time.Millisecond))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	errs := sink.Send(ctx, []outbox.Message{row(1, 1)})
	require.Len(t, errs, 1)
	assert.True(t, outbox.IsUnavailable(errs[0]), errs[0])
	assert.NoError(t, ctx.Err())
}

func TestARecordOfOthersIsPermanent(t *testing.T) {
	t.Parallel()
	_, err := kafka.Message(&kgo.Record{Topic: topic, Value: []byte("hello")})
	assert.True(t, outbox.IsPermanent(err), err)
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	client, err := kafka.Connect([]string{"127.0.0.1:1"})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	_, err = kafka.NewSink(nil, kafka.Topic(topic))
	require.ErrorContains(t, err, "client")
	_, err = kafka.NewSink(client, nil)
	require.ErrorContains(t, err, "topic")
	_, err = kafka.NewSink(client, kafka.Topic(topic), kafka.Timeout(0))
	require.ErrorContains(t, err, "positive")
	_, err = kafka.Connect(nil)
	require.Error(t, err)
}
