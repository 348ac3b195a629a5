package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is a running child.
type process struct {
	role  string
	cmd   *exec.Cmd
	input io.Closer     // the child ends when this is closed
	ready chan struct{} // closed when the child has printed something
	ended chan struct{} // closed when the child has ended
	err   error         // of a child that has ended
}

// company holds all children of a test.
type company struct {
	t        *testing.T
	settings settings
	logs     string // directory with the logs of each role
	running  map[string]*process
	kills    map[string]int
}

func newCompany(t *testing.T, s settings) *company {
	t.Helper()
	c := &company{t: t, settings: s, logs: t.TempDir(), running: map[string]*process{}, kills: map[string]int{}}
	t.Cleanup(func() {
		for _, p := range c.running {
			p.kill()
		}
		if t.Failed() {
			c.showLogs()
		}
	})
	return c
}

// start starts a child in a role.
func (c *company) start(role string) *process {
	c.t.Helper()
	self, err := os.Executable()
	require.NoError(c.t, err)
	told, err := json.Marshal(c.settings)
	require.NoError(c.t, err)
	log, err := os.OpenFile(filepath.Join(c.logs, role), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(c.t, err)
	defer func() { _ = log.Close() }() // the child has its own
	cmd := exec.Command(self)          //nolint:noctx // It outlives the context of the test, which ends before the cleanup.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, settingsVariable+"="+string(told))
	cmd.Stderr = log
	input, err := cmd.StdinPipe()
	require.NoError(c.t, err)
	output, err := cmd.StdoutPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, cmd.Start())
	p := &process{role: role, cmd: cmd, input: input, ready: make(chan struct{}), ended: make(chan struct{})}
	c.running[role] = p
	go func() {
		if _, err := output.Read(make([]byte, 1)); err == nil {
			close(p.ready)
		}
		_, _ = io.Copy(io.Discard, output)
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p
}

// kill ends a child as kill -9 does, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
	_ = p.input.Close()
}

// hasEnded reports whether a child has ended.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// kill kills the child of a role and counts that, unless the child has finished its work.
func (c *company) kill(role string) (killed bool) {
	c.t.Helper()
	p := c.running[role]
	if p.hasEnded() {
		return false
	}
	p.kill()
	if p.err == nil { // it finished before the kill
		return false
	}
	require.Equal(c.t, -1, p.cmd.ProcessState.ExitCode(), "the %s failed by itself: %v", role, p.err)
	c.kills[role]++
	return true
}

// revive restarts children that have killed themselves, and counts that. If a child has failed otherwise, it fails the test.
func (c *company) revive() {
	c.t.Helper()
	for role, p := range c.running {
		switch {
		case !p.hasEnded(), role == "writer" && p.err == nil:
		case p.cmd.ProcessState.ExitCode() == -1:
			c.kills[role]++
			c.start(role)
		default:
			require.FailNow(c.t, "a child has ended", "the %s: %v", role, p.err)
		}
	}
}

// showLogs logs the last lines of each child's log.
func (c *company) showLogs() {
	for role := range c.running {
		text, _ := os.ReadFile(filepath.Join(c.logs, role))
		lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
		c.t.Logf("%s:\n%s", role, strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
}
