package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/product"
)

// testShop is a shop on a server, and somebody with a browser of their own.
type testShop struct {
	*shop

	t      *testing.T
	base   string
	client *http.Client
}

// newTestShop opens an empty shop.
func newTestShop(t *testing.T) *testShop {
	t.Helper()
	return openTestShop(t, t.TempDir(), false)
}

func openTestShop(t *testing.T, dir string, samples bool) *testShop {
	t.Helper()
	s, err := openShop(t.Context(), config{dir: dir, log: slog.New(slog.DiscardHandler), samples: samples})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.close()) })
	server := httptest.NewServer(s.handler(t.Context(), nil))
	t.Cleanup(server.Close)
	return &testShop{shop: s, t: t, base: server.URL, client: browser(t)}
}

// browser returns a client that keeps cookies.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport}
}

// answer is a response whose body was read.
type answer struct {
	*http.Response

	text string
}

// do sends a request and follows where it leads.
func (s *testShop) do(method, path string, body io.Reader, header http.Header) answer {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, body)
	require.NoError(s.t, err)
	maps.Copy(request.Header, header)
	response, err := s.client.Do(request)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return answer{response, string(text)}
}

func (s *testShop) get(path string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, nil, nil)
}

// post sends a form of names and values.
func (s *testShop) post(path string, fields ...string) answer {
	s.t.Helper()
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return s.do(http.MethodPost, path, strings.NewReader(values.Encode()),
		http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// upload sends a form of names and values, and a picture if there is one.
func (s *testShop) upload(path, fileName string, data []byte, fields ...string) answer {
	s.t.Helper()
	body, contentType := uploadForm(s.t, fileName, data, fields...)
	return s.do(http.MethodPost, path, body, http.Header{"Content-Type": {contentType}})
}

// uploadForm makes a form as browsers do: what is not chosen is sent too, without a name.
func uploadForm(t *testing.T, fileName string, data []byte, fields ...string) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	form := multipart.NewWriter(body)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, form.WriteField(fields[i], fields[i+1]))
	}
	part, err := form.CreateFormFile("picture", fileName)
	require.NoError(t, err)
	_, err = part.Write(data)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return body, form.FormDataContentType()
}

// mugForm is a whole form of a product in the kitchen.
func mugForm(name string) []string {
	return []string{"name", name, "category", "Kitchen", "price", "12.00", "stock", "3", "description", "Holds tea."}
}

// createMug creates a product with a picture by its form, and returns its key.
func (s *testShop) createMug(name string) uint {
	s.t.Helper()
	got := s.upload("/products", "mug.png", pngOf(s.t, 1), mugForm(name)...)
	require.Equal(s.t, http.StatusOK, got.StatusCode, got.text)
	found := regexp.MustCompile(`^/products/(\d+)/edit$`).FindStringSubmatch(got.Request.URL.Path)
	require.NotNil(s.t, found, got.Request.URL)
	id, err := strconv.ParseUint(found[1], 10, 32)
	require.NoError(s.t, err)
	return uint(id)
}

func (s *testShop) path(id uint, rest string) string {
	return "/products/" + strconv.FormatUint(uint64(id), 10) + rest
}

// stored returns the row of a product with its images.
func (s *testShop) stored(id uint) product.Product {
	s.t.Helper()
	p, _, err := s.find(context.Background(), id)
	require.NoError(s.t, err)
	return p
}

// subjects returns the subjects of the sent mails, the latest first.
func (s *testShop) subjects() []string {
	s.t.Helper()
	mails, _, err := s.sentMails()
	require.NoError(s.t, err)
	subjects := []string{}
	for _, m := range mails {
		subjects = append(subjects, m.Subject)
	}
	return subjects
}

// fileNames returns the names of all files in the image directory, those that lie aside too.
func (s *testShop) fileNames() []string {
	s.t.Helper()
	names, err := s.images.List()
	require.NoError(s.t, err)
	aside, err := filepath.Glob(filepath.Join(s.files.Name(), ".trash", "*"))
	require.NoError(s.t, err)
	return append(names, aside...)
}

func (s *testShop) count(model any) (n int64) {
	s.t.Helper()
	require.NoError(s.t, s.db.Model(model).Count(&n).Error)
	return n
}

// dot is a picture of a colour.
func dot(shade uint8) image.Image {
	picture := image.NewPaletted(image.Rect(0, 0, 8, 6), color.Palette{color.Gray{Y: shade}, color.White})
	return picture
}

func pngOf(t *testing.T, shade uint8) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, dot(shade)))
	return b.Bytes()
}

func jpegOf(t *testing.T, shade uint8) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, dot(shade), nil))
	return b.Bytes()
}

func gifOf(t *testing.T, shade uint8) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, gif.Encode(&b, dot(shade), nil))
	return b.Bytes()
}
