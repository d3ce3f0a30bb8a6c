// Package kafkatest runs a real Kafka for tests: one KRaft node with one user, over
// SCRAM and TLS as in the stack. Tests run if SCALESTACK_TEST_KAFKA names a program
// that is java with Kafka's classes; otherwise the test is skipped and says so.
package kafkatest

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Variable names the program.
const Variable = "SCALESTACK_TEST_KAFKA"

const (
	user     = "test"
	password = "kafka-secret"

	// cluster is any id in the form that Kafka wants: 16 bytes in base64.
	cluster = "c2NhbGVzdGFjay10ZXN0cw"

	// startTimeout is long beside the seconds that a Java process needs on an idle machine.
	startTimeout = 5 * time.Minute
)

// Start runs a new broker until the test ends, with topics of so many partitions.
func Start(t *testing.T, partitions int32, topics ...string) settings.Kafka {
	t.Helper()
	program := os.Getenv(Variable)
	if program == "" {
		t.Skipf("needs a real Kafka: set %s to java with Kafka's classes", Variable)
	}
	folder, addresses := t.TempDir(), freeAddresses(t, 3)
	s := settings.Kafka{Bootstrap: addresses[:1], CA: filepath.Join(folder, "node.crt"), User: user, Credentials: folder}
	makeCertificate(t, folder)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "password"), []byte(password), 0o600))
	config := filepath.Join(folder, "server.properties")
	require.NoError(t, os.WriteFile(config, []byte(properties(addresses, folder)), 0o600))
	output, err := exec.Command(program, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", config,
		"--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", user, password)).CombinedOutput()
	require.NoError(t, err, string(output))

	cmd := exec.Command(program, "kafka.Kafka", config)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	makeTopics(t, s, partitions, topics)
	return s
}

// makeTopics waits for the broker: it retries until it has made them.
func makeTopics(t *testing.T, s settings.Kafka, partitions int32, topics []string) {
	t.Helper()
	client, err := kgo.NewClient(kafkaclient.Options(s, "test", slog.New(slog.DiscardHandler))...)
	require.NoError(t, err)
	defer client.Close()
	require.Eventually(t, func() bool {
		made, err := kadm.NewClient(client).CreateTopics(t.Context(), partitions, 1, nil, topics...)
		return err == nil && made.Error() == nil
	}, startTimeout, 50*time.Millisecond, "the broker does not start")
}

// properties is a broker that is its own controller, speaks to itself in plain
// text, and keeps one copy of everything. A group's first member need not wait
// for others, and old records go soon.
func properties(addresses []string, folder string) string {
	return fmt.Sprintf(`process.roles=broker,controller
node.id=0
controller.quorum.voters=0@%[2]s
listeners=CLIENTS://%[1]s,CONTROLLER://%[2]s,INTERNAL://%[3]s
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
listener.name.clients.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.clients.ssl.keystore.type=PEM
listener.name.clients.ssl.keystore.location=%[4]s/node.pem
log.dirs=%[4]s/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000
file.delete.delay.ms=1000
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
`, addresses[0], addresses[1], addresses[2], folder)
}

// freeAddresses holds all of them until the last is found, so that they differ.
func freeAddresses(t *testing.T, n int) []string {
	addresses := make([]string, n)
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		addresses[i] = listener.Addr().String()
	}
	return addresses
}
