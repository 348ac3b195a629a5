// Command testlines shows the progress of tests: a line for each package as soon as it has ended, and what failing tests said.
//
//	go test -json ./... | go run ./internal/testlines
//
// The go command itself shows results in the order of packages, so one that takes minutes hides all others.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	ok, err := show(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testlines:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action, Package, Test, Output string
}

// test names a test, or a package as a whole.
type test struct{ pkg, name string }

// show reads events and reports whether all packages passed.
func show(in io.Reader, out io.Writer) (ok bool, err error) {
	said := map[test][]string{}
	ok = true
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				e = event{Action: "build-output", Output: line} // not of a test: the go command speaks
			}
			ok = handle(e, said, out) && ok
		}
		switch err {
		case nil:
		case io.EOF:
			return ok, nil
		default:
			return false, err
		}
	}
}

// handle shows what an event is worth showing, and keeps what may become so. It returns false when a package or a build fails.
func handle(e event, said map[test][]string, out io.Writer) (ok bool) {
	of := test{e.Package, e.Test}
	switch e.Action {
	case "output":
		said[of] = append(said[of], e.Output)
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "build-fail":
		return false
	case "pass", "skip":
		if e.Test == "" {
			for _, line := range said[of] {
				if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ") {
					fmt.Fprint(out, line)
				}
			}
		}
		delete(said, of)
	case "fail":
		fmt.Fprint(out, strings.Join(said[of], ""))
		delete(said, of)
		if e.Test != "" {
			break
		}
		for left, lines := range said { // tests that a panic or a time-out ended
			if left.pkg == e.Package {
				fmt.Fprint(out, strings.Join(lines, ""))
				delete(said, left)
			}
		}
		return false
	}
	return true
}
