package inspector

import (
	"sync"

	"github.com/gorm-signals/signals"
)

// Watch shows a signal that was made with signals.New. The returned function ends that. A signal has one observer, and Watch replaces it. To keep
// another observer, give the signal both afterwards, joined by [signals.Observers].
func Watch[E any](i *Inspector, signal *signals.Signal[E]) (stop func()) {
	signal.Observe(i)
	i.custom.add(signal, source{signal.Name(), signal.Receivers})
	return func() {
		if i.custom.remove(signal) {
			signal.Observe(nil)
		}
	}
}

// source is a custom signal on the page.
type source struct {
	name      string
	receivers func() []signals.ReceiverInfo
}

// custom holds custom signals in the order in which they were added.
type custom struct {
	mu    sync.Mutex
	order []any // pointers to the signals
	known map[any]source
}

func (c *custom) add(signal any, s source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[any]source{}
	}
	if _, there := c.known[signal]; !there {
		c.order = append(c.order, signal)
	}
	c.known[signal] = s
}

func (c *custom) remove(signal any) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.known[signal]; !there {
		return false
	}
	delete(c.known, signal)
	for at, s := range c.order {
		if s == signal {
			c.order = append(c.order[:at:at], c.order[at+1:]...)
			break
		}
	}
	return true
}

// receivers describes the receivers of all custom signals. A signal without receivers has one entry without a location.
func (c *custom) receivers() []signals.ReceiverInfo {
	c.mu.Lock()
	sources := make([]source, len(c.order))
	for at, s := range c.order {
		sources[at] = c.known[s]
	}
	c.mu.Unlock()
	var all []signals.ReceiverInfo
	for _, s := range sources {
		infos := s.receivers()
		if len(infos) == 0 {
			infos = []signals.ReceiverInfo{{Signal: s.name}}
		}
		all = append(all, infos...)
	}
	return all
}
