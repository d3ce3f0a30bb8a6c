package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/api"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/ops"
	"github.com/stretchr/testify/require"
)

// aloneVariable makes the tests' program a server, whose memory is its own.
const aloneVariable = "SCALESTACK_TEST_SERVE_ALONE"

// serveAlone serves until its input ends, and says where.
func serveAlone() {
	log := slog.New(slog.DiscardHandler)
	handler := api.New(slow{}, api.Options{Timeout: time.Minute, MaxRequests: 100, Metrics: prometheus.NewRegistry(), Log: log, Access: api.Access{Public: true}})
	probes, err := ops.Start(context.Background(), "127.0.0.1:0", prometheus.NewRegistry(), log)
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop() }()
	fmt.Println(listener.Addr())
	_ = newServer(handler, probes, &settings.Serve{RequestTimeout: time.Minute, MaxConnections: 2000, ShutdownGrace: time.Second}, log).run(ctx, listener)
}

// TestACrowdOfIdleConnections has 8,000 clients that ask once and stay, as a proxy
// without a limit does. The process stays within the 128 MiB of its container, and
// answers those whom it let in.
func TestACrowdOfIdleConnections(t *testing.T) {
	const crowd, limit = 8_000, 128 << 10
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), aloneVariable+"=1", "GOMEMLIMIT=100MiB")
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = input.Close(); _ = cmd.Wait() }()
	address, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	address = strings.TrimSpace(address)

	let, turnedAway := []net.Conn{}, 0
	for range crowd {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		if ask(conn) == http.StatusOK {
			let = append(let, conn)
		} else {
			turnedAway++
		}
	}
	for _, conn := range let[:100] {
		require.Equal(t, http.StatusOK, ask(conn), "those inside are served")
	}
	peak := kilobytes(t, cmd.Process.Pid, "VmHWM:")
	t.Logf("%d connections inside, %d turned away, %d KiB at most", len(let), turnedAway, peak)
	require.GreaterOrEqual(t, len(let), 2000)
	require.Less(t, peak, limit)
}

// ask returns the status, 0 where the connection was closed instead.
func ask(conn net.Conn) int {
	if _, err := io.WriteString(conn, "GET "+anAsset+" HTTP/1.1\r\nHost: users\r\n\r\n"); err != nil {
		return 0
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func kilobytes(t *testing.T, pid int, field string) int {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(content), field)
	require.True(t, found, field)
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return n
}
