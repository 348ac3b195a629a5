package workloads

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/gorm-signals/signals"
)

// view is the event of W5.
type view struct {
	product *Product
	user    uint
}

type requestKey struct{}

// sends is how many sends a run has, so that the cost of the loop around them does not count.
const sends = 100

func w5() []Workload {
	background := context.Background()
	request := context.WithValue(background, requestKey{}, "as a request has")
	deep := deeper(request, 20)
	var all []Workload
	for _, n := range []int{0, 1, 10, 100} {
		all = append(all, sending(n, "", background))
	}
	return append(all, sending(1, " request", request), sending(10, " request", request), sending(1, " deep", deep), sending(10, " deep", deep))
}

// deeper adds values to a context, as layers of middleware do.
func deeper(ctx context.Context, values int) context.Context {
	if values == 0 {
		return ctx
	}
	return deeper(context.WithValue(ctx, requestKey{}, values), values-1)
}

// sending is W5 with n receivers. The context of a request has a value, a background context has none.
func sending(n int, form string, ctx context.Context) Workload { //nolint:revive // A context comes last: it is what varies least.
	calls, signal := viewReceivers(n)
	var least leastSignal
	least.calls.Store(&calls)
	return Workload{ID: "W5", Form: strconv.Itoa(n) + form, What: "send to so many receivers", On: Nowhere, Per: sends, Ways: []Way{
		{Plain, viewing(func(v view) error { return plainLoop(ctx, calls, v) })},
		{Signals, viewing(func(v view) error { return signal.Send(ctx, v) })},
		{Floor, viewing(func(v view) error { return least.send(ctx, v) })},
	}}
}

// viewReceivers returns n receivers, and a signal to which they are connected.
func viewReceivers(n int) ([]signals.Receiver[view], *signals.Signal[view]) {
	var users uint
	calls := make([]signals.Receiver[view], n)
	signal := signals.New[view]("product_viewed")
	for i := range calls {
		calls[i] = func(_ context.Context, v view) error {
			users += v.user
			return CheckPrice(v.product.Price)
		}
		signal.Connect(calls[i])
	}
	return calls, signal
}

func viewing(send func(v view) error) func(*Env) (Work, error) {
	return func(*Env) (Work, error) {
		p := StoredProduct()
		return Work{Run: func() error {
			for range sends {
				if err := send(view{product: &p, user: 1}); err != nil {
					return err
				}
			}
			return nil
		}}, nil
	}
}

// leastSignal is a signal whose receivers may change during a send, and whose panics become errors.
type leastSignal struct {
	calls atomic.Pointer[[]signals.Receiver[view]]
}

var errPanic = errors.New("a receiver panicked")

//go:noinline
func (s *leastSignal) send(ctx context.Context, v view) (err error) {
	calls := s.calls.Load()
	if calls == nil {
		return nil
	}
	running := true
	defer func() {
		if running && recover() != nil {
			err = errPanic
		}
	}()
	for _, call := range *calls {
		if err := call(ctx, v); err != nil {
			running = false
			return err
		}
	}
	running = false
	return nil
}

// plainLoop is the code of a program without signals.
//
//go:noinline
func plainLoop(ctx context.Context, calls []signals.Receiver[view], v view) error {
	for _, call := range calls {
		if err := call(ctx, v); err != nil {
			return err
		}
	}
	return nil
}
