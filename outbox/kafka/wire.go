package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gorm-signals/signals/outbox"
	"github.com/twmb/franz-go/pkg/kgo"
)

// prefix begins the names of headers with attributes, as the CloudEvents binding for Kafka asks.
const prefix = "ce_"

// contentType is the header with the media type of the data.
const contentType = "content-type"

// encode returns the record of an event.
func encode(topic string, m outbox.Message) *kgo.Record {
	record := &kgo.Record{Topic: topic, Value: m.Data}
	if key := m.PartitionKey(); key != "" {
		record.Key = []byte(key)
	}
	headers := m.Headers(prefix)
	if m.ContentType != "" {
		headers[contentType] = m.ContentType
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(headers[name])})
	}
	return record
}

// Message returns the event of a record that a consumer received. It fails with a Permanent error for records that are not events.
func Message(record *kgo.Record) (outbox.Message, error) {
	headers, media := make(map[string]string, len(record.Headers)), ""
	for _, h := range record.Headers {
		if strings.EqualFold(h.Key, contentType) {
			media = string(h.Value)
			continue
		}
		headers[h.Key] = string(h.Value)
	}
	m, err := outbox.FromHeaders(prefix, headers, media, record.Value)
	if err != nil {
		return outbox.Message{}, fmt.Errorf("kafka: record %d of partition %d of topic %s: %w", record.Offset, record.Partition, record.Topic, err)
	}
	return m, nil
}
