package inspector_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
)

func TestThePageListsEveryReceiverWithItsCounts(t *testing.T) {
	t.Parallel()
	ins, db, url := setUp(t)
	lamps := signals.For[Lamp](db)
	lamps.PreSave.Connect(nothing[signals.SaveEvent[*Lamp]], signals.UID("slug"), signals.Priority(7), signals.Needs(signals.Keys))
	lamps.PostDelete.Connect(nothing[signals.DeleteEvent[*Lamp]], signals.AfterCommit())
	signals.Implementing[any](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error {
		if lamp, ok := e.Instance.(*Lamp); ok && lamp.Price > 100 {
			return errors.New("too dear")
		}
		return nil
	}, signals.UID("audit"))
	for range 2 {
		lamps.PostLoad.Connect(nothing[signals.LoadEvent[*Lamp]])
	}
	viewed := signals.New[Lamp]("lamp_viewed")
	inspector.Watch(ins, viewed)

	require.NoError(t, db.Create(&Lamp{Name: "A", Price: 3}).Error)
	require.ErrorContains(t, db.Create(&Lamp{Name: "B", Price: 300}).Error, "too dear")

	text := explain(t, ins, db)
	assert.Regexp(t, `(?m)^  pre_save +Lamp +slug +send +7 +keys +2 +0 +\S+ +\S+ +\S+ +/.*inspector/page_test.go:\d+$`, text)
	assert.Regexp(t, `(?m)^  post_save +interface \{\} +audit +send +0 +original +2 +1 `, text)
	assert.Regexp(t, `(?m)^  post_delete +Lamp +inspector/page_test.go:\d+ +after_commit +0 +row +0 +0 +- +- +- `, text)
	assert.Regexp(t, `(?m)^  post_load +Lamp +inspector/page_test.go:\d+ \(2 alike\) +send +0 +- `, text)
	assert.Equal(t, 1, strings.Count(text, "(2 alike)"))
	assert.Equal(t, 1, strings.Count(text, "post_load"))
	assert.Regexp(t, `(?m)^  lamp_viewed +- +nobody `, text)
	assert.Regexp(t, `(?m)^  post_save +Lamp +send +2 +2 +1 `, text, "sends")

	page := strings.ReplaceAll(get(t, url), "\n", "")
	assert.Regexp(t, `<td>pre_save<td>Lamp<th scope="row">slug</th><td>send<td class="n">7<td>keys`+
		`<td class="n">2<td class="n">0<td class="n">\d`, page)
	assert.Regexp(t, `<th scope="row">audit</th><td>send<td class="n">0<td>original<td class="n">2<td class="n bad">1`, page)
	assert.Regexp(t, `<td title="/[^"]*/inspector/page_test.go:\d+">inspector/page_test.go:\d+</tr>`, page)
	assert.Contains(t, page, `<caption id="receivers-title">Receivers</caption>`)
	assert.Contains(t, page, `role="status"`)
	assert.Contains(t, page, `<span class="what">slug</span>`, "the steps are there without JavaScript")
}

func TestThePageIsTheSameAsText(t *testing.T) {
	t.Parallel()
	_, db, url := setUp(t)
	signals.For[Lamp](db).PreSave.Connect(nothing[signals.SaveEvent[*Lamp]], signals.UID("slug"))
	require.NoError(t, db.Create(&Lamp{}).Error)
	answer, body := request(t, http.MethodGet, url+"text")
	assert.Equal(t, "text/plain; charset=utf-8", answer.Header.Get("Content-Type"))
	assert.Contains(t, body, "slug")
	assert.Contains(t, body, "2 steps recorded, values are hidden")
}

