package natsjs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DuplicateWindow is how long a stream of EnsureStream knows the ids of messages, unless it is told otherwise. The server keeps them
// in memory. A message that is sent again later than this is stored twice, and the inbox of a consumer drops the second.
const DuplicateWindow = 2 * time.Minute

// Options returns the options that a connection of this package should have. It comes back by itself however long the server is
// away, also when the server was not there at first, and keeps nothing to send it later: what it cannot send now fails now, and the
// relay sends it again. A buffer would make events that were given up arrive after newer ones of their row.
func Options() []nats.Option {
	return []nats.Option{
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectBufSize(-1),
	}
}

// Connect connects with Options, which opts may change.
func Connect(url string, opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect(url, append(Options(), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("natsjs: connect to %q: %w", url, err)
	}
	return nc, nil
}

// EnsureStream makes a stream, or changes one of the same name to the configuration. Only Name is required. Subjects that are empty
// become "<name>.>", which is what NewSink sends to, and Duplicates that is zero becomes DuplicateWindow; every other zero value is
// JetStream's own: file storage, one replica, messages are kept for ever. Set MaxAge or MaxBytes on a stream that grows.
func EnsureStream(ctx context.Context, nc *nats.Conn, cfg jetstream.StreamConfig) error {
	if err := checkStream(nc, cfg.Name); err != nil {
		return err
	}
	if len(cfg.Subjects) == 0 && cfg.Mirror == nil && len(cfg.Sources) == 0 {
		cfg.Subjects = []string{cfg.Name + ".>"}
	}
	if cfg.Duplicates == 0 {
		cfg.Duplicates = DuplicateWindow
		if cfg.MaxAge > 0 {
			cfg.Duplicates = min(cfg.Duplicates, cfg.MaxAge) // the server refuses a longer one
		}
	}
	js, err := jetstream.New(nc)
	if err == nil {
		_, err = js.CreateOrUpdateStream(ctx, cfg)
	}
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("natsjs: stream %s: the server runs without JetStream: start it with -js: %w", cfg.Name, err)
	case err != nil:
		return fmt.Errorf("natsjs: stream %s: %w", cfg.Name, err)
	default:
		return nil
	}
}

// checkStream finds the mistakes in what every function of this package is called with.
func checkStream(nc *nats.Conn, stream string) error {
	if nc == nil {
		return errors.New("natsjs: the connection is nil: make one with natsjs.Connect")
	}
	if !validName(stream) {
		return fmt.Errorf("natsjs: %q is no name of a stream: it must not be empty nor hold blanks, dots, slashes, * or >", stream)
	}
	return nil
}

// validName reports whether a stream or a consumer may have a name.
func validName(name string) bool { return name != "" && !strings.ContainsAny(name, " \t\r\n.*>/\\") }

// atLeast reports whether the server that a connection has is of a version or a later one.
func atLeast(nc *nats.Conn, major, minor, patch int) bool {
	var a, b, c int
	if n, err := fmt.Sscanf(nc.ConnectedServerVersion(), "%d.%d.%d", &a, &b, &c); n < 3 || err != nil {
		return false
	}
	if a != major {
		return a > major
	}
	if b != minor {
		return b > minor
	}
	return c >= patch
}
