// Package redistest runs a real Redis for tests. They run if SCALESTACK_TEST_REDIS
// names redis-server; otherwise the test is skipped and says so.
package redistest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// Variable names the program of the server.
const Variable = "SCALESTACK_TEST_REDIS"

const password = "redis-secret"

// Start runs a new server without a disk, as the stack's is, until the test ends.
func Start(t *testing.T) settings.Redis {
	t.Helper()
	return start(t, "--port")
}

// StartTLS runs one that refuses clear text and shows the certificate. The authority is
// what the settings trust, in a file of the test's own.
func StartTLS(t *testing.T, shown certtest.Pair, authority []byte) settings.Redis {
	t.Helper()
	folder := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	s := start(t, "--port", "0", "--tls-auth-clients", "no", "--tls-cert-file", file("tls.crt", shown.Certificate),
		"--tls-key-file", file("tls.key", shown.Key), "--tls-port")
	s.CA = file("ca.crt", authority)
	return s
}

// start gives the server a free port behind the last of the options.
func start(t *testing.T, options ...string) settings.Redis {
	t.Helper()
	program := os.Getenv(Variable)
	if program == "" {
		t.Skipf("needs a real Redis: set %s to redis-server", Variable)
	}
	_, port, err := net.SplitHostPort(freeAddress(t))
	require.NoError(t, err)
	folder := t.TempDir()
	s := settings.Redis{Address: net.JoinHostPort("127.0.0.1", port), Credentials: filepath.Join(folder, "credentials")}
	pgtest.SetCredentials(t, s.Credentials, "default", password)

	args := append([]string{"--bind", "127.0.0.1", "--dir", folder, "--save", "", "--requirepass", password}, options...)
	cmd := exec.Command(program, append(args, port)...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	require.Eventually(t, func() bool { return listens(s.Address) }, 10*time.Second, 20*time.Millisecond, "the server does not start")
	return s
}

// Client connects as an administrator.
func Client(t *testing.T, s settings.Redis) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Address, Password: password})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	return err == nil && conn.Close() == nil
}

func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
