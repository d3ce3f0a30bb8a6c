package bench_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/kafkatest"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// partitions is what the stack gives user_events in its smallest environment.
const partitions = 3

// startWorkers runs the relay and every consumer, each a process as in its pod,
// until the test ends.
func (l *lab) startWorkers(p *provider) {
	l.t.Helper()
	kafka := kafkatest.Start(l.t, partitions, "user_events", "product_events", "email_dlq", "analytics_dlq", "invalidate_dlq")
	program := build(l.t)
	for _, command := range []string{"relay", "email", "analytics", "invalidate"} {
		l.startWorker(program, command, l.environment(kafka, p))
	}
}

// build compiles the service as it is now.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "users")
	output, err := exec.Command("go", "build", "-o", program, "../../cmd/users").CombinedOutput()
	require.NoError(t, err, string(output))
	return program
}

// startWorker shows the worker's log if anything goes wrong.
func (l *lab) startWorker(program, command string, environment []string) {
	l.t.Helper()
	log, err := os.Create(filepath.Join(l.t.TempDir(), command+".log"))
	require.NoError(l.t, err)
	cmd := exec.Command(program, command)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), environment...), log, log
	require.NoError(l.t, cmd.Start())
	l.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || l.t.Failed() {
			content, _ := os.ReadFile(log.Name())
			l.t.Errorf("%s: %v\n%s", command, err, content)
		}
		_ = log.Close()
	})
}

func (l *lab) environment(kafka settings.Kafka, p *provider) []string {
	// One environment for all programs.
	shards := l.As("app", pgtest.AppPassword)
	return []string{
		"SCALESTACK_METRICS_LISTEN=127.0.0.1:0",
		"SCALESTACK_LOG_LEVEL=warn",
		"SCALESTACK_SHARD_MAP=" + shards.MapFile,
		"SCALESTACK_SHARD_CREDENTIALS=" + shards.Credentials,
		"SCALESTACK_REDIS_ADDRESS=" + l.redis.Address,
		"SCALESTACK_REDIS_CREDENTIALS=" + l.redis.Credentials,
		"SCALESTACK_KAFKA_BOOTSTRAP=" + strings.Join(kafka.Bootstrap, ","),
		"SCALESTACK_KAFKA_CA=" + kafka.CA,
		"SCALESTACK_KAFKA_USER=" + kafka.User,
		"SCALESTACK_KAFKA_CREDENTIALS=" + kafka.Credentials,
		"SCALESTACK_SMTP_ADDRESS=" + p.address,
		"SCALESTACK_SMTP_TLS=none",
	}
}
