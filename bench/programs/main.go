// Command programs measures what each model with one Connect costs a program: additional size of the binary and additional time to build. Run it with
// make bench-programs from the top of the repository.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/gorm-signals/signals/bench/internal/page"
)

// kinds are the programs that are compared: their models do this. The last kind connects to signals whose methods are all empty, and shows the least
// that the types and methods of the library can cost.
var kinds = []string{"alone", "with a PostSave receiver", "with a receiver, all methods empty"}

// few and many are the numbers of models in the two programs of each kind.
const few, many = 10, 60

func main() {
	write := flag.String("write", "", "write the table between the markers of this file too")
	flag.Parse()
	text, err := measure(context.Background())
	if err == nil {
		fmt.Print(text)
		if *write != "" {
			err = page.Rewrite(*write, "bench-programs", text)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "programs:", err)
		os.Exit(1)
	}
}

// measure builds the programs and returns the table.
func measure(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("bench/programs", "_built") // inside the module, but left out of ./...
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	var text strings.Builder
	text.WriteString("| a model | stripped binary | with symbols | build |\n|---|---|---|---|\n")
	for _, kind := range kinds {
		smaller, err := build(ctx, dir, few, kind)
		if err != nil {
			return "", err
		}
		larger, err := build(ctx, dir, many, kind)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "| %s | %.1f KB | %.1f KB | %.1f ms |\n", kind, larger.stripped.more(smaller.stripped), larger.whole.more(smaller.whole),
			float64((larger.took-smaller.took).Microseconds())/1000/(many-few))
	}
	return text.String(), nil
}

// built holds the sizes of a program and its time to build.
type built struct {
	stripped, whole size
	took            time.Duration // the compiler and the linker, on one core
}

type size int64

// more returns by how many KB per model a program is larger than another.
func (s size) more(than size) float64 { return float64(s-than) / 1000 / (many - few) }

// rounds is how often a program is built. The fastest build counts, because other work on the machine can only add time.
const rounds = 5

func build(ctx context.Context, dir string, models int, kind string) (b built, err error) {
	var times []time.Duration
	for round := range rounds {
		in := filepath.Join(dir, fmt.Sprintf("m%d-%d-%d", models, slices.Index(kinds, kind), round))
		if err = generate(in, models, kind); err != nil {
			return built{}, err
		}
		if b.stripped, b.took, err = compile(ctx, in, "-s -w"); err != nil {
			return built{}, err
		}
		times = append(times, b.took)
		if round > 0 {
			continue
		}
		if b.whole, _, err = compile(ctx, in, ""); err != nil {
			return built{}, err
		}
	}
	b.took = slices.Min(times)
	return b, nil
}

// compile builds the program in a directory.
func compile(ctx context.Context, dir, flags string) (size, time.Duration, error) {
	out := filepath.Join(dir, "program")
	cmd := exec.CommandContext(ctx, "go", "build", "-p", "1", "-gcflags=-c=1", "-ldflags="+flags, "-o", out, "./"+dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, &said)
	}
	info, err := os.Stat(out)
	if err != nil {
		return 0, 0, err
	}
	return size(info.Size()), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

var program = template.Must(template.New("main.go").Parse(`package main // {{.Nonce}}: nothing is built yet

import (
	"context"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/bench/programs/internal/bare"
	"gorm.io/gorm"
)

var _ bare.Signal[int]

const nonce = {{.Nonce}}

func main() {
	db, err := gorm.Open(nil, &gorm.Config{})
	if err == nil {
		err = db.Use(signals.Plugin{})
	}
	if err != nil || nonce == 0 {
		panic(err)
	}
{{- range .Models}}
	connect{{.}}(context.Background(), db)
{{- end}}
}
{{range .Models}}
type M{{.}} struct {
	ID   uint
	Name string
}
{{if $.Connects}}
func connect{{.}}(_ context.Context, db *gorm.DB) {
	{{$.From}}.For[M{{.}}](db).PostSave.Connect(func(_ context.Context, e {{$.From}}.SaveEvent[*M{{.}}]) error {
		println(e.Instance.Name)
		return nil
	})
}
{{else}}
func connect{{.}}(_ context.Context, db *gorm.DB) {
	var row M{{.}}
	if db.First(&row).Error == nil {
		println(row.Name)
	}
}
{{end}}{{end}}`))

// generate writes a program that no build cache knows.
func generate(dir string, models int, kind string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	names := make([]string, models)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	from := map[string]string{kinds[1]: "signals", kinds[2]: "bare"}
	var source bytes.Buffer
	if err := program.Execute(&source, map[string]any{"Nonce": time.Now().UnixNano(), "Models": names, "Connects": kind != kinds[0], "From": from[kind]}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "main.go"), source.Bytes(), 0o600)
}
