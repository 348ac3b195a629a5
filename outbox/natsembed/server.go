package natsembed

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startTimeout is how long a started server may take until clients can connect.
const startTimeout = time.Minute

// Config says how a server runs. Dir is required; every other zero value works.
type Config struct {
	// Dir is the directory of the streams; Start creates it if it is missing. Only one server at a time may use it.
	Dir string

	// Host is the address to listen on; "" means 127.0.0.1, which other machines cannot reach.
	Host string

	// Port is the port to listen on; 0 means a free one, see [Server.URL]. The usual port of NATS is 4222.
	Port int

	// InProcess makes the server listen on no port: only [Server.Connect] reaches it.
	InProcess bool

	// SyncAlways writes every message to the disk before the server answers, so that it survives a power cut.
	SyncAlways bool

	// Logger gets the log of the server; nil drops it.
	Logger *slog.Logger

	// Adjust changes options of the server that have no field here, such as TLS, users and limits. Start calls it before the server starts; nil
	// changes nothing.
	Adjust func(*server.Options)
}

// Server is a running NATS server. [Start] makes it.
type Server struct {
	srv   *server.Server
	url   string
	close func()
}

// Start starts a server, and returns when clients can connect. It fails if it cannot write in Dir, if the port is taken, or if the server is not ready
// within a minute.
func Start(cfg Config) (*Server, error) {
	if err := checkDir(cfg.Dir); err != nil {
		return nil, err
	}
	opts := cfg.options()
	if cfg.Adjust != nil {
		cfg.Adjust(opts)
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("natsembed: %w", err)
	}
	log := &logger{to: cfg.Logger}
	srv.SetLoggerV2(log, false, false, false)
	stop := func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	}
	srv.Start()
	if err := log.fatal(); err != nil {
		stop()
		return nil, fmt.Errorf("natsembed: %w%s", err, cfg.cure(err))
	}
	if !srv.ReadyForConnections(startTimeout) {
		stop()
		return nil, fmt.Errorf("natsembed: the server is not ready after %s: give it a Logger to see what it does", startTimeout)
	}
	s := &Server{srv: srv, close: sync.OnceFunc(stop)}
	if !opts.DontListen {
		s.url = srv.ClientURL()
	}
	return s, nil
}

func (cfg Config) options() *server.Options {
	opts := &server.Options{
		Host:       cfg.Host,
		Port:       cfg.Port,
		DontListen: cfg.InProcess,
		JetStream:  true,
		StoreDir:   cfg.Dir,
		SyncAlways: cfg.SyncAlways,
		NoSigs:     true, // signals of the operating system belong to the host process
	}
	if opts.Host == "" {
		opts.Host = "127.0.0.1"
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT // 0 would be 4222
	}
	return opts
}

// checkDir creates the directory and tests that this process can write in it.
func checkDir(dir string) error {
	if dir == "" {
		return errors.New("natsembed: Config.Dir is empty: name the directory for the streams, in a test t.TempDir()")
	}
	err := os.MkdirAll(dir, 0o750)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, "probe"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("natsembed: Config.Dir %q must be a directory that this process may write in: %w", dir, err)
	}
	return nil
}

// cure returns advice for an error of the start.
func (cfg Config) cure(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Sprintf(": port %d is taken: stop who has it, or set Config.Port to another one, or to 0 for a free one", cfg.Port)
	}
	return ""
}

// URL returns the address for nats.Connect, and "" if the server listens on no port.
func (s *Server) URL() string { return s.url }

// Connect opens a connection inside the process. When the server closes, the connection is lost for good: a client that must find the server after
// another start connects to URL.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect(s.url, append(slices.Clip(opts), nats.InProcessServer(s.srv))...)
	if err != nil {
		return nil, fmt.Errorf("natsembed: %w", err)
	}
	return nc, nil
}

// Close stops the server, and returns when its files are closed. Messages that the server has confirmed are kept. A second Close does nothing.
func (s *Server) Close() error {
	s.close()
	return nil
}
