// Command release keeps the modules of this repository on one version, and shows that other programs can get them.
//
//	go run . versions            # fails where a module requires another one at a wrong version
//	go run . release 0.2.0       # sets that version everywhere, and prints the tags to push
//	go run . consumer            # gets each public module in an empty program, and runs its example
//	go run . api PATH            # compares the public API with the last tag; PATH is the program apidiff
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("name a command: versions, release, consumer or api")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	r, err := open(root)
	if err != nil {
		return err
	}
	switch {
	case args[0] == "versions":
		return r.check()
	case args[0] == "release" && len(args) == 2:
		return release(r, strings.TrimPrefix(args[1], "v"))
	case args[0] == "consumer":
		upstream, err := command(root, nil, "go", "env", "GOPROXY")
		if err != nil {
			return err
		}
		return consume(r, strings.TrimSpace(upstream))
	case args[0] == "api" && len(args) == 2:
		return compare(r, args[1])
	default:
		return fmt.Errorf("unknown command %q", args)
	}
}

// release sets a version everywhere and prints what is left to do by hand.
func release(r *repository, version string) error {
	if err := r.setChangelog(version, time.Now()); err != nil {
		return err
	}
	if err := r.setRequires(); err != nil {
		return err
	}
	for _, m := range r.modules {
		if _, err := command(m.dir, nil, "go", "mod", "tidy"); err != nil {
			return err
		}
	}
	fmt.Printf("Every module is at %s. Commit, and then push these tags together:\n\n", r.version)
	for _, m := range r.public() {
		fmt.Println("  " + m.tag(r.version))
	}
	return nil
}

// command runs a program in a folder and returns what it printed. The error has that too.
func command(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...) //nolint:noctx // a developer's tool that ends with its programs
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), env...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s in %s: %w\n%s", name, strings.Join(args, " "), dir, err, output)
	}
	return string(output), nil
}
