package kafkaexporter

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startTimeout is long beside the seconds that a Java process needs on an idle machine.
const startTimeout = 5 * time.Minute

// realCluster is Kafka's own broker with the topics of newCluster.
func realCluster(t *testing.T) *cluster {
	t.Helper()
	program := os.Getenv("SCALESTACK_TEST_KAFKA")
	if program == "" {
		t.Skip("SCALESTACK_TEST_KAFKA names no Kafka; tests/with-servers.sh sets it")
	}
	folder, clients, control := t.TempDir(), freeAddress(t), freeAddress(t)
	config := filepath.Join(folder, "server.properties")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `process.roles=broker,controller
node.id=0
controller.quorum.voters=0@%[2]s
listeners=CLIENTS://%[1]s,CONTROLLER://%[2]s
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
log.dirs=%[3]s/data
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
`, clients, control, folder), 0o600))
	output, err := exec.Command(program, "kafka.tools.StorageTool", "format", "--cluster-id", "c2NhbGVzdGFjay10ZXN0cw", "--config", config).CombinedOutput()
	require.NoError(t, err, string(output))
	broker := exec.Command(program, "kafka.Kafka", config)
	require.NoError(t, broker.Start())
	t.Cleanup(func() { _, _ = broker.Process.Kill(), broker.Wait() })

	c := clusterAt(t, []string{clients})
	for topic, partitions := range map[string]int32{"a": 2, "b": 1} {
		require.Eventually(t, func() bool {
			made, err := c.admin.CreateTopics(t.Context(), partitions, 1, nil, topic)
			return err == nil && made.Error() == nil
		}, startTimeout, 50*time.Millisecond, "the broker does not start")
	}
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// The same of Kafka's own broker, which has a topic of its own for the offsets.
func TestRealKafka(t *testing.T) {
	c := realCluster(t)
	everything := filter(t, ".*", "^$")
	e := c.exporter(everything, everything)
	require.Empty(t, c.series(e, "kafka_consumergroup"), "no group yet")
	behind(c)
	requireBehind(c, e)
	require.Equal(t, []string{
		`kafka_topic_partitions{topic="__consumer_offsets"} 1`, `kafka_topic_partitions{topic="a"} 2`, `kafka_topic_partitions{topic="b"} 1`,
	}, c.series(e, "kafka_topic_partitions"))
	require.Equal(t, []string{
		`kafka_topic_partition_current_offset{partition="0",topic="__consumer_offsets"} 1`,
		`kafka_topic_partition_current_offset{partition="0",topic="a"} 5`,
		`kafka_topic_partition_current_offset{partition="0",topic="b"} 2`,
		`kafka_topic_partition_current_offset{partition="1",topic="a"} 3`,
	}, c.series(e, "kafka_topic_partition_current_offset"))
	others := c.exporter(filter(t, "^b$", "^$"), filter(t, ".*", "^mail$"))
	require.Empty(t, c.series(others, "kafka_consumergroup"))
	require.Equal(t, []string{`kafka_topic_partitions{topic="b"} 1`}, c.series(others, "kafka_topic_partitions"))
}
