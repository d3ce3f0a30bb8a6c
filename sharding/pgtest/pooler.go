package pgtest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// PoolerVariable names PgBouncer's program.
	PoolerVariable = "SCALESTACK_TEST_PGBOUNCER"
	// ThroughVariable may be "pooler": then the pools of all routers in tests that use
	// role app connect through a PgBouncer.
	ThroughVariable = "SCALESTACK_TEST_THROUGH"
)

// StartPooler runs a PgBouncer in transaction mode in front of shards until the test
// ends, configured as in docs/scale.md. Role app gets at most size connections to each
// shard, and a client waits at most wait for one, in whole seconds. It returns the
// address and the process id. Without a PgBouncer the test is skipped.
func StartPooler(t *testing.T, s *Shards, size int, wait time.Duration) (address string, pid int) {
	t.Helper()
	program := os.Getenv(PoolerVariable)
	if program == "" {
		t.Skipf("needs a real PgBouncer: set %s to its program", PoolerVariable)
	}
	home := &Server{t: t}
	home.makeFolder()
	port := freePort(t)
	config := filepath.Join(home.folder, "pgbouncer.ini")
	users := filepath.Join(home.folder, "userlist.txt")
	require.NoError(t, os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", "app", AppPassword), 0o644))
	require.NoError(t, os.WriteFile(config, []byte(poolerConfig(s, port, size, wait, users)), 0o644))
	log, err := os.Create(filepath.Join(home.folder, "log"))
	require.NoError(t, err)
	defer log.Close()
	cmd := home.command(program, config)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	address = fmt.Sprintf("127.0.0.1:%d", port)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		return err == nil && conn.Close() == nil
	}, 30*time.Second, 20*time.Millisecond, "PgBouncer does not start")
	return address, cmd.Process.Pid
}

func poolerConfig(s *Shards, port, size int, wait time.Duration, users string) string {
	var text strings.Builder
	text.WriteString("[databases]\n")
	for _, shard := range s.Map.Shards {
		// Also for pgtest's routers a statement has its time, which the client cannot set.
		fmt.Fprintf(&text, "%s = host=%s port=%d connect_query='SET statement_timeout = 1000'\n", shard.Database, shard.Host, shard.Port)
	}
	fmt.Fprintf(&text, `[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
pool_mode = transaction
default_pool_size = %d
max_client_conn = 4000
query_wait_timeout = %d
server_login_retry = 1
log_connections = 0
log_disconnections = 0
`, port, users, size, int(wait.Seconds()))
	return text.String()
}
