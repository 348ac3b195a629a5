package paid_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/internal/recipes/paid/orders"
)

func TestOneOfTwoProcessesSendsTheMail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.db")
	for _, program := range []string{"shop", "worker"} {
		out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./"+program).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	sent, err := exec.CommandContext(t.Context(), filepath.Join(dir, "shop"), "-db", path, "-email", "ann@example.com").Output()
	require.NoError(t, err)
	const mail = "order-1-paid to ann@example.com: Order 1 is paid.\n"
	second := "order-2-paid to bob@example.com: Order 2 is paid.\n" // by the worker, or an own process again

	worker := exec.CommandContext(t.Context(), filepath.Join(dir, "worker"), "-db", path)
	out, err := worker.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, worker.Start())
	shop := exec.CommandContext(t.Context(), filepath.Join(dir, "shop"), "-db", path, "-email", "bob@example.com")
	more, err := shop.Output()
	require.NoError(t, err)

	all := string(sent) + string(more)
	for lines := bufio.NewReader(out); len(all) < len(mail+second); {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		all += line
	}
	assert.Contains(t, all, mail)
	assert.Contains(t, all, second)
	require.NoError(t, worker.Process.Signal(syscall.SIGTERM))
	require.NoError(t, worker.Wait(), "it ends as it should")
}

// outage is a mail service that does not answer, until it is repaired.
type outage struct {
	called   chan struct{}
	once     sync.Once
	repaired chan struct{}
}

func (o *outage) send(context.Context, orders.Mail) error {
	o.once.Do(func() { close(o.called) })
	<-o.repaired
	return nil
}

func TestWhatADeadProcessHasClaimedIsSentWhenTheClaimEnds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shop.db")
	dead := &outage{called: make(chan struct{}), repaired: make(chan struct{})}
	db, _ := open(t, path, dead.send) // it never calls Shutdown
	require.NoError(t, db.Create(&orders.Order{Email: "ann@example.com", Status: "paid"}).Error)
	<-dead.called
	defer close(dead.repaired)

	sent := make(chan string, 10)
	other, worker := open(t, path, func(_ context.Context, m orders.Mail) error {
		sent <- m.Key
		return nil
	})
	var lag []outbox.Lag
	lag, err := worker.Lag(t.Context())
	require.NoError(t, err)
	require.Len(t, lag, 1)
	assert.EqualValues(t, 1, lag[0].Pending)
	var due int64
	require.NoError(t, other.Raw("SELECT due_at FROM signals_outbox").Scan(&due).Error)
	assert.InDelta(t, time.Now().Add(30*time.Second).UnixMilli(), due, 20_000, "it is claimed for 30 seconds")
	require.NoError(t, other.Exec("UPDATE signals_outbox SET due_at = due_at - 60000").Error) // a minute later

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); worker.Run(ctx) }()
	assert.Equal(t, "order-1-paid", <-sent)
	stop()
	<-ended
	require.NoError(t, worker.Shutdown(t.Context()))
}

func TestAnOrderThatIsRolledBackLeavesNoMail(t *testing.T) {
	t.Parallel()
	db, ob := open(t, filepath.Join(t.TempDir(), "shop.db"), func(_ context.Context, m orders.Mail) error { return fmt.Errorf("%s is sent", m.Key) })
	tx := db.Begin()
	require.NoError(t, tx.Create(&orders.Order{Status: "paid"}).Error)
	require.NoError(t, tx.Rollback().Error)
	require.NoError(t, db.Create(&orders.Order{Status: "new"}).Error)
	lag, err := ob.Lag(t.Context())
	require.NoError(t, err)
	assert.Empty(t, lag)
}

func open(t *testing.T, path string, send orders.Send) (*gorm.DB, *outbox.Outbox) {
	t.Helper()
	db, ob, err := orders.Open(t.Context(), path, send)
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	return db, ob
}

func TestAParkedMailIsListedAndRequeued(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.db")
	db, ob := open(t, path, func(context.Context, orders.Mail) error {
		return outbox.Permanent(errors.New("there is no such address"))
	})
	require.NoError(t, db.Create(&orders.Order{Email: "nobody", Status: "paid"}).Error)
	require.NoError(t, ob.Wait(t.Context()))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./parked").CombinedOutput()
	require.NoError(t, err, string(out))

	listed, err := exec.CommandContext(t.Context(), filepath.Join(dir, "parked"), "-db", path, "-requeue").Output()
	require.NoError(t, err)
	assert.Contains(t, string(listed), "orders/1 for mail.paid, 1 tries: ")
	assert.Contains(t, string(listed), "there is no such address\nmail.paid: 1 wait, the oldest for ")
}
