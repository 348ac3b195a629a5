package browser_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// openShop builds the shop, starts it as a process of its own and returns its address. It is told to close at the end of the test,
// and has to.
func openShop(t *testing.T, flags ...string) (address string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "shop")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./product/shop")
	build.Dir = "../.."
	text, err := build.CombinedOutput()
	require.NoError(t, err, string(text))

	shop := exec.Command(binary, append([]string{"-addr", "127.0.0.1:0", "-dir", t.TempDir()}, flags...)...) //nolint:noctx // it gets a signal
	var log strings.Builder
	shop.Stderr = &log
	out, err := shop.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, shop.Start())
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		_, address, _ = strings.Cut(lines.Text(), "http://")
	}
	require.NotEmpty(t, address, "the shop says where it is")
	ended := make(chan error, 1)
	go func() {
		for lines.Scan() { // so that it never waits for us
			continue
		}
		ended <- shop.Wait()
	}()
	t.Cleanup(func() {
		require.NoError(t, shop.Process.Signal(syscall.SIGTERM))
		select {
		case err := <-ended:
			require.NoError(t, err, "the shop closes in order")
			if t.Failed() {
				t.Log(log.String())
			}
		case <-time.After(30 * time.Second):
			_ = shop.Process.Kill()
			t.Error("the shop does not close")
		}
	})
	return "http://" + strings.TrimSuffix(address, "/")
}

// openBrowser starts Chromium. The context is that of its first tab.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		path, err = exec.LookPath("google-chrome")
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("Chromium is required: make test-browser installs it: %v", err)
		}
		t.Skipf("no Chromium: make test-browser installs it: %v", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1100, 800),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("force-color-profile", "srgb"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	limited, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	allocated, cancel := chromedp.NewExecAllocator(limited, options...)
	t.Cleanup(cancel)
	return openTab(allocated, t)
}

// openTab opens a tab of a browser, or its first one.
func openTab(browser context.Context, t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx), "the browser starts")
	return ctx
}

// do runs actions in a tab, in their order.
func do(ctx context.Context, t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, actions...))
}

// picture takes a screenshot of a tab when SCREENSHOTS names a directory.
func picture(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}
