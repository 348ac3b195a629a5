package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// repository is a folder with modules that have one version.
type repository struct {
	dir     string
	version string // that CHANGELOG.md names on top, "v0.1.0"
	modules []*goModule
}

// goModule is a module of a repository.
type goModule struct {
	dir, folder string // folder is dir as seen from the root of the repository, "." for the root module
	file        *modfile.File
}

// path returns the path of the module.
func (m *goModule) path() string { return m.file.Module.Mod.Path }

// tag returns the tag that publishes a version of the module.
func (m *goModule) tag(version string) string {
	if m.folder == "." {
		return version
	}
	return m.folder + "/" + version
}

// released finds the headings of versions in a changelog.
var released = regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$`)

// open reads the modules of a repository and the version that CHANGELOG.md names on top.
func open(dir string) (*repository, error) {
	r := &repository{dir: dir}
	changelog, err := os.ReadFile(filepath.Join(dir, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	top := released.FindSubmatch(changelog)
	if top == nil {
		return nil, errors.New("CHANGELOG.md names no version, as in: ## [0.1.0] - 2026-11-29")
	}
	r.version = "v" + string(top[1])
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != dir && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || entry.Name() != "go.mod":
			return nil
		}
		return r.add(path)
	})
	if err == nil && (len(r.modules) == 0 || r.modules[0].folder != ".") {
		err = errors.New("there is no go.mod at the root")
	}
	return r, err
}

// add reads a go.mod.
func (r *repository) add(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return err
	}
	folder, err := filepath.Rel(r.dir, filepath.Dir(path))
	if err != nil {
		return err
	}
	r.modules = append(r.modules, &goModule{filepath.Dir(path), filepath.ToSlash(folder), file})
	slices.SortFunc(r.modules, func(a, b *goModule) int { return strings.Compare(a.folder, b.folder) })
	return nil
}

// public returns the modules that others may require: all but tools, benchmarks, tests and programs.
func (r *repository) public() []*goModule {
	return slices.DeleteFunc(slices.Clone(r.modules), func(m *goModule) bool {
		first, _, _ := strings.Cut(m.folder, "/")
		return first == "internal" || first == "bench" || m.folder == "product/distributed"
	})
}

// own returns the module of the repository with a path, or nil.
func (r *repository) own(path string) *goModule {
	for _, m := range r.modules {
		if m.path() == path {
			return m
		}
	}
	return nil
}

// check fails where a module requires another one at a version other than that of the repository, or cannot be developed together
// with it.
func (r *repository) check() error {
	var wrong []error
	for _, m := range r.modules {
		for _, require := range m.file.Require {
			other := r.own(require.Mod.Path)
			if other == nil {
				continue
			}
			if require.Mod.Version != r.version {
				wrong = append(wrong, fmt.Errorf("%s/go.mod requires %s %s, and CHANGELOG.md is at %s: run make release VERSION=%s",
					m.folder, other.path(), require.Mod.Version, r.version, strings.TrimPrefix(r.version, "v")))
			}
			if !m.replaces(other) {
				wrong = append(wrong, fmt.Errorf("%s/go.mod needs a line that replaces %s by its folder", m.folder, other.path()))
			}
		}
	}
	return errors.Join(wrong...)
}

// replaces reports whether go.mod takes another module from its folder.
func (m *goModule) replaces(other *goModule) bool {
	return slices.ContainsFunc(m.file.Replace, func(r *modfile.Replace) bool {
		return r.Old.Path == other.path() && r.Old.Version == "" && filepath.Join(m.dir, r.New.Path) == other.dir
	})
}

// setRequires makes every module require the others at the version of the repository.
func (r *repository) setRequires() error {
	for _, m := range r.modules {
		for _, require := range m.file.Require {
			if r.own(require.Mod.Path) == nil {
				continue
			}
			if err := m.file.AddRequire(require.Mod.Path, r.version); err != nil {
				return err
			}
		}
		text, err := m.file.Format()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(m.dir, "go.mod"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// setChangelog makes what is unreleased in CHANGELOG.md a version of a day. A version that is on top already stays as it is.
func (r *repository) setChangelog(version string, day time.Time) error {
	next := "v" + version
	if !semver.IsValid(next) || semver.Canonical(next) != next {
		return fmt.Errorf("%q is no version like 0.2.0", version)
	}
	if next == r.version {
		return nil
	}
	if semver.Compare(next, r.version) < 0 {
		return fmt.Errorf("CHANGELOG.md is at %s, and %s is older", r.version, next)
	}
	name := filepath.Join(r.dir, "CHANGELOG.md")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	const heading, link = "## [Unreleased]\n", "[Unreleased]: "
	before, after, found := strings.Cut(string(text), heading)
	if !found {
		return fmt.Errorf("CHANGELOG.md has no heading %q with what is new", strings.TrimSpace(heading))
	}
	last := strings.TrimPrefix(r.version, "v")
	above, reference, found := strings.Cut(after, link)
	if !found {
		return fmt.Errorf("CHANGELOG.md has no line %s.../compare/%s...HEAD", link, r.version)
	}
	reference, rest, _ := strings.Cut(reference, "\n")
	address, ok := strings.CutSuffix(reference, "/compare/v"+last+"...HEAD")
	if !ok {
		return fmt.Errorf("the line %s%s of CHANGELOG.md does not compare with v%s", link, reference, last)
	}
	changed := before + heading + "\n## [" + version + "] - " + day.Format(time.DateOnly) + "\n" + above +
		link + address + "/compare/" + next + "...HEAD\n" +
		"[" + version + "]: " + address + "/compare/v" + last + "..." + next + "\n" + rest
	r.version = next
	return os.WriteFile(name, []byte(changed), 0o644)
}
