// Command shop is the shop of package product on the web: a list of products with pictures and prices, forms that change
// them, the mails that were sent, and who viewed what. It starts with sample products, whose pictures it draws itself.
//
//	go run ./product/shop                     on http://127.0.0.1:8080/, in a temporary directory
//	go run ./product/shop -dir shop           the data stay in a directory of your own
//	go run ./product/shop -addr 127.0.0.1:0   on a free port, which is printed
//	go run ./product/shop -inspect            with a page at /signals/ that shows who listens and what is sent
//
// The handlers write through GORM and package product only. Receivers send the mails, handle the image files and count the views, and no handler
// names them.
//
// SIGINT and SIGTERM end the program: it finishes running requests, and then closes the database. A second signal ends it at once. Only one shop at a
// time works in a directory. There is no log-in: whoever reaches the address can change everything. On a loopback address the shop answers only for
// localhost, 127.0.0.1, [::1], and the hosts that -host names.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/gorm-signals/signals/inspector"
	"github.com/gorm-signals/signals/product"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options are the values of the flags.
type options struct {
	addr string // where to listen; port 0 is any free port
	dir  string // directory of the data; empty means a temporary one

	hosts   hosts
	inspect bool // whether /signals/ shows receivers and sends
}

// run is the program without its process. It returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	var opts options
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.addr, "addr", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flags.StringVar(&opts.dir, "dir", "", "directory for the database, the images and the mails (default: a temporary one)")
	flags.Var(&opts.hosts, "host", "a further host to answer for on a loopback address, such as that of a proxy; may be given again")
	flags.BoolVar(&opts.inspect, "inspect", false, "show at /signals/ who listens and what is sent, values included, to whoever reaches the address")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "shop: unknown argument %q: a directory is given with -dir\n", flags.Arg(0))
		return 2
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal ends the process, as it does by default
	if err := sell(ctx, opts, stdout, slog.New(slog.NewTextHandler(stderr, nil))); err != nil {
		fmt.Fprintln(stderr, "shop:", err)
		return 1
	}
	return 0
}

// sell runs a shop until ctx ends.
func sell(ctx context.Context, opts options, stdout io.Writer, log *slog.Logger) (err error) {
	dir := opts.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "signals-shop-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		fmt.Fprintf(stdout, "The data are in %s, which is removed at the end; -dir keeps them.\n", dir)
	} else {
		fmt.Fprintf(stdout, "The data are in %s, and stay there.\n", dir)
	}
	cfg := config{dir: dir, log: log, samples: true, hosts: opts.hosts}
	ins := inspector.New(inspector.Values(true), inspector.Hosts(opts.hosts...))
	if opts.inspect {
		cfg.plugin.Observer = ins
		defer inspector.Watch(ins, product.Viewed)()
	}
	s, err := openShop(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	further := map[string]http.Handler{}
	if opts.inspect {
		further["/signals/"] = ins.Handler(s.db)
		fmt.Fprintln(stdout, "Who listens and what is sent is shown at /signals/.")
	}
	return serve(ctx, opts.addr, s.handler(ctx, further), stdout, log)
}
