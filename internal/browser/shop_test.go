package browser_test

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheShopWorksByHand(t *testing.T) {
	t.Parallel()
	shop := openShop(t)
	tab := openBrowser(t)
	do(tab, t, chromedp.Navigate(shop+"/"), chromedp.WaitVisible("li.card img"))
	picture(tab, t, "shop")

	id := create(tab, t, shop, "Reading lamp")
	do(tab, t, chromedp.Navigate(shop+"/products/"+id), chromedp.WaitVisible("img.large"))
	width, err := chromedp.Run(tab, chromedp.Evaluate[int](`document.querySelector("img.large").naturalWidth`))
	require.NoError(t, err)
	assert.Equal(t, 60, width, "the picture arrives as it was sent")
	file := attribute(tab, t, "img.large", "src")

	do(tab, t, chromedp.SetValue("#user", "reader"), chromedp.Click("#user-form button"), chromedp.WaitVisible("li.card"),
		chromedp.Navigate(shop+"/products/"+id), chromedp.Navigate(shop+"/viewed"), chromedp.WaitVisible("#counts"))
	assert.Contains(t, text(tab, t, "#counts"), "Reading lamp\treader")

	setPrice(tab, t, shop, id, "12.50")
	do(tab, t, chromedp.Navigate(shop+"/mails"), chromedp.WaitVisible("details.mail"))
	assert.Contains(t, text(tab, t, "main"), "Reading lamp")

	remove(tab, t, shop, id)
	response, err := chromedp.RunResponse(tab, chromedp.Navigate(shop+"/products/"+id))
	require.NoError(t, err)
	assert.EqualValues(t, 404, response.Status)
	assert.Equal(t, 404, status(t, shop+file), "the picture is gone with its product")
}

// status asks past the browser, which keeps pictures.
func status(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestAWholeCategoryGoes(t *testing.T) {
	t.Parallel()
	shop := openShop(t)
	tab := openBrowser(t)
	do(tab, t, chromedp.Navigate(shop+"/"), chromedp.WaitVisible("section h2"))
	category := text(tab, t, "section h2")
	before := count(tab, t, "section")
	do(tab, t, chromedp.Click("section .heading a"), chromedp.WaitVisible("#category-form button"),
		chromedp.Click("#category-form button"), chromedp.WaitVisible("li.card"))
	assert.Equal(t, before-1, count(tab, t, "section"))
	assert.NotEqual(t, category, text(tab, t, "section h2"))
}

// create makes a product with a picture and returns its key.
func create(tab context.Context, t *testing.T, shop, name string) (id string) {
	t.Helper()
	do(tab, t, chromedp.Navigate(shop+"/products/new"), chromedp.WaitVisible("#new-form"),
		chromedp.SendKeys("#name", name), chromedp.SendKeys("#category", "Lamps"),
		chromedp.SetValue("#price", "19.90"), chromedp.SetValue("#stock", "3"),
		chromedp.SetUploadFiles("#picture", []string{draw(t)}),
		chromedp.Click("#new-form button"), chromedp.WaitNotPresent("#new-form"),
		chromedp.Navigate(shop+"/"), chromedp.WaitVisible("li.card"))
	id, err := chromedp.Run(tab, chromedp.Evaluate[string](
		`[...document.querySelectorAll("li.card")].find(c => c.querySelector(".name").textContent == "`+name+`").dataset.product`))
	require.NoError(t, err)
	return id
}

// draw makes a file with a picture.
func draw(t *testing.T) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 60, 45))
	for x := range 60 {
		for y := range 45 {
			img.Set(x, y, color.RGBA{R: uint8(4 * x), G: uint8(5 * y), B: 90, A: 255}) //nolint:gosec // at most 236
		}
	}
	name := filepath.Join(t.TempDir(), "lamp.png")
	file, err := os.Create(name)
	require.NoError(t, err)
	require.NoError(t, png.Encode(file, img))
	require.NoError(t, file.Close())
	return name
}

func setPrice(tab context.Context, t *testing.T, shop, id, price string) {
	t.Helper()
	do(tab, t, chromedp.Navigate(shop+"/products/"+id+"/edit"), chromedp.WaitVisible("#price-form"),
		chromedp.SetValue("#price", price), chromedp.Click("#price-form button"),
		chromedp.WaitVisible("[role=status]"))
}

func remove(tab context.Context, t *testing.T, shop, id string) {
	t.Helper()
	do(tab, t, chromedp.Navigate(shop+"/products/"+id+"/edit"), chromedp.WaitVisible("details summary"),
		chromedp.Click("details summary"), chromedp.WaitVisible("#delete-form button"),
		chromedp.Click("#delete-form button"), chromedp.WaitVisible("[role=status]"))
}

func text(tab context.Context, t *testing.T, selector string) string {
	t.Helper()
	limited, cancel := context.WithTimeout(tab, 20*time.Second)
	defer cancel()
	found, err := chromedp.Run(limited, chromedp.Text(selector))
	require.NoError(t, err, selector)
	return found
}

func attribute(tab context.Context, t *testing.T, selector, name string) string {
	t.Helper()
	value, err := chromedp.Run(tab, chromedp.Evaluate[string](`document.querySelector("`+selector+`").getAttribute("`+name+`")`))
	require.NoError(t, err)
	return value
}

func count(tab context.Context, t *testing.T, selector string) int {
	t.Helper()
	n, err := chromedp.Run(tab, chromedp.Evaluate[int](`document.querySelectorAll("`+selector+`").length`))
	require.NoError(t, err)
	return n
}
