package outbox_test

import (
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox"
)

// lamp returns a message with all attributes.
func lamp() outbox.Message {
	return outbox.Message{
		ID:          "01890000-0000-7000-8000-000000000001",
		Source:      "/shop",
		Type:        "com.acme.products.created.v1",
		Subject:     outbox.Subject("products", 7),
		Time:        time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.UTC),
		ContentType: "application/json",
		Sequence:    42,
		Extensions:  map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		Data:        []byte(`{"name":"Lamp"}`),
	}
}

func TestTheHeadersAreThoseOfACloudEvent(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[string]string{
		"ce-specversion":  "1.0",
		"ce-id":           "01890000-0000-7000-8000-000000000001",
		"ce-source":       "/shop",
		"ce-type":         "com.acme.products.created.v1",
		"ce-subject":      "products/7",
		"ce-time":         "2026-03-04T05:06:07.123456789Z",
		"ce-partitionkey": "products/7",
		"ce-sequence":     "00000000000000000042",
		"ce-traceparent":  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}, lamp().Headers("ce-"))
	assert.Contains(t, lamp().Headers("ce_"), "ce_id", "each binding has a prefix of its own")
}

func TestTheTimeIsSentInUTC(t *testing.T) {
	t.Parallel()
	m := lamp()
	m.Time = m.Time.In(time.FixedZone("CET", 3600))
	assert.Equal(t, "2026-03-04T05:06:07.123456789Z", m.Headers("ce-")["ce-time"])
}

func TestSequencesAreInOrderAsText(t *testing.T) {
	t.Parallel()
	before := ""
	for _, sequence := range []uint64{0, 1, 9, 10, 99, 100, math.MaxInt64, math.MaxUint64} {
		m := lamp()
		m.Sequence = sequence
		text := m.Headers("ce-")["ce-sequence"]
		assert.Len(t, text, 20)
		assert.Less(t, before, text)
		before = text
	}
}

func TestAnExtensionCannotReplaceAnAttribute(t *testing.T) {
	t.Parallel()
	m := lamp()
	m.Extensions = map[string]string{"id": "another", "specversion": "0.3", "sequence": "x", "partitionkey": "y"}
	plain := lamp()
	plain.Extensions = nil
	assert.Equal(t, plain.Headers("ce-"), m.Headers("ce-"))
}

func TestAMessageIsReadBackFromItsHeaders(t *testing.T) {
	t.Parallel()
	sent := lamp()
	came, err := outbox.FromHeaders("ce-", sent.Headers("ce-"), sent.ContentType, sent.Data)
	require.NoError(t, err)
	assert.Equal(t, sent, came)
}

func TestHeaderNamesAreReadWithoutCase(t *testing.T) {
	t.Parallel()
	sent := lamp()
	headers := map[string]string{"X-Other": "left out", "Content-Length": "3"}
	for name, value := range sent.Headers("ce-") {
		headers["Ce-"+strings.ToUpper(name[3:4])+name[4:]] = value
	}
	came, err := outbox.FromHeaders("ce-", headers, sent.ContentType, sent.Data)
	require.NoError(t, err)
	assert.Equal(t, sent, came, "and headers without the prefix are left out")
}

func TestHeadersThatAreNoEventAreAPermanentError(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(headers map[string]string){
		"no id":                      func(h map[string]string) { delete(h, "ce-id") },
		"no source":                  func(h map[string]string) { delete(h, "ce-source") },
		"no type":                    func(h map[string]string) { delete(h, "ce-type") },
		"an empty id":                func(h map[string]string) { h["ce-id"] = "" },
		"another version":            func(h map[string]string) { h["ce-specversion"] = "0.3" },
		"a time that is none":        func(h map[string]string) { h["ce-time"] = "yesterday" },
		"a sequence that is none":    func(h map[string]string) { h["ce-sequence"] = "many" },
		"a sequence below zero":      func(h map[string]string) { h["ce-sequence"] = "-1" },
		"a sequence that is too big": func(h map[string]string) { h["ce-sequence"] = "18446744073709551616" },
		"nothing at all":             func(h map[string]string) { clear(h) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := lamp().Headers("ce-")
			change(headers)
			came, err := outbox.FromHeaders("ce-", headers, "", nil)
			require.Error(t, err)
			assert.True(t, outbox.IsPermanent(err), err)
			assert.Equal(t, outbox.Message{}, came)
		})
	}
	_, err := outbox.FromHeaders("ce_", lamp().Headers("ce-"), "", nil)
	assert.ErrorContains(t, err, "ce_id", "the error names the headers that must be there")
}

