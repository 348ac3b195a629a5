package signals

import "sync"

// Group disconnects several receivers together. Its zero value is ready for use, from any goroutine. It must not be copied.
//
//	var shop signals.Group
//	shop.Add(products.PostSave.Connect(index), products.PostDelete.Connect(remove))
//	defer shop.Disconnect()
type Group struct {
	mu   sync.Mutex
	ends []func() bool
}

// Add adds what Connect, ConnectBatch or ConnectAll has returned. It panics for nil.
func (g *Group) Add(disconnect ...func() bool) {
	for _, end := range disconnect {
		if end == nil {
			panic("signals: Group.Add got nil: give it what Connect returns")
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ends = append(g.ends, disconnect...)
}

// Disconnect disconnects all that was added, and reports whether one of the receivers was still connected. The group is empty then, and
// may be used again.
func (g *Group) Disconnect() bool {
	g.mu.Lock()
	ends := g.ends
	g.ends = nil
	g.mu.Unlock()
	connected := false
	for _, end := range ends {
		connected = end() || connected
	}
	return connected
}
