package outbox

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// state says whether a record is pending, done or parked.
type state int

const (
	pending state = iota
	done
	dead // parked, until Requeue
)

// record is a row of the table: see ddl.
type record struct {
	Sequence    uint64 `gorm:"column:sequence"`
	ID          string `gorm:"column:id"`
	Channel     string `gorm:"column:channel"` // name of the durable receiver; "" for a published event
	Type        string `gorm:"column:type"`    // of the event; for a durable receiver its signal and table
	Subject     string `gorm:"column:subject"`
	Headers     string `gorm:"column:headers"` // JSON
	ContentType string `gorm:"column:content_type"`
	Data        []byte `gorm:"column:data"`
	CreatedAt   int64  `gorm:"column:created_at"` // milliseconds since 1970 by the database's clock, as all times of the table
	State       state  `gorm:"column:state"`
	DueAt       int64  `gorm:"column:due_at"` // pending: no try before this time; done: since when
	Holder      string `gorm:"column:holder"` // of the claim until DueAt; "" for the writer's claim or none
	Tries       int    `gorm:"column:tries"`
	Error       string `gorm:"column:error"`
}

// message returns the record as a Message. Headers that are not JSON are a Permanent error.
func (r *record) message(source string) (Message, error) {
	m := Message{
		ID: r.ID, Source: source, Type: r.Type, Subject: r.Subject, Time: time.UnixMilli(r.CreatedAt).UTC(), ContentType: r.ContentType,
		Sequence: r.Sequence, Data: r.Data,
	}
	if r.Headers == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(r.Headers), &m.Extensions); err != nil {
		return m, Permanent(fmt.Errorf("headers: %w", err))
	}
	return m, nil
}

// encodeHeaders refuses names that CloudEvents does not allow: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#naming-conventions
func encodeHeaders(headers map[string]string) (string, error) {
	if len(headers) == 0 {
		return "", nil
	}
	for name := range headers {
		for _, c := range []byte(name) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				return "", fmt.Errorf("outbox: Config.Headers returned the name %q: use lower case letters and digits alone", name)
			}
		}
		if name == "" {
			return "", errors.New("outbox: Config.Headers returned an empty name")
		}
	}
	text, err := json.Marshal(headers)
	return string(text), err
}

// newID returns a UUID of version 7, see RFC 9562, section 5.7.
func newID(now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli())) //nolint:gosec // after 1970
	copy(b[:6], ms[2:])
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	var text [36]byte
	hex.Encode(text[:], b[:4])
	hex.Encode(text[9:], b[4:6])
	hex.Encode(text[14:], b[6:8])
	hex.Encode(text[19:], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
