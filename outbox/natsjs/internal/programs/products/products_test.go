package products_test

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gorm-signals/signals/outbox/natsembed"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

func TestAProductOfOneProgramIsFoundByAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, program := range []string{"shop", "relay", "search"} {
		out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./"+program).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	server, err := natsembed.Start(natsembed.Config{Dir: filepath.Join(dir, "nats")})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	path := filepath.Join(dir, "shop.db")
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "shop"), "-db", path, "-name", "lamp").CombinedOutput()
	require.NoError(t, err, string(out))

	search := exec.CommandContext(t.Context(), filepath.Join(dir, "search"), "-db", filepath.Join(dir, "search.db"), "-nats", server.URL()) // before there is a stream
	lines, err := search.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, search.Start())
	relay := exec.CommandContext(t.Context(), filepath.Join(dir, "relay"), "-db", path, "-nats", server.URL())
	require.NoError(t, relay.Start())

	found := bufio.NewScanner(lines)
	for found.Scan() && !assert.ObjectsAreEqual("com.acme.products.created.v1 products/1: lamp", withoutTime(found.Text())) {
		t.Log(found.Text())
	}
	require.NoError(t, relay.Process.Signal(syscall.SIGTERM))
	require.NoError(t, relay.Wait(), "it ends as it should")
	require.NoError(t, search.Process.Signal(syscall.SIGTERM))
	for found.Scan() {
		t.Log(found.Text())
	}
	require.NoError(t, search.Wait(), "it ends as it should")

	index, err := gorm.Open(sqlite.Open(filepath.Join(dir, "search.db")))
	require.NoError(t, err)
	pool, err := index.DB()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	var texts []string
	require.NoError(t, index.Table("entries").Pluck("text", &texts).Error)
	assert.Equal(t, []string{"lamp"}, texts)
}

// withoutTime takes the date and the time off a line of package log.
func withoutTime(line string) string { return line[min(len(line), len("2006/01/02 15:04:05 ")):] }
