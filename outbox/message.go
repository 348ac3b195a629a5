package outbox

import (
	"database/sql/driver"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Message is an event on its way to another process: a CloudEvents 1.0 event in binary mode, see
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md.
type Message struct {
	ID          string            // UUIDv7; the same on every copy of the event
	Source      string            // Config.Source of the sending outbox
	Type        string            // "com.acme.products.created.v1"
	Subject     string            // table and primary key of the row: "products/7", see [Subject]
	Time        time.Time         // when the row was written, by the database's clock, in UTC
	ContentType string            // of Data: "application/json"
	Sequence    uint64            // grows with the saves and the delete of one row; numbers may be missing
	Extensions  map[string]string // further attributes, such as traceparent and actor; names in lower case
	Data        []byte
}

// SpecVersion is the version of CloudEvents that messages follow.
const SpecVersion = "1.0"

// PartitionKey returns the Subject. Messages with the same partition key must keep their order; CloudEvents calls this attribute partitionkey.
func (m Message) PartitionKey() string { return m.Subject }

// Table returns the table that the Subject names.
func (m Message) Table() string {
	table, _, _ := strings.Cut(m.Subject, "/")
	return unescape(table)
}

// Key returns the primary key that the Subject names, one text for each column.
func (m Message) Key() []string {
	_, key, _ := strings.Cut(m.Subject, "/")
	parts := strings.Split(key, ",")
	for i := range parts {
		parts[i] = unescape(parts[i])
	}
	return parts
}

// Subject returns the subject of a row: its table, a slash, and the values of its primary key, separated by commas. Each part is escaped as a segment
// of a URL's path.
func Subject(table string, key ...any) string {
	parts := make([]string, len(key))
	for i, v := range key {
		parts[i] = escape(text(v))
	}
	return escape(table) + "/" + strings.Join(parts, ",")
}

// text formats a value of a key. Equal keys have equal texts, also behind pointers and [driver.Valuer].
func text(v any) string {
	if by, ok := v.(driver.Valuer); ok && !isNil(v) {
		if value, err := by.Value(); err == nil {
			v = value
		}
	}
	switch v := v.(type) {
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil() {
		return text(p.Elem().Interface())
	}
	return fmt.Sprint(v)
}

func isNil(v any) bool {
	p := reflect.ValueOf(v)
	return p.Kind() == reflect.Pointer && p.IsNil()
}

// escape is [url.PathEscape], and escapes commas too, because they separate parts.
func escape(s string) string { return strings.ReplaceAll(url.PathEscape(s), ",", "%2C") }

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// Headers returns the attributes as headers of CloudEvents' binary mode, without the content type, which each protocol names differently. The prefix
// is "ce-" for NATS and HTTP, and "ce_" for Kafka.
func (m Message) Headers(prefix string) map[string]string {
	h := make(map[string]string, 8+len(m.Extensions))
	for name, value := range m.Extensions {
		h[prefix+name] = value
	}
	maps.Copy(h, map[string]string{
		prefix + "specversion":  SpecVersion,
		prefix + "id":           m.ID,
		prefix + "source":       m.Source,
		prefix + "type":         m.Type,
		prefix + "subject":      m.Subject,
		prefix + "time":         m.Time.UTC().Format(time.RFC3339Nano),
		prefix + "partitionkey": m.PartitionKey(),
		prefix + "sequence":     fmt.Sprintf("%020d", m.Sequence),
	})
	return h
}

// FromHeaders makes a Message from the headers, content type and data that a consumer received. It ignores the case of names, and headers without the
// prefix. It fails with a Permanent error unless they are a CloudEvent 1.0 with id, source and type.
func FromHeaders(prefix string, headers map[string]string, contentType string, data []byte) (Message, error) {
	m, version := Message{ContentType: contentType, Data: data}, false
	for name, value := range headers {
		attribute, ok := strings.CutPrefix(strings.ToLower(name), prefix)
		if !ok {
			continue
		}
		version = version || attribute == "specversion"
		if err := setAttribute(&m, attribute, value); err != nil {
			return Message{}, Permanent(err)
		}
	}
	if !version || m.ID == "" || m.Source == "" || m.Type == "" {
		return Message{}, Permanent(fmt.Errorf("outbox: no CloudEvent: headers %[1]sspecversion, %[1]sid, %[1]ssource and %[1]stype must be there", prefix))
	}
	return m, nil
}

func setAttribute(m *Message, attribute, value string) (err error) {
	switch attribute {
	case "specversion":
		if value != SpecVersion {
			return fmt.Errorf("outbox: a CloudEvent of version %q, and this library reads %s", value, SpecVersion)
		}
	case "id":
		m.ID = value
	case "source":
		m.Source = value
	case "type":
		m.Type = value
	case "subject":
		m.Subject = value
	case "time":
		m.Time, err = time.Parse(time.RFC3339Nano, value)
	case "sequence":
		m.Sequence, err = strconv.ParseUint(value, 10, 64)
	case "partitionkey": // the same as the subject
	default:
		if m.Extensions == nil {
			m.Extensions = map[string]string{}
		}
		m.Extensions[attribute] = value
	}
	if err != nil {
		return fmt.Errorf("outbox: attribute %s of a CloudEvent: %w", attribute, err)
	}
	return nil
}
