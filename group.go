package signals

import "sync"

// Group disconnects several receivers together. Its zero value is ready for use by several goroutines. Do not copy it.
//
//	var shop signals.Group
//	shop.Add(products.PostSave.Connect(index), products.PostDelete.Connect(remove))
//	defer shop.Disconnect()
type Group struct {
	mu   sync.Mutex
	ends []func() bool
}

// Add adds functions that Connect, ConnectBatch or ConnectAll returned. It panics if one is nil.
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

// Disconnect disconnects all receivers of the group, and reports whether one was still connected. The group is then empty and can be used again.
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
