package watermillsink_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	watermillmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/watermillsink"
)

// message is that of the outbox; Watermill has a package with this name.
type message = outbox.Message

// row returns an event of a row.
func row(key int, sequence uint64) message {
	return message{
		ID:          fmt.Sprintf("01890000-0000-7000-8%03x-%012x", key&0xfff, sequence),
		Source:      "/shop",
		Type:        "com.acme.products.updated.v1",
		Subject:     outbox.Subject("products", key),
		Time:        time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC),
		ContentType: "application/json",
		Sequence:    sequence,
		Extensions:  map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		Data:        fmt.Appendf(nil, `{"id":%d}`, key),
	}
}

// receive subscribes to a topic and reads the messages of the outbox from it.
func receive(ctx context.Context, subscriber watermillmessage.Subscriber, topic string) (<-chan message, error) {
	arriving, err := subscriber.Subscribe(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := make(chan message)
	go func() {
		defer close(out)
		for received := range arriving {
			m, err := watermillsink.Message(received)
			if err != nil {
				m.ID = err.Error() // no sent message has this id, so the suite shows the error
			}
			select {
			case out <- m:
				received.Ack()
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// proxy forwards connections to a server, and can cut them: open connections break and new ones are refused.
type proxy struct {
	addr, server string

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
}

func newProxy(tb testing.TB, server string) *proxy {
	tb.Helper()
	p := &proxy{addr: "127.0.0.1:0", server: server, open: map[net.Conn]bool{}}
	require.NoError(tb, p.start())
	tb.Cleanup(func() { assert.NoError(tb, p.stop()) })
	return p
}

// start listens, at the same address every time.
func (p *proxy) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", p.addr)
	if err != nil {
		return err
	}
	p.listener, p.addr = listener, listener.Addr().String()
	go p.accept(listener)
	return nil
}

// stop refuses new connections and breaks those that are open.
func (p *proxy) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return nil
	}
	err := p.listener.Close()
	p.listener = nil
	for conn := range p.open {
		_ = conn.Close()
	}
	clear(p.open)
	return err
}

func (p *proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(listener, client, server) {
			_, _ = client.Close(), server.Close()
			continue
		}
		go pipe(client, server)
		go pipe(server, client)
	}
}

// keep notes connections, unless the proxy was stopped meanwhile.
func (p *proxy) keep(listener net.Listener, conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != listener {
		return false
	}
	for _, conn := range conns {
		p.open[conn] = true
	}
	return true
}

// pipe copies until either end closes, and then closes both.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = to.Close(), from.Close()
}
