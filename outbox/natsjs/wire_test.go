package natsjs_test

import (
	"testing"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

func TestEveryTypeHasASubjectOfItsOwn(t *testing.T) {
	t.Parallel()
	for eventType, want := range map[string]string{
		"com.acme.products.created.v1":   "S.com.acme.products.created.v1",
		"public.products.created.v1":     "S.public.products.created.v1",
		"a.price list\t.created.v1":      "S.a.price%20list%09.created.v1",
		"a.*.>.v1":                       "S.a.%2A.%3E.v1",
		"a..b.":                          "S.a.%.b.%",
		"a.50%.v1":                       "S.a.50%25.v1",
		"com.acme.produits_créés.créé.v": "S.com.acme.produits_créés.créé.v",
		"":                               "S.%",
	} {
		assert.Equal(t, want, natsjs.SubjectOf("S", eventType))
	}
}

func TestFiltersHoldAllTypesOfThePatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patterns, want []string
	}{
		{[]string{""}, nil},
		{[]string{"a.b", ""}, nil},
		{[]string{"com.acme.products.created.v1"}, []string{"S.com.acme.products.created.v1"}},
		{[]string{"com.acme.products.*.v1"}, []string{"S.com.acme.products.>"}},
		{[]string{"com.acme.prod*"}, []string{"S.com.acme.>"}},
		{[]string{"*"}, []string{"S.>"}},
		{[]string{"a.?.v1", "com*"}, []string{"S.>"}},
		{[]string{"a.b.v1", "a.[bc].v1", "a.d.*", "e.f", "e.f", "ab.c"}, []string{"S.a.>", "S.ab.c", "S.e.f"}},
	} {
		assert.Equal(t, c.want, natsjs.FiltersOf("S", c.patterns), "%q", c.patterns)
	}
}

func TestPatternsMatchTypes(t *testing.T) {
	t.Parallel()
	assert.True(t, natsjs.Matches("", "a.b"))
	assert.True(t, natsjs.Matches("com.*.v1", "com.acme.products.created.v1"))
	assert.False(t, natsjs.Matches("com.*.v1", "com.acme.products.created.v2"))
}

func TestAMessageComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"plain", `"quoted"`, "50% and %41", " blanks ", "Käse\n奶酪", `back\slash`, ""} {
		m := event("a b/c,d", 1)
		m.Source, m.ContentType, m.Extensions = "/"+value, "text/plain; charset=utf-8", map[string]string{"note": value}
		out := natsjs.Encode("S", m)
		back, err := natsjs.Decode(out.Header, out.Data)
		require.NoError(t, err)
		assert.Equal(t, m, back)
	}
}

func TestMessagesOfOtherSendersAreRead(t *testing.T) {
	t.Parallel()
	h := nats.Header{
		"Ce-Specversion": {"1.0"},
		"Ce-Id":          {"1"}, "CE-SOURCE": {"/other"}, "ce-type": {`"a \"type\""`}, "content-type": {"text/plain"},
		"ce-note": {"100%"}, "other": {"x"}, "ce-none": {},
	}
	m, err := natsjs.Decode(h, []byte("hello"))
	require.NoError(t, err)
	assert.Equal(t, "/other", m.Source)
	assert.Equal(t, `a "type"`, m.Type)
	assert.Equal(t, "text/plain", m.ContentType)
	assert.Equal(t, map[string]string{"note": "100%"}, m.Extensions)
}

func TestHeadersThatAreNoEventArePermanentErrors(t *testing.T) {
	t.Parallel()
	for _, h := range []nats.Header{
		nil,
		{"ce-id": {"1"}},
		{"ce-specversion": {"1.0"}, "ce-id": {"1"}, "ce-source": {"/"}, "ce-type": {"a"}, "ce-note": {"%C0%A0"}},
		{"ce-id": {"1"}, "ce-source": {"/"}, "ce-type": {"a"}, "ce-specversion": {"0.3"}},
	} {
		_, err := natsjs.Decode(h, nil)
		require.Error(t, err)
		assert.True(t, outbox.IsPermanent(err))
	}
}
