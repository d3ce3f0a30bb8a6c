package redis

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/certtest"
)

// runCheck asks as the kubelet does, within the probe's time.
func runCheck(t *testing.T, asks question, network, address string, pid int) error {
	t.Helper()
	server := "-s " + address
	if host, port, err := net.SplitHostPort(address); network == "tcp" {
		require.NoError(t, err)
		server = "-h " + host + " -p " + port
	}
	script := filepath.Join(t.TempDir(), "check.sh")
	require.NoError(t, os.WriteFile(script, []byte(checkScript), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", script, string(asks))
	cmd.Env = []string{"SERVER=" + server, "PID=" + strconv.Itoa(pid), "PATH=" + filepath.Dir(os.Getenv(serverVariable)) + ":" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// requireProbes tells what both probes make of a server.
func requireProbes(t *testing.T, network, address string, isAlive, isReady bool) {
	t.Helper()
	for asks, want := range map[question]bool{alive: isAlive, ready: isReady} {
		err := runCheck(t, asks, network, address, 0)
		require.Equal(t, want, err == nil, "%s: %v", asks, err)
	}
}

// listen answers each line of each client, or with end on its own account and closes.
func listen(t *testing.T, network, answer string, end bool) (address string) {
	t.Helper()
	if os.Getenv(serverVariable) == "" {
		t.Skipf("needs redis-cli: set %s to redis-server", serverVariable)
	}
	address = "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if end {
				_, _ = conn.Write([]byte(answer))
				_ = conn.Close()
				continue
			}
			go func() {
				defer conn.Close()
				asked := make([]byte, 1024)
				for {
					if _, err := conn.Read(asked); err != nil {
						return
					}
					_, _ = conn.Write([]byte(answer))
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func TestWhatTheProbesMakeOfAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		answer        string
		alive, ready  bool
		closesUnasked bool
	}{
		"a pong":               {answer: "+PONG\r\n", alive: true, ready: true},
		"full":                 {answer: "-ERR max number of clients reached\r\n", alive: true, ready: true, closesUnasked: true},
		"full of a cluster":    {answer: "-ERR max number of clients + cluster connections reached\r\n", alive: true, ready: true, closesUnasked: true},
		"loading":              {answer: "-LOADING Redis is loading the dataset in memory\r\n", alive: true},
		"without its master":   {answer: "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n", alive: true},
		"refuses the user":     {answer: "-NOAUTH Authentication required.\r\n", alive: true},
		"refuses the right":    {answer: "-NOPERM User default has no permissions to run the 'ping' command\r\n", alive: true},
		"protected":            {answer: "-DENIED Redis is running in protected mode\r\n", alive: true, closesUnasked: true},
		"another error":        {answer: "-ERR unknown command\r\n", alive: true},
		"busy":                 {answer: "-BUSY Redis is busy running a script.\r\n"},
		"a web server":         {answer: "HTTP/1.1 400 Bad Request\r\n\r\n"},
		"a mail server":        {answer: "220 mail.example.com ESMTP\r\n", closesUnasked: true},
		"another pleasantry":   {answer: "+OK\r\n"},
		"a number":             {answer: ":1\r\n"},
		"an error of one word": {answer: "-WAT\r\n"},
		"nothing":              {answer: ""},
		"closed at once":       {answer: "", closesUnasked: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, network := range []string{"tcp", "unix"} {
				requireProbes(t, network, listen(t, network, c.answer, c.closesUnasked), c.alive, c.ready)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		_ = listen(t, "tcp", "", false)
		requireProbes(t, "tcp", "127.0.0.1:"+freePort(t), false, false)
		requireProbes(t, "unix", filepath.Join(t.TempDir(), "none"), false, false)
	})
}

// testClients are as many as a test's server may have, fewer than their memory would allow.
const testClients = 50

// fill opens connections until the server refuses one, which it says.
func fill(t *testing.T, network, address string) (clients []net.Conn) {
	t.Helper()
	for range 2 * testClients {
		conn, err := net.Dial(network, address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = conn.Write([]byte("PING\r\n"))
		answer := make([]byte, 64)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _ := conn.Read(answer)
		if text := string(answer[:n]); text != "+PONG\r\n" {
			require.Equal(t, "-ERR max number of clients reached\r\n", text)
			return clients
		}
		clients = append(clients, conn)
	}
	require.Fail(t, "the server takes every client")
	return nil
}

// A restart of a full server empties the cache, and its clients come again.
func TestAFullServerIsNotRestarted(t *testing.T) {
	address, process := startProcess(t, "secret")
	fill(t, "tcp", address)
	for range 20 {
		requireProbes(t, "tcp", address, true, true)
	}
	require.NoError(t, process.Process.Signal(syscall.SIGSTOP))
	requireProbes(t, "tcp", address, false, false)
	require.NoError(t, process.Process.Signal(syscall.SIGCONT))
	requireProbes(t, "tcp", address, true, true)
}

// The clients of the socket count like all others, and are refused like all others. Most
// refusals are lost on a client that writes first, see check.sh.
func TestAFullServerIsNotRestartedWithTLS(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	p := startPod(t, k8s.TLSRequire, by.Issue(time.Hour, testName), by.Certificate)
	p.serve()
	p.awaitServed(p.verified(by.Certificate), "")
	at := p.paths.Replace(socket)
	fill(t, "unix", at)
	for range 20 {
		requireProbes(t, "unix", at, true, true)
	}
}

func TestAServerThatRefusesTheProbesIsNotReady(t *testing.T) {
	address, _ := startProcess(t, "secret", "user any reset on nopass ~* +@all\n")
	require.NoError(t, client(t, address, "any", "any").Do(t.Context(), "ACL", "SETUSER", "default", "resetpass", ">other").Err())
	requireProbes(t, "tcp", address, true, false)
}

// Clients that give up make room for the probe, which then ends what held them up.
func TestTheProbeEndsAScriptOnAFullServer(t *testing.T) {
	address, _ := startProcess(t, "secret", "user any reset on nopass ~* +@all\n")
	looping := make(chan error, 1)
	user := redis.NewClient(&redis.Options{Addr: address, Username: "any", Password: "any", ReadTimeout: time.Minute, MaxRetries: -1})
	t.Cleanup(func() { _ = user.Close() })
	require.NoError(t, user.Ping(t.Context()).Err())
	clients := fill(t, "tcp", address)
	go func() { looping <- user.Eval(context.Background(), "while true do end", nil).Err() }()
	time.Sleep(1500 * time.Millisecond) // busy-reply-threshold
	require.NoError(t, runCheck(t, alive, "tcp", address, 0), "full")
	for _, one := range clients {
		_ = one.Close()
	}
	require.Eventually(t, func() bool { return runCheck(t, alive, "tcp", address, 0) == nil && len(looping) == 1 }, 10*time.Second, 100*time.Millisecond)
	require.ErrorContains(t, <-looping, "killed by user")
}

func TestTheProbesAskTheServerOfTheirPod(t *testing.T) {
	require.Equal(t, "SERVER='-h 127.0.0.1 -p 6379' sh /etc/redis/check.sh ready", check(&Args{}, ready))
	require.Equal(t, "SERVER='-s /run/redis/redis.sock' sh /etc/redis/check.sh alive", check(&Args{TLS: &k8s.TLS{}}, alive))
	require.Contains(t, files((*Args)(nil).withDefaults()), "check.sh")
}
