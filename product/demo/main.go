// Command demo runs the shop of package product on a real SQLite file with real image files and mails. At each step it prints what the program does,
// which signals are sent, and what the receivers do. At the end it checks the state of the shop.
//
//	go run ./product/demo            in a temporary directory, removed at the end
//	go run ./product/demo -dir shop  in a directory of your own, to look at afterwards
//
// It exits with status 1 if the state is not the expected one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	dir := flag.String("dir", "", "directory for the database, the images and the mails (default: a temporary one)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: unknown argument %q: a directory is given with -dir\n", flag.Arg(0))
		os.Exit(2)
	}
	err := inDir(os.Stdout, *dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// inDir runs the demo in a directory, or in a temporary one if none is named.
func inDir(w io.Writer, dir string) (err error) {
	if dir != "" {
		return run(w, dir)
	}
	if dir, err = os.MkdirTemp("", "signals-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return run(w, dir)
}

// run tells the whole story in dir, and then compares the state with the expected one.
func run(w io.Writer, dir string) (err error) {
	d, err := openDemo(w, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "A shop in %s: a SQLite file, a directory of images, a directory of mails.\n", dir)
	err = d.clear()
	if err == nil {
		err = d.tell()
	}
	if err = errors.Join(err, errors.Join(d.failed...), d.close()); err != nil {
		return err
	}
	fmt.Fprint(w, "\nWhat is left, read from the files once more:\n")
	return check(w, dir, expected(), d.earlier)
}
