package product_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/product"
)

// The test binary runs itself as a second process, a shop at work, and kills it. CRASH_ROUNDS sets how often.
const (
	childDir  = "PRODUCT_CRASH_DIR"  // where the child works; a process with it is a child
	childStop = "PRODUCT_CRASH_STOP" // the point at which it stops and waits to be killed
	rounds    = 30
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := work(dir, os.Getenv(childStop)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1) // it was to be killed
	}
	os.Exit(m.Run())
}

// killed runs a child in dir until it has told enough, and kills it.
func killed(t *testing.T, dir, stop string, enough func(point string) bool) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), childDir+"="+dir, childStop+"="+stop)
	var failure strings.Builder
	child.Stderr = &failure
	input, err := child.StdinPipe() // closed when this process ends: then the child ends too
	require.NoError(t, err)
	defer func() { _ = input.Close() }()
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(output)
	for lines.Scan() && !enough(lines.Text()) {
		continue
	}
	_ = child.Process.Kill()
	_, _ = io.Copy(io.Discard, output)
	err = child.Wait()
	require.Empty(t, failure.String())
	require.Error(t, err)
}

// afterCrash opens what the child has left, as the shop does when it starts again, and sweeps.
func afterCrash(t *testing.T, dir string) product.Swept {
	t.Helper()
	db, err := openShopDB(dir)
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	store, err := product.OpenImageStore(filepath.Join(dir, "images"))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	s := &testShop{t: t, db: db, dir: filepath.Join(dir, "images"), store: store, handled: &handled{}}
	swept := s.sweep()
	s.whole()
	return swept
}

// whole checks that files and rows agree, and that each row has the file of its generation.
func (s *testShop) whole() {
	s.t.Helper()
	s.agree(s.named()...)
	var products []product.Product
	require.NoError(s.t, s.db.Unscoped().Preload("Images").Find(&products).Error)
	for _, p := range products {
		for _, image := range p.Images {
			require.Equal(s.t, content(p.Stock), s.content(image.File), "%s of product %d", image.File, p.ID)
		}
	}
}

func TestFilesAndRowsAgreeAfterAProcessWasKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	n := rounds
	if given := os.Getenv("CRASH_ROUNDS"); given != "" {
		var err error
		n, err = strconv.Atoi(given)
		require.NoError(t, err)
	} else if testing.Short() {
		n = 3
	}
	dir := newShopDir(t)
	var total product.Swept
	for range n {
		points, seen := 20+rand.IntN(150), 0
		killed(t, dir, "", func(string) bool {
			seen++
			return seen == points
		})
		swept := afterCrash(t, dir)
		total.PutBack = append(total.PutBack, swept.PutBack...)
		total.Purged = append(total.Purged, swept.Purged...)
		total.Strays = append(total.Strays, swept.Strays...)
	}
	t.Logf("killed %d times: %d files put back, %d purged, %d strays removed",
		n, len(total.PutBack), len(total.Purged), len(total.Strays))
}

func TestAProcessKilledBetweenMovingAsideAndCommit(t *testing.T) {
	t.Parallel()
	for point, want := range map[string]func(t *testing.T, swept product.Swept){
		"moved aside": func(t *testing.T, swept product.Swept) {
			t.Helper()
			assert.NotEmpty(t, swept.PutBack)
			assert.Empty(t, swept.Purged)
		},
		"row deleted": func(t *testing.T, swept product.Swept) {
			t.Helper()
			assert.NotEmpty(t, swept.PutBack)
		},
		"committed, not purged": func(t *testing.T, swept product.Swept) {
			t.Helper()
			assert.NotEmpty(t, swept.Purged)
			assert.Empty(t, swept.PutBack)
		},
		"rolled back, not put back": func(t *testing.T, swept product.Swept) {
			t.Helper()
			assert.NotEmpty(t, swept.PutBack)
		},
		"file written": func(t *testing.T, swept product.Swept) {
			t.Helper()
			assert.Len(t, swept.Strays, 1)
		},
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			dir := newShopDir(t)
			reached := false
			killed(t, dir, point, func(told string) bool {
				reached = told == point
				return reached
			})
			require.True(t, reached)
			want(t, afterCrash(t, dir))
		})
	}
}

// newShopDir makes a directory with a shop's empty database.
func newShopDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	db, err := openShopDB(dir)
	require.NoError(t, err)
	require.NoError(t, db.AutoMigrate(product.Models()...))
	pool, err := db.DB()
	require.NoError(t, err)
	require.NoError(t, pool.Close())
	return dir
}

// content is what a file of a product's generation holds.
func content(generation int) string { return fmt.Sprintf("picture of generation %d", generation) }

// noMail is a Mailer.
type noMail struct{}

func (noMail) Send(context.Context, product.Mail) error { return nil }
