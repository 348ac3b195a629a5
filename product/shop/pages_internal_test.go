package main

import (
	"bytes"
	"fmt"
	"image/png"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/product"
)

func TestANewShopShowsSamplesByCategory(t *testing.T) {
	t.Parallel()
	s := openTestShop(t, t.TempDir(), true)
	got := s.get("/")
	require.Equal(t, http.StatusOK, got.StatusCode)
	at := 0
	for _, text := range []string{
		"<h2>Kitchen</h2>", "Blue mug", "12.00", "Red mug", "Teapot", "<h2>Light</h2>", "Candle", "6.50", "Desk lamp",
		"<h2>Paper</h2>", "Notebook", "Poster",
	} {
		next := strings.Index(got.text[at:], text)
		require.GreaterOrEqual(t, next, 0, text)
		at += next
	}
	pictures := regexp.MustCompile(`src="(/images/[^"]+)"`).FindAllStringSubmatch(got.text, -1)
	require.Len(t, pictures, len(samples()))
	for _, picture := range pictures {
		shown := s.get(picture[1])
		assert.Equal(t, http.StatusOK, shown.StatusCode)
		assert.Equal(t, "image/png", shown.Header.Get("Content-Type"))
		_, err := png.Decode(strings.NewReader(shown.text))
		require.NoError(t, err)
	}
	assert.Empty(t, s.subjects(), "fixtures are no news")
}

func TestPicturesAreDrawnTheSameEachTime(t *testing.T) {
	t.Parallel()
	for _, sample := range samples()[:2] {
		first, err := draw(sample.shapes)
		require.NoError(t, err)
		second, err := draw(sample.shapes)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(first, second))
	}
}

func TestTheDataStayAndSamplesDoNotComeBack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a shop? of 100% mine")
	first, err := openShop(t.Context(), config{dir: dir, log: slog.New(slog.DiscardHandler), samples: true})
	require.NoError(t, err)
	for _, name := range []string{"Kitchen", "Light", "Paper"} {
		_, err = first.deleteCategory(t.Context(), name)
		require.NoError(t, err)
	}
	require.NoError(t, first.add(t.Context(), &product.Product{Name: "My mug"}, "Kitchen", nil))
	require.NoError(t, first.close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "images", "stray.png"), nil, 0o600))
	s := openTestShop(t, dir, true)
	got := s.get("/")
	assert.Contains(t, got.text, "My mug")
	assert.EqualValues(t, 1, s.count(&product.Product{}))
	assert.NotContains(t, s.fileNames(), "stray.png", "what a crash may have left is swept")
	assert.Equal(t, []string{"New product: My mug"}, s.subjects())
}

func TestAnEmptyShopSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	assert.Contains(t, s.get("/").text, `<a href="/products/new">Create the first product.</a>`)
	assert.Contains(t, s.get("/mails").text, "No mail was sent yet")
	assert.Contains(t, s.get("/viewed").text, "Nobody has looked at a product yet")
}

func TestEachViewIsCountedOnceWithItsUser(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Blue mug")
	require.Zero(t, s.count(&product.ProductView{}), "creating is no view")

	assert.Contains(t, s.get(s.path(mug, "")).text, `<dd id="views">1</dd>`)
	named := s.post("/user", "user", " Ann; \"Zoë\" ")
	assert.Contains(t, named.text, `value="Ann; &#34;Zoë&#34;"`)
	assert.Contains(t, s.get(s.path(mug, "")).text, `<dd id="views">2</dd>`)
	assert.Contains(t, s.get(s.path(mug, "")).text, `<dd id="views">3</dd>`)

	s.do(http.MethodHead, s.path(mug, ""), nil, nil)
	s.get(s.path(mug, "/edit"))
	s.get("/images/" + s.stored(mug).Images[0].File)
	s.get("/")
	assert.EqualValues(t, 3, s.stored(mug).Views)

	got := s.get("/viewed").text
	assert.Contains(t, got, `Blue mug</a></td><td>Ann; &#34;Zoë&#34;</td><td class="number">2</td>`)
	assert.Contains(t, got, `Blue mug</a></td><td><em>unknown</em></td><td class="number">1</td>`)
	assert.EqualValues(t, 3, s.count(&product.ProductView{}))

	s.post("/user", "user", "")
	assert.NotContains(t, s.get("/").text, "Zoë")
	s.post(s.path(mug, "/delete"))
	assert.Contains(t, s.get("/viewed").text, fmt.Sprintf("product %d, deleted", mug))
}

func TestTheCookieIsForTheServerOnly(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got := s.post("/user", "user", "ann")
	require.Len(t, got.Cookies(), 1)
	assert.True(t, got.Cookies()[0].HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, got.Cookies()[0].SameSite)
	assert.Equal(t, http.StatusBadRequest, s.post("/user", "user", strings.Repeat("x", 81)).StatusCode)
	assert.Equal(t, http.StatusBadRequest, s.post("/user", "user", "ann\nbob").StatusCode)
}

