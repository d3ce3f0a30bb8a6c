//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A pool with another name is another pool: its brokers would go, and Kafka stay Ready.
// The refusal comes before the new pool, which would have changed the quorum.
func TestARenamedPoolIsRefused(t *testing.T) {
	namespace := outputs(t).Namespace
	file := changedConfig(t, "kafka", map[string]any{"pools": []map[string]any{{
		"name": "nodes", "roles": []string{"controller", "broker"}, "replicas": 1, "storage": map[string]any{"size": "5Gi"},
	}}})
	pools := func() string {
		return kubectl(t, "get", "kafkanodepools,pods", "-l", "strimzi.io/cluster=kafka", "-n", namespace,
			"-o", "custom-columns=NAME:.metadata.name,UID:.metadata.uid")
	}
	before := pools()
	for _, command := range [][]string{{"preview"}, {"up", "--yes", "--skip-preview"}} {
		text, err := try(t, "pulumi", append(command, "--stack", "dev", "--non-interactive", "--config-file", file)...)
		require.Error(t, err, text)
		require.Contains(t, text, "pools[dual]: Forbidden: must not leave with its data")
	}
	require.Equal(t, before, pools())
}

// stopEntityOperator takes the operators of topics and users away, and returns what lets
// the cluster operator bring them back.
func stopEntityOperator(t *testing.T, namespace string) (restart func()) {
	t.Helper()
	const pause = "strimzi.io/pause-reconciliation"
	kubectl(t, "annotate", "kafka/kafka", "-n", namespace, pause+"=true")
	kubectl(t, "wait", "kafka/kafka", "-n", namespace, "--for=condition=ReconciliationPaused", "--timeout=60s")
	kubectl(t, "scale", "deployment/kafka-entity-operator", "-n", namespace, "--replicas=0")
	eventually(t, time.Minute, "the entity operator is gone", func() error {
		left := kubectl(t, "get", "pods", "-n", namespace, "-l", "strimzi.io/name=kafka-entity-operator", "-o", "name")
		if left = strings.TrimSpace(left); left != "" {
			return fmt.Errorf("left: %s", left)
		}
		return nil
	})
	return func() { kubectl(t, "annotate", "kafka/kafka", "-n", namespace, pause+"-") }
}
