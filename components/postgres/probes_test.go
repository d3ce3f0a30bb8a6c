package postgres

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A shard that has as many connections as it may is not what a restart would mend, and its
// pools need the Service. Its refusal, SQLSTATE 53300, is an answer to pg_isready; "not now",
// 57P03, is one of status 1.
func TestAFullShardIsReady(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	s.start()
	var full error
	for full == nil {
		conn, err := s.connect("postgres", "admin-1")
		if full = err; err == nil {
			t.Cleanup(func() { _ = conn.Close(context.Background()) })
		}
	}
	require.ErrorContains(t, full, "53300")
	asked := strings.ReplaceAll(isReady, fmt.Sprintf("--port=%d", Port), fmt.Sprintf("--port=%d", s.port))
	probes := map[string]string{"ready": asked, "alive": asked + "; test $? -le 1"}
	for name, probe := range probes {
		output, err := s.command("sh", "-c", probe).CombinedOutput()
		require.NoError(t, err, "%s: %s", name, output)
	}

	// A server that stands still accepts connections in the kernel.
	require.NoError(t, s.server.Process.Signal(syscall.SIGSTOP))
	defer s.server.Process.Signal(syscall.SIGCONT)
	for name, probe := range probes {
		var exit *exec.ExitError
		began := time.Now()
		require.ErrorAs(t, s.command("sh", "-c", probe).Run(), &exit, name)
		require.Less(t, time.Since(began), 5*time.Second, "within the probe's time")
	}
}
