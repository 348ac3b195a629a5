package dbtest_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// loss is what a wire does with the next COMMIT.
type loss int32

const (
	nothing  loss = iota
	question      // the server never gets it
	answer        // the server commits, and nobody hears of it
)

// wire stands between a driver and its server.
type wire struct {
	server string
	lose   atomic.Int32
	commit atomic.Pointer[func()] // called when the server has got COMMIT and before its answer is passed on
}

// wired returns a wire to the server of a dialector, and a dialector that uses it.
func wired(t *testing.T, at gorm.Dialector) (*wire, gorm.Dialector) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed with the test
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	w := &wire{}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	switch d := at.(type) {
	case *postgres.Dialector:
		config, err := pgconn.ParseConfig(d.DSN)
		require.NoError(t, err)
		w.server = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
		at = postgres.Open(fmt.Sprintf("%s host=127.0.0.1 port=%s", d.DSN, port))
	case *mysql.Dialector:
		config, err := driver.ParseDSN(d.DSN)
		require.NoError(t, err)
		w.server, config.Addr = config.Addr, listener.Addr().String()
		at = mysql.Open(config.FormatDSN())
	default:
		t.Fatalf("no wire to %T", at)
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.connect(client)
		}
	}()
	return w, at
}

// connect passes on what a client and the server say to each other.
func (w *wire) connect(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.server) //nolint:noctx // it is closed with the client
	if err != nil {
		return
	}
	defer server.Close()
	var cut atomic.Bool // the answer is not to be passed on
	go func() {
		defer client.Close()
		pass(server, client, func([]byte) bool { return !cut.Load() })
	}()
	pass(client, server, func(said []byte) bool {
		said = bytes.ReplaceAll(bytes.ToUpper(said), []byte("SYNCHRONOUS_COMMIT"), nil) // a setting of the connection
		if !bytes.Contains(said, []byte("COMMIT")) {
			return true
		}
		if call := w.commit.Swap(nil); call != nil {
			(*call)()
		}
		switch loss(w.lose.Swap(int32(nothing))) {
		case question:
			return false
		case answer:
			cut.Store(true)
		case nothing:
		}
		return true
	})
}

// pass passes on what one side says, as long as it may.
func pass(from, to net.Conn, may func(said []byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !may(buffer[:n]) {
			return
		}
		if n > 0 {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// private is a server of one test alone, which it may stop.
type private struct {
	at      gorm.Dialector
	user    string // who runs it when the test is root, because servers refuse to
	program string
	args    []string
	quit    syscall.Signal // ends the server at once
	process *exec.Cmd
}

// start starts the server and waits until it answers.
func (p *private) start(t *testing.T) {
	t.Helper()
	p.process = command(t, p.user, p.program, p.args...)
	p.process.Cancel = func() error { return p.process.Process.Signal(p.quit) }
	require.NoError(t, p.process.Start())
	require.Eventually(t, func() bool {
		db, err := gorm.Open(p.at, &gorm.Config{Logger: logger.Discard})
		if pool, e := db.DB(); e == nil {
			defer pool.Close()
		}
		return err == nil
	}, patience, 20*time.Millisecond, "the server does not answer")
}

// stop ends the server without letting anything finish.
func (p *private) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.process.Process.Signal(p.quit))
	_ = p.process.Wait() // says how it was stopped
}

// command is a program that a user runs and that ends with the test.
func command(t *testing.T, name, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.WaitDelay = os.TempDir(), 5*time.Second
	if os.Geteuid() == 0 {
		who, err := user.Lookup(name)
		require.NoError(t, err)
		uid, err := strconv.ParseUint(who.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(who.Gid, 10, 32)
		require.NoError(t, err)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	return cmd
}

// ownedBy returns a directory that a user may write.
func ownedBy(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		who, err := user.Lookup(name)
		require.NoError(t, err)
		uid, _ := strconv.Atoi(who.Uid)
		gid, _ := strconv.Atoi(who.Gid)
		require.NoError(t, os.Chown(dir, uid, gid))
		require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	}
	return filepath.Join(dir, "data")
}

// installed finds a program, and skips the test where there is none.
func installed(t *testing.T, program string, places ...string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, place := range places {
		if found, _ := filepath.Glob(filepath.Join(place, program)); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Skipf("a server of its own needs %s, which is not installed", program)
	return ""
}

// setUp sets up a server, or skips the test where that is impossible.
func setUp(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if said, err := cmd.CombinedOutput(); err != nil && os.Getenv("CI") == "" {
		t.Skipf("no server of its own: %v: %s", err, said)
	} else {
		require.NoError(t, err, "%s", said)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

// privates are the servers that a test can have for itself.
func privates() map[string]func(t *testing.T) *private {
	return map[string]func(t *testing.T) *private{
		"postgres": func(t *testing.T) *private {
			t.Helper()
			const bin = "/usr/lib/postgresql/*/bin"
			initdb, program, port := installed(t, "initdb", bin), installed(t, "postgres", bin), freePort(t)
			data := ownedBy(t, "postgres")
			setUp(t, command(t, "postgres", initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"))
			return &private{
				at:   postgres.Open(fmt.Sprintf("host=127.0.0.1 port=%s user=postgres dbname=postgres sslmode=disable", port)),
				user: "postgres", program: program, quit: syscall.SIGQUIT,
				args: []string{"-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "shared_buffers=4MB"},
			}
		},
		"mariadb": func(t *testing.T) *private {
			t.Helper()
			install, program, port := installed(t, "mariadb-install-db"), installed(t, "mariadbd", "/usr/sbin"), freePort(t)
			data := ownedBy(t, "mysql")
			setUp(t, command(t, "mysql", install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--innodb-log-file-size=4M"))
			return &private{
				at:   mysql.Open(fmt.Sprintf("root@tcp(127.0.0.1:%s)/test?parseTime=true&loc=UTC", port)),
				user: "mysql", program: program, quit: syscall.SIGKILL,
				args: []string{
					"--no-defaults", "--datadir=" + data, "--port=" + port, "--bind-address=127.0.0.1", "--socket=s",
					"--skip-grant-tables", "--pid-file=p", "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M",
				},
			}
		},
	}
}
