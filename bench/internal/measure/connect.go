package measure

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// Connecting is the cost of a Connect in a program with a thousand models, in nanoseconds.
type Connecting struct {
	Connect float64
	First   float64 // the first write of a model
	More    float64 // how much more the next write after a Connect costs than the one after that
}

const library = "github.com/gorm-signals/signals"

// ConnectAmongManyModels runs the library's benchmark of this name several times, and returns medians. Models are types, and a thousand types would
// take minutes to compile. The benchmark makes them at run time, which only the package itself can.
func ConnectAmongManyModels(ctx context.Context, times int) (Connecting, error) {
	dir, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", library))
	if err != nil {
		return Connecting{}, err
	}
	test := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench=^BenchmarkConnectAmongManyModels$", "-benchtime=1000x", "-count="+strconv.Itoa(times), ".")
	test.Dir = strings.TrimSpace(dir)
	text, err := output(test)
	if err != nil {
		return Connecting{}, err
	}
	found := byUnit(text)
	if len(found["ns/connect"])*len(found["ns/first"])*len(found["ns/more"]) == 0 {
		return Connecting{}, fmt.Errorf("measure: the benchmark of Connect has no figures:\n%s", text)
	}
	return Connecting{Connect: median(found["ns/connect"]), First: median(found["ns/first"]), More: median(found["ns/more"])}, nil
}

func output(c *exec.Cmd) (string, error) {
	out, err := c.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w\n%s%s", c, err, out, exit.Stderr)
	}
	return string(out), err
}

// byUnit returns the values of benchmarks by their units.
func byUnit(text string) map[string][]float64 {
	found := map[string][]float64{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		for i := 3; i < len(words); i += 2 {
			if v, err := strconv.ParseFloat(words[i-1], 64); err == nil {
				found[words[i]] = append(found[words[i]], v)
			}
		}
	}
	return found
}
