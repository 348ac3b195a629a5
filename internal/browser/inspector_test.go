package browser_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheInspectorShowsLiveWhatTheShopSends(t *testing.T) {
	t.Parallel()
	shop := openShop(t, "-inspect")
	inspector := openBrowser(t)
	do(inspector, t, chromedp.Navigate(shop+"/signals/"), chromedp.WaitVisible("#receivers tbody tr"))
	assert.Contains(t, text(inspector, t, "#receivers"), "mail-price-drop")
	shows(inspector, t, "#status", "Connected.")

	tab := openTab(inspector, t)
	id := create(tab, t, shop, "Reading lamp")
	shows(inspector, t, "#tree", "post_save Product", "Reading lamp", "mail-new-product")
	setPrice(tab, t, shop, id, "12.50")
	shows(inspector, t, "#tree", "1990", "1250", "mail-price-drop")
	do(tab, t, chromedp.Navigate(shop+"/products/"+id), chromedp.WaitVisible("img.large"))
	shows(inspector, t, "#tree", "product_viewed")
	remove(tab, t, shop, id)
	shows(inspector, t, "#tree", "pre_delete Product", "delete-images", "pre_delete Image", "move-image-files-aside")
	do(inspector, t, toFront())
	shows(inspector, t, "#sends", "product_viewed") // the tables of a page that is seen are kept new
	do(inspector, t, chromedp.ScrollIntoView("#steps-title"))
	picture(inspector, t, "inspector")

	nested := `[...document.querySelectorAll("#tree li li")].some(li => li.querySelector(".what").textContent.includes("pre_delete Image"))`
	within, err := chromedp.Run(inspector, chromedp.Evaluate[bool](nested))
	require.NoError(t, err)
	assert.True(t, within, "the images are deleted by a receiver of the product, and stand below it")
	loaded, err := chromedp.Run(inspector, chromedp.Evaluate[[]string](
		`performance.getEntriesByType("resource").map(e => new URL(e.name).host).filter(h => h != location.host)`))
	require.NoError(t, err)
	assert.Empty(t, loaded, "nothing comes from outside")
	do(inspector, t, chromedp.Navigate(shop+"/signals/"), chromedp.WaitVisible("#sends tbody tr"))
	assert.Contains(t, text(inspector, t, "#waiting"), "committed")
}

func TestAStreamThatStartsAgainMissesNothing(t *testing.T) {
	t.Parallel()
	shop := openShop(t, "-inspect")
	inspector := openBrowser(t)
	do(inspector, t, chromedp.Navigate(shop+"/signals/"), chromedp.WaitVisible("#receivers tbody tr"))
	shows(inspector, t, "#status", "Connected.")
	do(inspector, t, chromedp.Click("#live"))
	shows(inspector, t, "#status", "Paused.")
	assert.Equal(t, 200, status(t, shop+"/products/1"), "a view is sent")
	do(inspector, t, chromedp.Click("#live"))
	shows(inspector, t, "#tree", "product_viewed")
}

// toFront shows a tab, as a click on it does.
func toFront() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, page.BringToFront, cdp.Empty{})
		return err
	})
}

// shows waits until an element of a page that changes by itself holds all these texts.
func shows(tab context.Context, t *testing.T, selector string, texts ...string) {
	t.Helper()
	for _, want := range texts {
		limited, cancel := context.WithTimeout(tab, 20*time.Second)
		_, err := chromedp.Run(limited, chromedp.Poll[bool](`document.querySelector("`+selector+`").textContent.includes("`+want+`")`))
		cancel()
		require.NoError(t, err, "%s shows %q", selector, want)
	}
}
