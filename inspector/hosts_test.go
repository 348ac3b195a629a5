package inspector_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/inspector"
)

// askFor asks a server for a page of some host.
func askFor(t *testing.T, url, host string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	r.Host = host
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestOnLoopbackThePageAnswersForThisMachineAlone(t *testing.T) {
	t.Parallel()
	_, _, url := setUp(t)
	for _, host := range []string{"localhost", "LOCALHOST:8080", "localhost.", "shop.localhost:1", "127.0.0.1", "127.0.0.2:80", "[::1]", "[::1]:8080"} {
		status, _ := askFor(t, url, host)
		assert.Equal(t, http.StatusOK, status, host)
	}
	for _, host := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost", "10.0.0.1", "0.0.0.0", "[::2]:1"} {
		for _, path := range []string{"", "text", "events"} {
			status, body := askFor(t, url+path, host)
			assert.Equal(t, http.StatusMisdirectedRequest, status, host)
			assert.Contains(t, body, "inspector.Hosts")
			assert.NotContains(t, body, "receivers")
		}
	}
}

func TestThePageAnswersForTheHostsThatItWasToldOf(t *testing.T) {
	t.Parallel()
	_, _, url := setUp(t, inspector.Hosts("Shop.example", "other.example:80"), inspector.Hosts("third.example"))
	for host, status := range map[string]int{
		"shop.example": http.StatusOK, "shop.example:8443": http.StatusOK, "OTHER.example": http.StatusOK, "third.example.": http.StatusOK,
		"localhost": http.StatusOK, "my.shop.example": http.StatusMisdirectedRequest, "evil.example": http.StatusMisdirectedRequest,
	} {
		got, _ := askFor(t, url, host)
		assert.Equal(t, status, got, host)
	}
	_, _, url = setUp(t, inspector.Hosts("*"))
	status, _ := askFor(t, url, "anything.example")
	assert.Equal(t, http.StatusOK, status)
}

func TestElsewhereThePageAnswersForEveryHost(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	handler := ins.Handler(open(t, ins))
	for name, local := range map[string]net.Addr{
		"no address": nil, "another address": &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, "a socket": &net.UnixAddr{Name: "/run/shop", Net: "unix"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.example/signals/", http.NoBody)
		if local != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Equal(t, http.StatusOK, w.Code, name)
	}
}

func TestAPageThatIsMountedWithoutItsSlashRedirects(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	handler := ins.Handler(open(t, ins))
	mux := http.NewServeMux()
	mux.Handle("/signals", handler)
	mux.Handle("GET /admin/signals", handler)
	mux.Handle("/a%20b", handler)
	mux.Handle("/tree/", handler)
	url := serve(t, mux)
	for path, location := range map[string]string{
		"/signals": "./signals/", "/signals?a=b/c": "./signals/?a=b/c", "/admin/signals": "./signals/", "/a%20b": "./a%20b/", "/signals?": "./signals/",
	} {
		answer, _ := request(t, http.MethodGet, url+path)
		assert.Equal(t, http.StatusTemporaryRedirect, answer.StatusCode, path)
		assert.Equal(t, location, answer.Header.Get("Location"), path)
	}
	answer, _ := request(t, http.MethodGet, url+"/tree/other")
	assert.Equal(t, http.StatusNotFound, answer.StatusCode)

	router := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }) // that knows no patterns
	url = serve(t, router)
	for path, location := range map[string]string{"/signals": "./signals/", "/admin/signals": "./signals/"} {
		redirect, _ := request(t, http.MethodGet, url+path)
		assert.Equal(t, location, redirect.Header.Get("Location"), path)
	}
	answer, _ = request(t, http.MethodGet, url+"/favicon.ico")
	assert.Equal(t, http.StatusNotFound, answer.StatusCode)
	assert.Contains(t, get(t, url+"/signals/"), "<title>Signals</title>")
}
