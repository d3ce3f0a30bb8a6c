package tests

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ofGeneration are the kinds whose status says which generation of the object it is about,
// in itself or in each condition. The provider compares that with the object's. Of any other
// kind it takes the condition of before an update for that of the update, and waits for
// nothing.
var ofGeneration = map[string]bool{
	"cert-manager.io/v1:Certificate":         true,
	"kafka.strimzi.io/v1beta2:Kafka":         true,
	"kafka.strimzi.io/v1beta2:KafkaNodePool": true,
	"kafka.strimzi.io/v1beta2:KafkaTopic":    true,
	"kafka.strimzi.io/v1beta2:KafkaUser":     true,
}

func TestAConditionIsAwaitedOnlyWhereItIsOfAGeneration(t *testing.T) {
	awaited := 0
	for _, env := range environments {
		for _, node := range deployed(t, env).nodes {
			on := at(t, node, `metadata.annotations["pulumi.com/waitFor"]`)
			if !strings.HasPrefix(on, "condition=") {
				continue
			}
			awaited++
			require.True(t, ofGeneration[strings.TrimPrefix(node.TypeToken, "kubernetes:")], "%s waits for %s: the status of this kind is of no generation", id(node), on)
		}
	}
	require.Positive(t, awaited)
}
