package bench_test

import (
	"context"
	"strconv"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// benchView is the event of W5.
type benchView struct {
	product *benchProduct
	user    uint
}

type benchKey struct{}

// sends are made per iteration, so that the cost of the benchmark's own loop does not count.
const sends = 100

// BenchmarkW5 sends a custom signal, beside a plain loop over the same functions.
func BenchmarkW5(b *testing.B) {
	for _, n := range []int{0, 1, 10, 100} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			background := context.Background()
			request := context.WithValue(background, benchKey{}, "as a request has")
			calls, signal := viewReceivers(n)
			compare(b, nowhere,
				variant{"plain", viewing(func(v benchView) error { return plainLoop(background, calls, v) })},
				variant{"signals", viewing(func(v benchView) error { return signal.Send(background, v) })},
				variant{"request", viewing(func(v benchView) error { return signal.Send(request, v) })},
			)
		})
	}
}

// viewReceivers returns n receivers, and a signal that they are connected to.
func viewReceivers(n int) ([]signals.Receiver[benchView], *signals.Signal[benchView]) {
	var users uint
	calls := make([]signals.Receiver[benchView], n)
	signal := signals.New[benchView]("product_viewed")
	for i := range calls {
		calls[i] = func(_ context.Context, v benchView) error {
			users += v.user
			return checkPrice(v.product.Price)
		}
		signal.Connect(calls[i])
	}
	return calls, signal
}

func viewing(send func(v benchView) error) func(testing.TB, *gorm.DB) work {
	p := storedProduct()
	return func(testing.TB, *gorm.DB) work {
		return work{run: func() error {
			for range sends {
				if err := send(benchView{product: &p, user: 1}); err != nil {
					return err
				}
			}
			return nil
		}}
	}
}

// plainLoop is what a program without signals does.
//
//go:noinline
func plainLoop(ctx context.Context, calls []signals.Receiver[benchView], v benchView) error {
	for _, call := range calls {
		if err := call(ctx, v); err != nil {
			return err
		}
	}
	return nil
}
