package images

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A volume that outlived its cluster keeps a node of the next one from starting, with Kafka's own tool.
func TestNodeRefusesAnotherClustersVolume(t *testing.T) {
	kafka := os.Getenv("SCALESTACK_TEST_KAFKA")
	if kafka == "" {
		t.Skip("SCALESTACK_TEST_KAFKA names no Kafka; tests/with-servers.sh sets it")
	}
	t.Setenv("REAL_KAFKA", kafka)
	n := newNode(t, `while [[ $1 != kafka.* ]]; do shift; done
[ "$1" = kafka.Kafka ] && { echo started; exit; }
exec "$REAL_KAFKA" "$@"`)
	for range 2 {
		out, err := n.start()
		require.NoError(t, err, out)
		require.Contains(t, out, "started")
	}
	n.write("custom-config/cluster.id", "AAAAAAAAAAAAAAAAAAAAAA")
	out, err := n.start()
	require.Error(t, err)
	require.Contains(t, out, "Invalid cluster.id")
	require.NotContains(t, out, "started")
}
