package beside_test

import (
	"bytes"
	"testing"

	"github.com/gorm-signals/signals/internal/beside"
)

// FuzzBeside runs random calls beside random others. If the databases differ, it shows the script in readable form.
//
//	go test -run '^$' -fuzz FuzzBeside -fuzztime 5m -fuzzminimizetime 10x ./internal/beside
func FuzzBeside(f *testing.F) {
	for i := range byte(60) {
		f.Add(append([]byte{i, 7 * i, 3 * i, i, i / 2, i / 3, i, i / 5, i}, bytes.Repeat([]byte{i, 5 * i, 11 * i, i + 1, 17 * i}, 4)...))
	}
	f.Add([]byte("\x9d\xb1;\x1d\x13\xeb;\v;\xe6\xe6\xe6\xe6\xe6\xe6\xe6;%\x89<")) // RETURNING into one struct, beside a row that a trigger keeps
	pair := beside.NewPair(f, open)
	f.Fuzz(func(t *testing.T, data []byte) {
		script := beside.Read(data)
		if difference := pair.Play(t, script); difference != "" {
			t.Fatalf("%v\n\n%s", script, difference)
		}
	})
}
