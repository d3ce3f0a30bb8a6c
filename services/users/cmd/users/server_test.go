package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/api"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/ops"
	"github.com/stretchr/testify/require"
)

// slow holds up every read until it is released.
type slow struct {
	began    chan struct{}
	released chan struct{}
	users.Products
}

func (s slow) Get(context.Context, int64) (users.Answer, error) {
	s.began <- struct{}{}
	<-s.released
	return users.Answer{User: &users.User{ID: 7}}, nil
}

func (slow) Put(context.Context, int64, users.Profile) (*users.User, string, error) {
	return nil, "", nil
}

func (slow) Update(context.Context, int64, users.Profile) (*users.User, string, error) {
	return nil, "", nil
}

func (slow) Create(context.Context, users.Profile, string) (*users.User, string, error) {
	return nil, "", nil
}

func (slow) Delete(context.Context, int64) (bool, string, error) { return false, "", nil }

// startServer serves users at url, and probes and metrics at another address.
func startServer(t *testing.T, delay, grace time.Duration) (at addresses, service slow, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	service = slow{began: make(chan struct{}, 1), released: make(chan struct{})}
	log := slog.New(slog.DiscardHandler)
	registry := ops.NewRegistry()
	handler := api.New(service, api.Options{Timeout: time.Minute, MaxRequests: 100, Metrics: registry, Log: log, Access: api.Access{Public: true}})
	probes, err := ops.Start(t.Context(), "127.0.0.1:0", registry, log)
	require.NoError(t, err)
	probes.Ready(true)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	server := newServer(handler, probes, &settings.Serve{RequestTimeout: time.Minute, MaxConnections: 1000, ShutdownDelay: delay, ShutdownGrace: grace}, log)
	go func() { done <- server.run(ctx, listener) }()
	return addresses{url: "http://" + listener.Addr().String(), probes: "http://" + probes.Address()}, service, stop, done
}

// addresses are those of one server.
type addresses struct{ url, probes string }

// anAsset is a path that takes no slot and no backend.
const anAsset = "/static/app.css"

func status(url string) int {
	response, err := http.Get(url)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func TestDrainServesUntilTheEnd(t *testing.T) {
	at, service, stop, ended := startServer(t, time.Second, time.Minute)
	require.Equal(t, http.StatusOK, status(at.probes+"/readyz"))
	running := make(chan int, 1)
	go func() { running <- status(at.url + "/users/7") }()
	<-service.began

	stop()
	require.Eventually(t, func() bool { return status(at.probes+"/readyz") == http.StatusServiceUnavailable }, 5*time.Second, time.Millisecond)
	require.Equal(t, http.StatusOK, status(at.url+anAsset), "new connections are taken during the delay")
	require.Eventually(t, func() bool { return status(at.url+anAsset) == 0 }, 5*time.Second, 10*time.Millisecond)
	require.Equal(t, http.StatusOK, status(at.probes+"/healthz"), "the kubelet is answered until the end")
	close(service.released)
	require.Equal(t, http.StatusOK, <-running)
	require.NoError(t, <-ended)
}

// TestDrainCutsNoKeepAliveRequest sends requests over connections that are kept
// alive, with pauses in which they are idle, right through the drain. A connection
// that is closed under a request is an EOF or a reset at the client.
func TestDrainCutsNoKeepAliveRequest(t *testing.T) {
	at, _, stop, ended := startServer(t, 3*time.Second, time.Minute)
	address := strings.TrimPrefix(at.url, "http://")
	const clients = 100
	var all sync.WaitGroup
	var answered, cut atomic.Int64
	var known atomic.Bool
	for n := range clients {
		all.Go(func() {
			// A load balancer learns late that the pod is not ready.
			for !known.Load() {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					cut.Add(1)
					return
				}
				reader := bufio.NewReader(conn)
				for open := true; open; {
					time.Sleep(time.Duration(n) * time.Millisecond)
					_, _ = io.WriteString(conn, "GET "+anAsset+" HTTP/1.1\r\nHost: users\r\n\r\n")
					response, err := http.ReadResponse(reader, nil)
					if err != nil {
						cut.Add(1)
						break
					}
					_, _ = io.Copy(io.Discard, response.Body)
					answered.Add(1)
					open = !response.Close
				}
				_ = conn.Close()
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	stop()
	time.AfterFunc(900*time.Millisecond, func() { known.Store(true) })
	all.Wait()
	require.NoError(t, <-ended)
	require.Zero(t, cut.Load(), "of %d requests", answered.Load())
	require.Greater(t, answered.Load(), int64(clients))
}

// What a program tells of itself is not for those who use it: whoever reaches the
// users reaches neither metrics nor probes.
func TestMetricsAndProbesAreOnAPortOfTheirOwn(t *testing.T) {
	at, _, stop, ended := startServer(t, 0, time.Minute)
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		require.Equal(t, http.StatusOK, status(at.probes+path), path)
		require.Equal(t, http.StatusNotFound, status(at.url+path), path)
	}
	require.Equal(t, http.StatusNotFound, status(at.probes+anAsset))
	stop()
	require.NoError(t, <-ended)
}

func TestConnectionsBeyondTheLimit(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	few := &limited{Listener: listener, max: 2}
	server := &http.Server{ConnContext: markBeyond, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { _ = server.Serve(few) }()
	defer server.Close()
	var idle []net.Conn
	for range 2 + reserved {
		conn, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		idle = append(idle, conn)
	}
	require.Eventually(t, func() bool { return few.open.Load() == 2+reserved }, 5*time.Second, time.Millisecond)
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, "1", response.Header.Get("Retry-After"))
	for _, conn := range idle {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return few.open.Load() == 0 }, 5*time.Second, time.Millisecond, "each place is free again")
	require.Equal(t, http.StatusOK, status("http://"+listener.Addr().String()))
}

func TestDrainEndsAfterTheGrace(t *testing.T) {
	at, service, stop, ended := startServer(t, 0, 50*time.Millisecond)
	go status(at.url + "/users/7")
	<-service.began
	defer close(service.released)
	stop()
	require.ErrorContains(t, <-ended, "requests still ran after 50ms: context deadline exceeded")
}

func TestWrongSettings(t *testing.T) {
	t.Setenv("SCALESTACK_DB_POOL", "0")
	t.Setenv("SCALESTACK_CACHE_TTL", "1ms")
	root := command()
	root.SetArgs([]string{"serve"})
	require.EqualError(t, root.ExecuteContext(t.Context()), "settings: SCALESTACK_DB_POOL: 0 is not between 1 and 1000\n"+
		"SCALESTACK_CACHE_TTL: 1ms is not between 1s and 24h")
}
