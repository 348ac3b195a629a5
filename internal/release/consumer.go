package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// consume serves all public modules as a module proxy does, gets each of them by itself in an empty program that has no replace
// lines, and runs its example there. Other modules come from upstream, in the form of GOPROXY.
func consume(r *repository, upstream string) error {
	dir, err := os.MkdirTemp("", "consumer")
	if err != nil {
		return err
	}
	env, err := environment(r, dir, upstream)
	if err != nil {
		return err
	}
	defer func() {
		_, _ = command(dir, env, "go", "clean", "-modcache") // its files are read-only
		_ = os.RemoveAll(dir)
	}()
	for _, m := range r.public() {
		if err := publish(filepath.Join(dir, "proxy"), m, r.version); err != nil {
			return err
		}
	}
	var failed []error
	for _, m := range r.public() {
		began := time.Now()
		program := filepath.Join(dir, "program", strings.ReplaceAll(m.folder, "/", "-"))
		if err := get(program, m, r.version, env); err != nil {
			failed = append(failed, fmt.Errorf("%s@%s cannot be used by others: %w", m.path(), r.version, err))
			continue
		}
		fmt.Printf("ok  %s@%s  %.1fs\n", m.path(), r.version, time.Since(began).Seconds())
	}
	return errors.Join(failed...)
}

// environment returns the settings of a go command that knows the modules of a proxy in dir. Other modules come from the cache of this
// machine and then from upstream. The cache of the programs is their own, as this version of our modules must not stay in that of
// the machine. With -trimpath the compiled packages are the same all the same.
func environment(r *repository, dir, upstream string) ([]string, error) {
	cache, err := command(".", nil, "go", "env", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	return []string{
		"GOPROXY=file://" + dir + "/proxy,file://" + filepath.ToSlash(strings.TrimSpace(cache)) + "/cache/download," + upstream,
		"GOMODCACHE=" + filepath.Join(dir, "modules"),
		"GOFLAGS=-mod=mod -trimpath",
		"GONOSUMDB=" + r.modules[0].path(),
		"GOWORK=off",
	}, nil
}

// publish adds a module to a proxy.
func publish(proxy string, m *goModule, version string) error {
	escaped, err := module.EscapePath(m.path())
	if err != nil {
		return err
	}
	at := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err = os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(m.dir, "go.mod"))
	if err != nil {
		return err
	}
	info := fmt.Sprintf(`{"Version":%q,"Time":%q}`, version, time.Now().UTC().Format(time.RFC3339))
	for name, content := range map[string]string{"list": version + "\n", version + ".info": info, version + ".mod": string(text)} {
		if err = os.WriteFile(filepath.Join(at, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	files, err := filesOf(m)
	if err != nil {
		return err
	}
	archive, err := os.Create(filepath.Join(at, version+".zip"))
	if err != nil {
		return err
	}
	return errors.Join(zip.Create(archive, module.Version{Path: m.path(), Version: version}, files), archive.Close())
}

// source is a file of a module.
type source struct{ dir, path string }

// Path returns the name within the module.
func (s source) Path() string { return s.path }

// Lstat describes the file.
func (s source) Lstat() (os.FileInfo, error) { return os.Lstat(filepath.Join(s.dir, s.path)) }

// Open opens the file.
func (s source) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(s.dir, s.path)) }

// filesOf returns the files of a module, without those of modules within it and without hidden folders, such as .tools.
func filesOf(m *goModule) ([]zip.File, error) {
	var files []zip.File
	err := filepath.WalkDir(m.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == m.dir {
			return err
		}
		if entry.IsDir() {
			_, statErr := os.Stat(filepath.Join(path, "go.mod"))
			if statErr == nil || strings.HasPrefix(entry.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(m.dir, path)
		if err == nil && entry.Type().IsRegular() {
			files = append(files, source{m.dir, filepath.ToSlash(name)})
		}
		return err
	})
	return files, err
}

// clause finds the package clause of a file.
var clause = regexp.MustCompile(`(?m)^package \w+$`)

// get makes an empty program, gets a module there, and runs the module's example as a test of the program.
func get(program string, m *goModule, version string, env []string) error {
	if err := os.MkdirAll(program, 0o700); err != nil {
		return err
	}
	example, err := os.ReadFile(filepath.Join(m.dir, "example_test.go"))
	if err != nil {
		return fmt.Errorf("every public module has an example: %w", err)
	}
	// The sums are those that this repository has checked, so that nobody is asked for them again.
	sums, err := os.ReadFile(filepath.Join(m.dir, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for name, content := range map[string]string{
		"go.mod":          "module consumer\n\ngo " + m.file.Go.Version + "\n",
		"go.sum":          string(sums),
		"main.go":         "package main\n\nfunc main() {}\n",
		"example_test.go": clause.ReplaceAllString(string(example), "package main_test"),
	} {
		if err = os.WriteFile(filepath.Join(program, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	if _, err = command(program, env, "go", "get", m.path()+"@"+version); err != nil {
		return err
	}
	_, err = command(program, env, "go", "test", "-vet=off", ".")
	return err
}
