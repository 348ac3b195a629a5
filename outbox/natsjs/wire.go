package natsjs

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// prefix begins the names of headers with attributes.
const prefix = "ce-"

// contentType is the header that the binding of CloudEvents has for the media type of the data. Other programs look at Content-Type.
const contentType = prefix + "datacontenttype"

// subjectOf returns the NATS subject of an event type. Different types have different subjects.
func subjectOf(prefix, eventType string) string {
	tokens := strings.Split(eventType, ".")
	for i, t := range tokens {
		tokens[i] = token(t)
	}
	return prefix + "." + strings.Join(tokens, ".")
}

// token escapes the characters that a token of a subject cannot hold.
func token(s string) string {
	if s == "" {
		return "%"
	}
	return escape(s, func(c byte) bool { return c <= ' ' || c == 0x7f || c == '*' || c == '>' || c == '%' })
}

// filtersOf returns NATS subjects that match all types of the patterns, and perhaps more: patterns of [path.Match] are not those of NATS. An empty
// result means all messages of the stream.
func filtersOf(prefix string, patterns []string) []string {
	var filters []string
	for _, p := range patterns {
		meta := strings.IndexAny(p, `*?[\`)
		switch {
		case p == "":
			return nil
		case meta < 0:
			filters = append(filters, subjectOf(prefix, p))
		default:
			dot := strings.LastIndexByte(p[:meta], '.')
			if dot < 0 {
				return []string{prefix + ".>"}
			}
			filters = append(filters, subjectOf(prefix, p[:dot])+".>")
		}
	}
	slices.Sort(filters)
	return withoutOverlap(slices.Compact(filters))
}

// withoutOverlap removes filters that another filter covers, because the server refuses overlapping filters.
func withoutOverlap(filters []string) []string {
	return slices.DeleteFunc(slices.Clone(filters), func(f string) bool {
		return slices.ContainsFunc(filters, func(other string) bool {
			whole, wide := strings.CutSuffix(other, ">")
			return wide && other != f && strings.HasPrefix(f, whole)
		})
	})
}

// matches reports whether a pattern of Sub.Handle matches a type.
func matches(pattern, eventType string) bool {
	if pattern == "" {
		return true
	}
	ok, err := path.Match(pattern, eventType)
	return ok && err == nil
}

// encode returns the NATS message of an event.
func encode(subject string, m outbox.Message) *nats.Msg {
	out := &nats.Msg{Subject: subjectOf(subject, m.Type), Data: m.Data, Header: nats.Header{}}
	for name, value := range m.Headers(prefix) {
		out.Header[name] = []string{encodeValue(value)}
	}
	if m.ContentType != "" {
		out.Header[contentType] = []string{encodeValue(m.ContentType)}
		out.Header["Content-Type"] = []string{m.ContentType}
	}
	out.Header[jetstream.MsgIDHeader] = []string{m.ID}
	return out
}

// decode returns the event of a NATS message.
func decode(header nats.Header, data []byte) (outbox.Message, error) {
	values, media := make(map[string]string, len(header)), ""
	for name, all := range header {
		if len(all) == 0 {
			continue
		}
		name = strings.ToLower(name)
		if name == "content-type" && media == "" {
			media = all[0]
		}
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		value, err := decodeValue(all[0])
		if err != nil {
			return outbox.Message{}, outbox.Permanent(fmt.Errorf("natsjs: header %s: %w", name, err))
		}
		values[name] = value
	}
	if own := values[contentType]; own != "" {
		media = own
		delete(values, contentType)
	}
	return outbox.FromHeaders(prefix, values, media, data)
}

// encodeValue writes the value of an attribute as the binding of CloudEvents asks: printable ASCII without spaces, quotes and percent signs.
func encodeValue(s string) string {
	return escape(s, func(c byte) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '%' })
}

// decodeValue reads values that encodeValue wrote, and quoted ones of older senders. A percent sign that encodes nothing stays as it is.
func decodeValue(s string) (string, error) {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s[1 : len(s)-1])
	}
	if plain, err := url.PathUnescape(s); err == nil {
		s = plain
	}
	if !utf8.ValidString(s) {
		return "", errors.New("the value is not UTF-8")
	}
	return s, nil
}

// escape writes each special byte as a percent sign and two hexadecimal digits.
func escape(s string, special func(c byte) bool) string {
	var out strings.Builder
	for i := range len(s) {
		if special(s[i]) {
			fmt.Fprintf(&out, "%%%02X", s[i])
		} else {
			out.WriteByte(s[i])
		}
	}
	return out.String()
}
