package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// ignored finds what apidiff says of packages that are not public.
var ignored = regexp.MustCompile(`(?m)^Ignoring internal package .*\n`)

// compare prints what has changed in the public API since the last tag, and fails where programs would break that a new version must
// not break.
func compare(r *repository, apidiff string) error {
	tags, err := command(r.dir, nil, "git", "tag", "--list", "v[0-9]*", "--sort=-version:refname")
	if err != nil {
		return err
	}
	last, _, _ := strings.Cut(tags, "\n")
	if last == "" {
		fmt.Println("There is no tag yet, so there is no API to compare with.")
		return nil
	}
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := command(r.dir, nil, "bash", "-c", `set -o pipefail; git archive "$0" | tar -x -C "$1"`, last, dir); err != nil {
		return err
	}
	broken := false
	for _, m := range r.public() {
		old := filepath.Join(dir, m.folder)
		if _, err := os.Stat(filepath.Join(old, "go.mod")); err != nil {
			fmt.Println(m.path(), "is new")
			continue
		}
		export := filepath.Join(dir, "export")
		if _, err := command(old, nil, apidiff, "-m", "-w", export, m.path()); err != nil {
			return err
		}
		differences, err := command(m.dir, nil, apidiff, "-m", export, m.path())
		if err != nil {
			return err
		}
		fmt.Printf("%s since %s:\n%s\n", m.path(), last, ignored.ReplaceAllString(differences, ""))
		broken = broken || strings.Contains(differences, "Incompatible changes:")
	}
	if broken && !mayBreak(last, r.version) {
		return fmt.Errorf("the API has incompatible changes since %s, and %s promises that there are none", last, r.version)
	}
	return nil
}

// mayBreak reports whether a version may have incompatible changes: another major version, or another minor one before 1.0.
func mayBreak(last, next string) bool {
	if semver.Major(last) == "v0" {
		return semver.MajorMinor(last) != semver.MajorMinor(next)
	}
	return semver.Major(last) != semver.Major(next)
}