func TestAForgedCookieIsNobody(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	for _, value := range []string{"%zz", strings.Repeat("x", 2000), "a%0Ab", "%ff"} {
		got := s.do(http.MethodGet, "/", nil, http.Header{"Cookie": {userCookie + "=" + value}})
		assert.Contains(t, got.text, `name="user" value=""`)
	}
}

func TestMailsShowWhatWasSent(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	fields := mugForm("Tasse — <b>blau</b>")
	require.Equal(t, http.StatusOK, s.upload("/products", "", nil, fields...).StatusCode)
	got := s.get("/mails").text
	assert.Contains(t, got, "<summary>New product: Tasse — &lt;b&gt;blau&lt;/b&gt;</summary>")
	assert.Contains(t, got, "Price: 12.00")
	assert.Contains(t, got, "customers@example.com")
	assert.Contains(t, got, "1 sent, the latest first.")
}

func TestWhatIsNotThereIsAPageThatSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	for _, path := range []string{
		"/nothing", "/products/1", "/products/0", "/products/-1", "/products/x", "/products/1/edit",
		"/products/99999999999999999999999", "/images/x.png", "/images/.trash", "/images/..%2Fshop.db", "/images/%2e%2e",
		"/category/delete?name=None", "/products",
	} {
		got := s.get(path)
		assert.Equal(t, http.StatusNotFound, got.StatusCode, path)
		assert.Contains(t, got.text, "Look for it in the list of products.", path)
	}
	for _, path := range []string{"/products/1/price", "/products/1/delete", "/category/delete"} {
		assert.Equal(t, http.StatusNotFound, s.post(path, "price", "1", "name", "None").StatusCode, path)
	}
	assert.Equal(t, http.StatusNotFound, s.upload("/products/1/picture", "a.png", pngOf(t, 1)).StatusCode)
}

func TestOnlyFilesThatARowNamesAreServed(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	require.NoError(t, s.images.Save("secret.png", bytes.NewReader(pngOf(t, 1))))
	assert.Equal(t, http.StatusNotFound, s.get("/images/secret.png").StatusCode)
	mug := s.createMug("Mug")
	require.NoError(t, os.Remove(filepath.Join(s.files.Name(), s.stored(mug).Images[0].File)))
	assert.Equal(t, http.StatusNotFound, s.get("/images/"+s.stored(mug).Images[0].File).StatusCode)
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Mug")
	for _, path := range []string{
		"/", "/mails", "/viewed", "/products/new", "/nothing", "/style.css", "/icon.png", s.path(mug, ""), s.path(mug, "/edit"),
		"/images/" + s.stored(mug).Images[0].File, "/category/delete?name=Kitchen",
	} {
		header := s.get(path).Header
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		assert.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'", path)
		assert.NotContains(t, header.Get("Content-Security-Policy"), "unsafe", path)
	}
}

func TestPagesNeedNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	mug := s.createMug("Mug")
	input := regexp.MustCompile(`<(?:input|textarea) id="([^"]+)"`)
	for _, path := range []string{
		"/", "/mails", "/viewed", "/products/new", s.path(mug, ""), s.path(mug, "/edit"), "/category/delete?name=Kitchen", "/nothing",
	} {
		text := s.get(path).text
		assert.NotContains(t, text, "<script", path)
		assert.NotContains(t, text, "style=", path)
		assert.NotRegexp(t, `(src|href|action)="(https?:)?//`, text, path)
		assert.Contains(t, text, "<h1>", path)
		for _, found := range input.FindAllStringSubmatch(text, -1) {
			assert.Contains(t, text, `<label for="`+found[1]+`">`, path)
		}
	}
	sheet := s.get("/style.css").text
	assert.NotContains(t, sheet, "url(")
	assert.Contains(t, sheet, "prefers-color-scheme: dark")
}

func TestACategoryMayHaveAnyName(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	const name = `Tea & "more" / 100%? <x>`
	fields := mugForm("Mug")
	fields[3] = name
	require.Equal(t, http.StatusOK, s.upload("/products", "", nil, fields...).StatusCode)
	link := regexp.MustCompile(`href="(/category/delete\?name=[^"]+)"`).FindStringSubmatch(s.get("/").text)
	require.NotNil(t, link)
	asked := s.get(strings.ReplaceAll(link[1], "&amp;", "&"))
	assert.Equal(t, http.StatusOK, asked.StatusCode)
	assert.Equal(t, name, asked.Request.URL.Query().Get("name"))
	assert.Contains(t, asked.text, "<li>Mug</li>")
	assert.EqualValues(t, 1, s.count(&product.Product{}), "asking deletes nothing")
	assert.Equal(t, http.StatusOK, s.post("/category/delete", "name", name).StatusCode)
	assert.Zero(t, s.count(&product.Product{}))
}
