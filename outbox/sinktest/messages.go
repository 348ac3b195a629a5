package sinktest

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gorm-signals/signals/outbox"
)

// message returns an event of a row. Its id has the form of a UUIDv7 and contains row and sequence.
func message(row int, sequence uint64) outbox.Message {
	return outbox.Message{
		ID:          fmt.Sprintf("01890000-0000-7000-8%03x-%012x", row, sequence),
		Source:      "/shop",
		Type:        "com.acme.products.updated.v1",
		Subject:     outbox.Subject("products", row),
		Time:        time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC),
		ContentType: "application/json",
		Sequence:    sequence,
		Data:        fmt.Appendf(nil, `{"id":%d,"version":%d}`, row, sequence),
	}
}

// rows returns one message of each of n rows.
func rows(n int, sequence uint64) []outbox.Message {
	messages := make([]outbox.Message, n)
	for i := range messages {
		messages[i] = message(i, sequence)
	}
	return messages
}

// varied returns messages with all kinds of values in each attribute.
func varied() []outbox.Message {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	forms := []func(m *outbox.Message){
		func(*outbox.Message) {},
		func(m *outbox.Message) { m.Data = nil },
		func(m *outbox.Message) { m.Data, m.ContentType = every, "application/octet-stream" },
		func(m *outbox.Message) { m.Data = []byte(`{"name":"Käse 奶酪 🧀 \u0000 \"","n":"` + "\n" + `"}`) },
		func(m *outbox.Message) { m.Data = bytes.Repeat([]byte("0123456789abcdef"), 4096) },
		func(m *outbox.Message) { m.ContentType = "text/plain; charset=utf-8" },
		func(m *outbox.Message) { m.Subject = outbox.Subject("price list", "a/b,c", "50% ä", "*.>", 7) },
		func(m *outbox.Message) { m.Subject = outbox.Subject("products", strings.Repeat("long", 50)) },
		func(m *outbox.Message) {
			m.Source, m.Type = "https://shop.example/a?b=c#d", "com.acme.café.créé.v12"
		},
		func(m *outbox.Message) { m.Time = time.Date(2026, 12, 31, 23, 59, 59, 999999999, time.UTC) },
		func(m *outbox.Message) { m.Time = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) },
		func(m *outbox.Message) { m.Sequence = math.MaxUint64 },
		func(m *outbox.Message) {
			m.Extensions = map[string]string{
				"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
				"tracestate":  "vendor=" + strings.Repeat("x", 400) + ",other=1",
			}
		},
		func(m *outbox.Message) {
			m.Extensions = map[string]string{"tenant": "Käserei: 奶酪 🧀", "a1": `"quoted", 100% {json}`, "long": strings.Repeat("y", 4000)}
		},
	}
	messages := rows(len(forms), 1)
	for i, form := range forms {
		form(&messages[i])
	}
	return messages
}

// copied returns messages that share no memory with the given ones.
func copied(messages []outbox.Message) []outbox.Message {
	own := slices.Clone(messages)
	for i := range own {
		own[i].Data = bytes.Clone(own[i].Data)
		own[i].Extensions = maps.Clone(own[i].Extensions)
	}
	return own
}

// whole checks that received messages are equal to the sent ones.
func whole(sent, came []outbox.Message) error {
	byID := make(map[string]outbox.Message, len(sent))
	for _, m := range sent {
		byID[m.ID] = m
	}
	for _, m := range came {
		if diff := differ(byID[m.ID], m); diff != "" {
			return fmt.Errorf("message %s came with another %s", text(m), diff)
		}
	}
	return nil
}

// differ returns the first difference between a sent and a received message, or "".
func differ(sent, came outbox.Message) string {
	attributes := []struct{ name, sent, came string }{
		{"id", sent.ID, came.ID},
		{"source", sent.Source, came.Source},
		{"type", sent.Type, came.Type},
		{"subject", sent.Subject, came.Subject},
		{"time", sent.Time.Format(time.RFC3339Nano), came.Time.UTC().Format(time.RFC3339Nano)},
		{"content type", sent.ContentType, came.ContentType},
		{"sequence", fmt.Sprint(sent.Sequence), fmt.Sprint(came.Sequence)},
	}
	for _, a := range attributes {
		if a.sent != a.came {
			return fmt.Sprintf("%s: %q, and %q was sent", a.name, a.came, a.sent)
		}
	}
	if !maps.Equal(sent.Extensions, came.Extensions) {
		return fmt.Sprintf("set of extensions: %q, and %q was sent", came.Extensions, sent.Extensions)
	}
	if !bytes.Equal(sent.Data, came.Data) {
		return fmt.Sprintf("data: %d bytes %.60q, and %d bytes %.60q were sent", len(came.Data), came.Data, len(sent.Data), sent.Data)
	}
	return ""
}
