// Command distributed shows how a change in one process reaches another one: a shop with a SQLite file, and a search index with a SQLite file of its
// own. The shop writes an event in the transaction of every change. A relay sends the events to a JetStream server inside the command itself, and
// search receives them. The story kills the relay on the way. At the end the command compares both files.
//
//	go run .            in a temporary directory, removed at the end
//	go run . -dir shop  in a directory of your own, to look at afterwards and to run in again
//
// It exits with status 1 if shop and search differ, or if anything else is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	dir := flag.String("dir", "", "directory for the databases and the streams (default: a temporary one)")
	role := flag.String("role", "", "what this process does: the command starts itself with a role")
	url := flag.String("url", "", "address of the JetStream server, for a role")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "distributed: unknown argument %q: a directory is given with -dir\n", flag.Arg(0))
		os.Exit(2)
	}
	var err error
	switch *role {
	case "":
		err = inDir(os.Stdout, *dir)
	case "shop":
		err = sell(os.Stdin, os.Stdout, *dir)
	case "relay":
		err = relay(untilEOF(os.Stdin), *dir, *url)
	case "search":
		err = index(untilEOF(os.Stdin), os.Stdout, *dir, *url)
	default:
		err = fmt.Errorf("no role %q: there are shop, relay and search", *role)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "\ndistributed: %s%v\n", of(*role), err)
		os.Exit(1)
	}
}

// of adds the name of the process to an error.
func of(role string) string {
	if role == "" {
		return ""
	}
	return role + ": "
}

// untilEOF returns a context that ends with the standard input: the process that started this one closes it, or has ended.
func untilEOF(input io.Reader) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, input)
	}()
	return ctx
}

// inDir runs the story in a directory, or in a temporary one if none is named.
func inDir(w io.Writer, dir string) (err error) {
	if dir != "" {
		if err = os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		return run(w, dir)
	}
	if dir, err = os.MkdirTemp("", "signals-distributed-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return run(w, dir)
}

// run tells the story in dir, and compares the results at the end.
func run(w io.Writer, dir string) error {
	fmt.Fprintf(w, "A shop and a search index in %s: a SQLite file each, in processes of their own.\n", dir)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	s := &story{out: w, dir: dir, stage: newStage(dir)}
	err := s.open(ctx)
	if err == nil {
		err = s.tell(ctx)
	}
	if err = errors.Join(err, s.close()); err != nil {
		return err
	}
	fmt.Fprint(w, "\nWhat is left, read from the files once more:\n")
	return check(w, dir)
}