func TestNamesAndValuesAreEscaped(t *testing.T) {
	t.Parallel()
	const evil = "<script>alert(1)</script>"
	ins, db, url := setUp(t, inspector.Values(true))
	signals.For[Lamp](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
		if e.Instance.Price > 0 {
			return errors.New(evil)
		}
		return nil
	}, signals.UID(evil+"\x1b[31m\n"))
	inspector.Watch(ins, signals.New[Lamp](evil))
	s := watch(t, url)
	require.NoError(t, db.Create(&Lamp{Name: evil}).Error)
	require.Error(t, db.Create(&Lamp{Name: evil, Price: 1}).Error)
	for _, step := range s.steps(4) {
		assert.NotContains(t, step.HTML, "<script>")
		assert.Contains(t, step.HTML, "&lt;script&gt;alert(1)&lt;/script&gt;")
	}
	page := get(t, url)
	assert.NotContains(t, page, evil)
	assert.Contains(t, page, "&lt;script&gt;alert(1)&lt;/script&gt;")
	text := explain(t, ins, db)
	assert.NotContains(t, text, "\x1b")
	assert.Contains(t, text, evil+"?[31m?", "a terminal knows no HTML")
}

func TestThePolicyAllowsThePageAndNothingElse(t *testing.T) {
	t.Parallel()
	_, _, url := setUp(t)
	answer, page := request(t, http.MethodGet, url)
	policy := answer.Header.Get("Content-Security-Policy")
	for _, part := range []string{"style", "script"} {
		found := regexp.MustCompile(`(?s)<`+part+`>(.*?)</`+part+`>`).FindAllStringSubmatch(page, -1)
		require.Len(t, found, 1)
		sum := sha256.Sum256([]byte(found[0][1]))
		assert.Contains(t, policy, part+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	assert.Contains(t, policy, "default-src 'none'")
	assert.Contains(t, policy, "frame-ancestors 'none'")
	assert.NotContains(t, policy, "unsafe")
	assert.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	assert.NotRegexp(t, `(?i)(src|href)="?(https?:|/)`, page, "links are relative and nothing comes from outside")
	assert.NotRegexp(t, `(?i) style=| on[a-z]+=`, page, "the policy would refuse it")
	assert.NotContains(t, page, "url(")
}

func TestItWorksUnderAnyPrefix(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	db := open(t, ins)
	handler := ins.Handler(db)
	mux := http.NewServeMux()
	mux.Handle("/plain/", handler)
	mux.Handle("/stripped/", http.StripPrefix("/stripped", handler))
	mux.Handle("/whole/", http.StripPrefix("/whole/", handler))
	mux.Handle("/bare", http.StripPrefix("/bare", handler))
	mux.Handle("/", handler)
	url := serve(t, mux)
	for _, prefix := range []string{"/", "/plain/", "/stripped/", "/whole/"} {
		assert.Contains(t, get(t, url+prefix), "<title>Signals</title>", prefix)
		assert.Contains(t, get(t, url+prefix+"text"), "receivers", prefix)
		watch(t, url+prefix).close()
		answer, _ := request(t, http.MethodGet, url+prefix+"other")
		assert.Equal(t, http.StatusNotFound, answer.StatusCode, prefix)
	}
	for _, query := range []string{"", "?a=b", "?a=/b/"} {
		answer, _ := request(t, http.MethodGet, url+"/bare"+query)
		assert.Equal(t, http.StatusTemporaryRedirect, answer.StatusCode)
		assert.Equal(t, "./bare/"+query, answer.Header.Get("Location"), "the slash is at the end of the path")
	}
}

func TestItChangesNothing(t *testing.T) {
	t.Parallel()
	_, _, url := setUp(t)
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPut} {
		answer, _ := request(t, method, url)
		assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
		assert.Equal(t, "GET, HEAD", answer.Header.Get("Allow"))
	}
	for _, path := range []string{"", "text", "events"} {
		answer, body := request(t, http.MethodHead, url+path)
		assert.Equal(t, http.StatusOK, answer.StatusCode, path)
		assert.Empty(t, body, path)
	}
}

func TestABadSetUpNamesTheCure(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	assert.PanicsWithValue(t,
		"inspector: the plugin is not installed on this database: call db.Use(signals.Plugin{Observer: ins}) after gorm.Open",
		func() { ins.Handler(nil) })
	db := open(t, nil)
	assert.PanicsWithValue(t, "inspector: the plugin of this database has no observer: call db.Use(signals.Plugin{Observer: ins})",
		func() { ins.Handler(db) })
	require.ErrorIs(t, ins.Explain(&strings.Builder{}, nil), signals.ErrNotInstalled)
	require.NoError(t, ins.Explain(&strings.Builder{}, db), "who listens is known without an observer")
}
