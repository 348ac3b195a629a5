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

// DuplicateWindow is the default of [EnsureStream] for how long the server remembers the ids of messages, in its memory. If a message is sent again
// later than this, the stream has it twice, and the inbox of a consumer drops the second one.
const DuplicateWindow = 2 * time.Minute

// Options returns the options that a connection for this package should have. The connection retries for ever, also if the server was not there at
// first. It buffers nothing: a message that cannot be sent now fails now, and the relay sends it again. With a buffer, events that the relay had
// given up could arrive after later ones of their row.
func Options() []nats.Option {
	return []nats.Option{
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectBufSize(-1),
	}
}

// Connect opens a connection with [Options] and opts, which override them. It does not wait for the server.
func Connect(url string, opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect(url, append(Options(), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("natsjs: connect to %q: %w", url, err)
	}
	return nc, nil
}

// EnsureStream creates a stream, or updates the stream with this name to the configuration. Only Name is required. Empty Subjects become "<name>.>",
// to which a [Sink] sends, and zero Duplicates become [DuplicateWindow]. Other zero values are JetStream's own: file storage, one replica, messages
// are kept for ever. Set MaxAge or MaxBytes on a stream that grows.
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

// checkStream checks the arguments that all functions of this package have.
func checkStream(nc *nats.Conn, stream string) error {
	if nc == nil {
		return errors.New("natsjs: the connection is nil: make one with natsjs.Connect")
	}
	if !validName(stream) {
		return fmt.Errorf("natsjs: %q is no name of a stream: it must not be empty nor hold blanks, dots, slashes, * or >", stream)
	}
	return nil
}

// validName reports whether a stream or a consumer may have this name.
func validName(name string) bool { return name != "" && !strings.ContainsAny(name, " \t\r\n.*>/\\") }

// atLeast reports whether the connected server has this version or a later one.
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
