package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/product"
)

// asShop makes the test binary the program itself.
const asShop = "SHOP_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asShop) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a shop that runs by itself.
type process struct {
	t       *testing.T
	command *exec.Cmd
	lines   chan string // what it prints; closed when it has ended
	errs    bytes.Buffer
}

func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{t: t, command: exec.CommandContext(t.Context(), self, args...), lines: make(chan string, 100)}
	p.command.Env = append(append(os.Environ(), asShop+"=1"), env...)
	p.command.Stderr = &p.errs
	out, err := p.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.command.Start())
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	return p
}

// wait returns the next line that starts with a text, without it.
func (p *process) wait(text string) string {
	p.t.Helper()
	for line := range p.lines {
		if rest, found := strings.CutPrefix(line, text); found {
			return rest
		}
	}
	require.NoError(p.t, p.command.Wait(), p.errs.String())
	require.Fail(p.t, "the shop has ended", p.errs.String())
	return ""
}

// end waits for the process to end by itself, and returns its status.
func (p *process) end() int {
	p.t.Helper()
	for range p.lines {
		continue
	}
	_ = p.command.Wait()
	return p.command.ProcessState.ExitCode()
}

func TestATermSignalFinishesASlowUpload(t *testing.T) {
	t.Parallel()
	dir, tmp := t.TempDir(), t.TempDir()
	p := start(t, []string{"TMPDIR=" + tmp}, "-addr", "127.0.0.1:0", "-dir", dir)
	host := strings.Trim(p.wait("The shop is open: http://"), "/")

	// The server says 100 Continue when the handler begins to read the form.
	body, contentType := uploadForm(t, "slow.png", pngOf(t, 1), mugForm("Slow mug")...)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", host)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /products HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		host, contentType, body.Len())
	require.NoError(t, err)
	answers := bufio.NewReader(conn)
	line, err := answers.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue")
	_, err = answers.ReadString('\n')
	require.NoError(t, err)
	half := body.Next(body.Len() / 2)
	_, err = conn.Write(half)
	require.NoError(t, err)

	require.NoError(t, p.command.Process.Signal(syscall.SIGTERM))
	p.wait("The shop closes")
	require.Eventually(t, func() bool {
		other, refused := new(net.Dialer).DialContext(t.Context(), "tcp", host)
		if refused == nil {
			_ = other.Close()
		}
		return refused != nil
	}, 10*time.Second, 5*time.Millisecond, "nobody new is let in")

	_, err = conn.Write(body.Bytes())
	require.NoError(t, err)
	response, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusSeeOther, response.StatusCode)
	require.Zero(t, p.end(), p.errs.String())

	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	assert.Empty(t, left, "no temporary files")
	names, err := filepath.Glob(filepath.Join(dir, dbFile+"*"))
	require.NoError(t, err)
	assert.Len(t, names, 1, "the database is closed")
	s := openTestShop(t, dir, true)
	mug := s.stored(uint(len(samples()) + 1))
	assert.Equal(t, "Slow mug", mug.Name)
	assert.Equal(t, []string{"New product: Slow mug"}, s.subjects())
	assert.Contains(t, s.fileNames(), mug.Images[0].File)
}

func TestATemporaryDirectoryIsRemovedAtTheEnd(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	p := start(t, []string{"TMPDIR=" + tmp}, "-addr", "127.0.0.1:0")
	dir, _, found := strings.Cut(p.wait("The data are in "), ",")
	require.True(t, found)
	host := strings.Trim(p.wait("The shop is open: http://"), "/")
	assert.FileExists(t, filepath.Join(dir, dbFile))
	s := testShop{t: t, base: "http://" + host, client: browser(t)}
	assert.Contains(t, s.get("/").text, "Blue mug")
	s.client.CloseIdleConnections()

	require.NoError(t, p.command.Process.Signal(os.Interrupt))
	assert.Zero(t, p.end(), p.errs.String())
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.Contains(t, p.errs.String(), "method=GET path=/ status=200", "requests are logged")
}

func TestBadArgumentsAreClearErrors(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{0, "Usage", []string{"-help"}},
		{2, "flag provided but not defined", []string{"-port", "1"}},
		{2, "a directory is given with -dir", []string{"shop"}},
		{1, "cannot use", []string{"-dir", file}},
		{1, "choose another address with -addr", []string{"-dir", t.TempDir(), "-addr", taken.Addr().String()}},
	} {
		var errs bytes.Buffer
		assert.Equal(t, c.status, run(c.args, io.Discard, &errs))
		assert.Contains(t, errs.String(), c.says)
	}
}

// lockedBuffer is for writers in several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestAStreamOfAMountedHandlerEndsWithTheShop(t *testing.T) {
	t.Parallel()
	var logs lockedBuffer
	log := slog.New(slog.NewTextHandler(&logs, nil))
	s, err := openShop(t.Context(), config{dir: t.TempDir(), log: log})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.close()) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintln(w, "first")
		control := http.NewResponseController(w)
		assert.NoError(t, control.SetWriteDeadline(time.Time{}), "mounted can lift the limit")
		assert.NoError(t, control.Flush())
		<-r.Context().Done()
		_, _ = fmt.Fprintln(w, "last")
	})
	out, printed := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, "127.0.0.1:0", s.handler(ctx, map[string]http.Handler{"/signals/": stream}), printed, log)
	}()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, lines) }()

	base := strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(line, "The shop is open: ")), "/")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/signals/live", nil)
	require.NoError(t, err)
	response, err := browser(t).Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body := bufio.NewReader(response.Body)
	line, err = body.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "first\n", line)
	assert.Empty(t, response.Header.Get("Content-Security-Policy"), "the handler sets its own")
	cancel()
	rest, err := io.ReadAll(body)
	require.NoError(t, err)
	assert.Equal(t, "last\n", string(rest), "the stream ends in order")
	require.NoError(t, <-served)
	require.Eventually(t, func() bool { return strings.Contains(logs.String(), "path=/signals/live status=200") },
		10*time.Second, time.Millisecond)
}

func TestErrorsAfterTheCommitAreLogged(t *testing.T) {
	t.Parallel()
	var logs lockedBuffer
	s, err := openShop(t.Context(), config{dir: t.TempDir(), log: slog.New(slog.NewTextHandler(&logs, nil))})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.close()) })
	require.NoError(t, s.mails.Close())
	require.NoError(t, s.add(t.Context(), &product.Product{Name: "Mug"}, "Kitchen", nil))
	assert.Contains(t, logs.String(), "a receiver failed after the end of its transaction")
}
