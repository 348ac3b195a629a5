package inspector_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
)

func TestTheStreamShowsOldAndNewValues(t *testing.T) {
	t.Parallel()
	_, db, url := setUp(t, inspector.Values(true))
	lamps := signals.For[Lamp](db)
	lamps.PostSave.Connect(nothing[signals.SaveEvent[*Lamp]], signals.UID("audit"))
	lamps.PostDelete.Connect(nothing[signals.DeleteEvent[*Lamp]])
	lamp := Lamp{Name: "Lamp", Price: 30}
	require.NoError(t, db.Create(&lamp).Error)
	s := watch(t, url)
	require.NoError(t, db.Model(&lamp).Update("price", 25).Error)
	require.NoError(t, db.Delete(&lamp).Error)
	all := s.steps(4)

	call, send := all[0], all[1]
	assert.Equal(t, []string{"calling", "audit", "sending", ""}, []string{call.Step, call.Receiver, send.Step, send.Receiver})
	assert.Equal(t, send.ID, call.Parent)
	assert.True(t, call.Open, "the send goes on")
	assert.Empty(t, call.Rows, "the send has them")
	require.Len(t, send.Rows, 1)
	row := send.Rows[0]
	assert.Equal(t, []string{"lamps", "1", "updated"}, []string{row.Table, row.Key, row.What})
	require.Len(t, row.Fields, 1)
	assert.Equal(t, []string{"Price", "30", "25"}, []string{row.Fields[0].Name, row.Fields[0].Old, row.Fields[0].New})
	assert.Contains(t, send.HTML, "<dt>Price</dt><dd><del>30</del> <ins>25</ins></dd>")

	row = all[3].Rows[0]
	assert.Equal(t, "deleted", row.What)
	assert.Equal(t, []string{"Name", "Lamp", ""}, []string{row.Fields[1].Name, row.Fields[1].Old, row.Fields[1].New})
}

func TestASlowWatcherLosesEventsAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	db := open(t, ins)
	signal := signals.New[int]("counted")
	signal.Connect(nothing[int])
	inspector.Watch(ins, signal)
	server := httptest.NewUnstartedServer(ins.Handler(db))
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if tcp, ok := c.(*net.TCPConn); ok {
			assert.NoError(t, tcp.SetWriteBuffer(4096))
		}
		return ctx
	}
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})

	slow, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = slow.Close() })
	tcp, ok := slow.(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.SetReadBuffer(4096))
	_, err = slow.Write([]byte("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")) // and reads nothing
	require.NoError(t, err)
	require.Eventually(t, func() bool { return ins.Watching() == 1 }, 10*time.Second, time.Millisecond)

	var longest time.Duration
	for until := time.Now().Add(20 * time.Second); ins.Dropped() == 0 && time.Now().Before(until); {
		started := time.Now()
		require.NoError(t, signal.Send(t.Context(), 1))
		longest = max(longest, time.Since(started))
	}
	assert.Positive(t, ins.Dropped())
	assert.Less(t, longest, 5*time.Second, "no send waited for the watcher")
	assert.Regexp(t, `\d+ dropped by slow streams`, get(t, server.URL+"/"))
}

func TestAStreamSaysHowManyEventsItLost(t *testing.T) {
	t.Parallel()
	ins, _, url := setUp(t)
	signal := signals.New[int]("counted")
	inspector.Watch(ins, signal)
	s := watch(t, url)
	var sends sync.WaitGroup
	for range 8 { // more at once than a stream can write
		sends.Go(func() {
			for until := time.Now().Add(20 * time.Second); ins.Dropped() == 0 && time.Now().Before(until); {
				for range 4 * inspector.MaxUnread {
					_ = signal.Send(context.Background(), 1)
				}
			}
		})
	}
	var lost uint64
	for lost == 0 {
		name, data, ok := s.next()
		require.True(t, ok)
		if name == "state" {
			lost = data.Dropped
		}
	}
	sends.Wait()
	assert.LessOrEqual(t, lost, ins.Dropped())
}

