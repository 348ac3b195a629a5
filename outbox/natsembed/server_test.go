package natsembed_test

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/natsembed"
)

func start(t *testing.T, cfg natsembed.Config) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// open returns a JetStream context on a connection that ends with the test.
func open(t *testing.T, nc *nats.Conn, err error) jetstream.JetStream {
	t.Helper()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return js
}

// store creates a stream and stores a message in it.
func store(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	_, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "kept", []byte("hello"))
	require.NoError(t, err)
}

func port(t *testing.T, s *natsembed.Server) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", s.URL()[len("nats://"):])
	require.NoError(t, err)
	return addr.Port
}

func TestAStartedServerTakesConnectionsByURLAndInProcess(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{Dir: t.TempDir()})
	nc, err := nats.Connect(s.URL())
	store(t, open(t, nc, err))
	inside, err := s.Connect()
	js := open(t, inside, err)
	m, err := js.Stream(t.Context(), "KEPT")
	require.NoError(t, err)
	assert.EqualValues(t, 1, m.CachedInfo().State.Msgs)
	assert.EqualValues(t, 1<<20, inside.MaxPayload(), "the limit must stay the server's default")
}

func TestAServerListensOnLoopbackOnlyByDefault(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{Dir: t.TempDir()})
	assert.Contains(t, s.URL(), "nats://127.0.0.1:")
}

func TestAnInProcessServerListensOnNoPort(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{Dir: t.TempDir(), InProcess: true})
	assert.Empty(t, s.URL())
	nc, err := s.Connect()
	store(t, open(t, nc, err))
}

func TestStreamsAreKeptOverCloseAndStart(t *testing.T) {
	t.Parallel()
	for _, always := range []bool{false, true} {
		cfg := natsembed.Config{Dir: t.TempDir(), SyncAlways: always}
		first := start(t, cfg)
		nc, err := first.Connect()
		store(t, open(t, nc, err))
		cfg.Port = port(t, first)
		require.NoError(t, first.Close())
		require.NoError(t, first.Close(), "a second Close must do nothing")

		second := start(t, cfg)
		assert.Equal(t, cfg.Port, port(t, second))
		nc, err = nats.Connect(second.URL())
		stream, err := open(t, nc, err).Stream(t.Context(), "KEPT")
		require.NoError(t, err)
		m, err := stream.GetMsg(t.Context(), 1)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(m.Data))
	}
}

func TestAPortThatIsTakenIsAnErrorThatNamesTheCure(t *testing.T) {
	t.Parallel()
	first := start(t, natsembed.Config{Dir: t.TempDir()})
	_, err := natsembed.Start(natsembed.Config{Dir: t.TempDir(), Port: port(t, first)})
	require.ErrorContains(t, err, "address already in use")
	require.ErrorContains(t, err, "set Config.Port to another one, or to 0 for a free one")
}

func TestADirThatCannotBeUsedIsAnErrorThatNamesTheCure(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		_, err := natsembed.Start(natsembed.Config{Dir: dir})
		require.ErrorContains(t, err, "must be a directory that this process may write in")
	}
	_, err := natsembed.Start(natsembed.Config{})
	require.ErrorContains(t, err, "Config.Dir is empty")
}

func TestOptionsThatTheServerRefusesAreAnError(t *testing.T) {
	t.Parallel()
	_, err := natsembed.Start(natsembed.Config{Dir: t.TempDir(), Host: "no such host"})
	require.Error(t, err)
	_, err = natsembed.Start(natsembed.Config{Dir: t.TempDir(), Adjust: func(o *server.Options) {
		o.MaxPayload, o.MaxPending = 1<<30, 1<<20
	}})
	require.Error(t, err)
}

func TestAdjustChangesTheOptions(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{Dir: t.TempDir(), Adjust: func(o *server.Options) { o.MaxPayload = 4096 }})
	nc, err := s.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	assert.EqualValues(t, 4096, nc.MaxPayload())
}

// log is a buffer that the goroutines of a server may write to.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestTheLoggerGetsWhatTheServerSays(t *testing.T) {
	t.Parallel()
	var out log
	start(t, natsembed.Config{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&out, nil))})
	assert.Contains(t, out.String(), "Listening for client connections")
}