func TestASubjectTellsItsTableAndKey(t *testing.T) {
	t.Parallel()
	for subject, tc := range map[string]struct {
		table string
		key   []any
		parts []string
	}{
		"products/7":             {"products", []any{7}, []string{"7"}},
		"order_lines/7,2":        {"order_lines", []any{uint(7), int64(2)}, []string{"7", "2"}},
		"words/a%2Fb%2Cc":        {"words", []any{"a/b,c"}, []string{"a/b,c"}},
		"price%20list/50%25":     {"price list", []any{"50%"}, []string{"50%"}},
		"words/%E5%A5%B6,":       {"words", []any{"奶", ""}, []string{"奶", ""}},
		"shop.products/a%20b":    {"shop.products", []any{"a b"}, []string{"a b"}},
		"a%2Fb/%0A":              {"a/b", []any{"\n"}, []string{"\n"}},
		"words/%252F":            {"words", []any{"%2F"}, []string{"%2F"}},
		"files/a+b&c=d;e:f@g$h!": {"files", []any{"a+b&c=d;e:f@g$h!"}, []string{"a+b&c=d;e:f@g$h!"}},
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			m := outbox.Message{Subject: outbox.Subject(tc.table, tc.key...)}
			if subject != "files/a+b&c=d;e:f@g$h!" { // whether these characters are escaped is not promised
				assert.Equal(t, subject, m.Subject)
			}
			assert.Equal(t, tc.table, m.Table())
			assert.Equal(t, tc.parts, m.Key())
			assert.Equal(t, m.Subject, m.PartitionKey())
		})
	}
}

func TestASubjectOfOthersIsReadAsItIs(t *testing.T) {
	t.Parallel()
	m := outbox.Message{Subject: "50%/1%zz,2"}
	assert.Equal(t, "50%", m.Table())
	assert.Equal(t, []string{"1%zz", "2"}, m.Key())
}

func FuzzHeaders(f *testing.F) {
	f.Add("ce-", "1", "/shop", "a.b.created.v1", "products", "7", int64(1), uint64(42), "traceparent", "00-ab", []byte(`{}`))
	f.Add("ce_", "ä", "奶", "\n", "a/b,c%", "%2F,", int64(-1<<40), uint64(math.MaxUint64), "sequence1", "\x00\xff", []byte{0})
	f.Add("", "i", "s", "t", "", "", int64(0), uint64(0), "x", "", []byte(nil))
	f.Fuzz(func(t *testing.T, prefix, id, source, kind, table, key string, nanos int64, sequence uint64, name, value string, data []byte) {
		sent := outbox.Message{
			ID: id, Source: source, Type: kind, Subject: outbox.Subject(table, key), Time: time.Unix(0, nanos).UTC(), ContentType: "text/plain",
			Sequence: sequence, Data: data, Extensions: map[string]string{name: value},
		}
		headers := sent.Headers(prefix)
		known := maps.Clone(headers)
		came, err := outbox.FromHeaders(prefix, headers, sent.ContentType, data)
		assert.Equal(t, known, headers, "headers are left as they were")
		if prefix != strings.ToLower(prefix) || name != strings.ToLower(name) {
			return // both names are lower case, as Message and Headers promise
		}
		if id == "" || source == "" || kind == "" {
			require.Error(t, err)
			require.True(t, outbox.IsPermanent(err))
			return
		}
		require.NoError(t, err)
		if _, attribute := (outbox.Message{}).Headers("")[name]; attribute {
			sent.Extensions = nil // an extension does not replace an attribute
		}
		assert.Equal(t, sent, came)
		assert.Equal(t, table, came.Table())
		assert.Equal(t, []string{key}, came.Key())
	})
}
