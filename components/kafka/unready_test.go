package kafka

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

func TestTheReasonIsNamedByCommands(t *testing.T) {
	said := whereTheReasonIs("kafka", resource.NewPropertyMapFromMap(map[string]any{
		"kind": "KafkaTopic", "metadata": map[string]any{"name": "orders", "namespace": "shop"},
	}))
	require.Contains(t, said, "kubectl -n shop get KafkaTopic orders -o jsonpath='{range .status.conditions[*]}")
	require.Contains(t, said, "kubectl -n shop logs deployment/kafka-entity-operator")
}

func TestEveryAwaitedObjectExplainsItself(t *testing.T) {
	for kind, name := range map[string]string{"Kafka": "kafka", "KafkaTopic": "user-events", "KafkaUser": "relay"} {
		require.NotEmpty(t, run(t, production()).Get(t, kind, name).RegisterRPC.GetHooks().GetOnError(), kind)
	}
}