func TestAWatcherWhoLeavesIsForgotten(t *testing.T) {
	t.Parallel()
	ins, db, url := setUp(t)
	signals.For[Lamp](db).PostSave.Connect(nothing[signals.SaveEvent[*Lamp]])
	s := watch(t, url)
	require.Equal(t, 1, ins.Watching())
	s.close()
	require.Eventually(t, func() bool { return ins.Watching() == 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, db.Create(&Lamp{}).Error)
}

func TestThereIsALimitOfStreams(t *testing.T) {
	t.Parallel()
	_, _, url := setUp(t)
	for range inspector.MaxWatchers {
		watch(t, url)
	}
	answer, _ := request(t, http.MethodGet, url+"events")
	assert.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
}

func TestStopLetsAServerShutDown(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	db := open(t, ins)
	server := httptest.NewServer(ins.Handler(db))
	t.Cleanup(server.Close)
	server.Config.RegisterOnShutdown(ins.Stop)
	s := watch(t, server.URL+"/")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, server.Config.Shutdown(ctx))
	_, _, more := s.next()
	assert.False(t, more)
	assert.Zero(t, ins.Watching())
}

func TestAStreamOutlivesTheServersTimeout(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	db := open(t, ins)
	signal := signals.New[int]("counted")
	inspector.Watch(ins, signal)
	server := httptest.NewUnstartedServer(ins.Handler(db))
	server.Config.WriteTimeout = 50 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(ins.Stop)
	s := watch(t, server.URL+"/")
	for started := time.Now(); time.Since(started) < 200*time.Millisecond; {
		require.NoError(t, signal.Send(t.Context(), 1))
		s.steps(1)
	}
}

func TestAHandlerThatCannotStreamSaysSo(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	db := open(t, ins)
	handler := ins.Handler(db)
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	}))
	answer, body := request(t, http.MethodGet, url+"/events")
	assert.Equal(t, http.StatusInternalServerError, answer.StatusCode)
	assert.Contains(t, body, "cannot be streamed")
	assert.Zero(t, ins.Watching())
}

func TestManyWritersAndReaders(t *testing.T) {
	t.Parallel()
	ins, db, url := setUp(t, inspector.Values(true), inspector.History(50))
	lamps := signals.For[Lamp](db)
	lamps.PreSave.Connect(nothing[signals.SaveEvent[*Lamp]])
	lamps.PostSave.Connect(nothing[signals.SaveEvent[*Lamp]], signals.AfterCommit())
	signal := signals.New[Lamp]("lamp_viewed")
	signal.Connect(nothing[Lamp])
	inspector.Watch(ins, signal)
	s := watch(t, url)
	var all sync.WaitGroup
	const writers, writes = 8, 25
	for w := range writers {
		all.Go(func() {
			for n := range writes {
				lamp := Lamp{Name: "L" + strconv.Itoa(w), Price: n}
				assert.NoError(t, db.Create(&lamp).Error)
				assert.NoError(t, signal.Send(t.Context(), lamp))
				signal.SendConcurrent(t.Context(), lamp)
				disconnect := lamps.PostDelete.Connect(nothing[signals.DeleteEvent[*Lamp]])
				disconnect()
			}
		})
	}
	all.Go(func() {
		for range 20 {
			assert.NotEmpty(t, get(t, url))
		}
	})
	for range 100 {
		_, _, ok := s.next()
		require.True(t, ok)
	}
	all.Wait()
	text := explain(t, ins, db)
	assert.Regexp(t, `(?m)^  pre_save +Lamp +send +200 +200 +0 `, text)
	assert.Regexp(t, `(?m)^  post_save +Lamp +after_commit +200 +200 +0 `, text)
	assert.Regexp(t, `(?m)^  lamp_viewed +- +send +400 +400 +0 `, text)
	assert.Contains(t, text, "so far 200 committed, 0 rolled back")
	steps, _, waiting := ins.Kept()
	assert.Equal(t, 50, steps)
	assert.Zero(t, waiting)
	assert.Zero(t, ins.Faults())
}
