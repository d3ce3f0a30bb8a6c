package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

func TestKafkaKept(t *testing.T) {
	kafka := rule.Resource{Type: "kubernetes:kafka.strimzi.io/v1beta2:Kafka", Name: "kafka", Properties: map[string]any{
		"metadata": map[string]any{"name": "kafka", "annotations": map[string]any{
			"scalestack/pools": "brokers,controllers", "scalestack/topics": "user_events",
		}},
	}}
	for name, tc := range map[string]struct {
		config map[string]any
		found  []string
	}{
		"nothing is known":   {nil, nil},
		"all are kept":       {map[string]any{"pools": []any{"controllers", "brokers"}, "topics": []any{"user_events"}}, nil},
		"a pool was renamed": {map[string]any{"pools": []any{"controllers", "nodes"}}, []string{`"brokers,controllers" without nodes`}},
		"a topic leaves":     {map[string]any{"topics": []any{"user_events", "orders"}}, []string{`"user_events" without orders`}},
		"it was released":    {map[string]any{"topics": []any{"orders"}, "released": []any{"orders"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var found []string
			for _, violation := range list(kafkaKept.Violations("dev", tc.config, rule.Graph{kafka})) {
				found = append(found, violation.Found)
			}
			require.Equal(t, tc.found, found)
		})
	}
	kafka.Properties = map[string]any{"metadata": rule.Unknown{}}
	require.Empty(t, list(kafkaKept.Violations("dev", map[string]any{"pools": []any{"a"}}, rule.Graph{kafka})), "a preview may not know")
}

func list(found []rule.Violation, _ ...error) []rule.Violation { return found }
