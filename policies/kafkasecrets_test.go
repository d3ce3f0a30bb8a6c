package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

// Two clusters in one namespace can give two users one Secret.
func TestTwoUsersOneSecret(t *testing.T) {
	object := func(kind, name, of string, spec map[string]any) rule.Resource {
		return rule.Resource{Type: "kubernetes:kafka.strimzi.io/v1beta2:" + kind, Name: name, Properties: map[string]any{
			"metadata": map[string]any{"name": name, "namespace": "shop", "labels": map[string]any{clusterLabel: of}}, "spec": spec,
		}}
	}
	prefixed := func(name string, prefix any) rule.Resource {
		return object("Kafka", name, name, map[string]any{
			"entityOperator": map[string]any{"userOperator": map[string]any{"secretPrefix": prefix}},
		})
	}
	graph := rule.Graph{
		prefixed("one", "one-"), prefixed("two", "one-two-"),
		object("KafkaUser", "two-reader", "one", nil), object("KafkaUser", "reader", "two", nil),
	}
	found := list(kafkaSecretUnique.Violations("dev", nil, graph))
	require.Len(t, found, 1)
	require.Equal(t, "its Secret one-two-reader", found[0].At)
	graph[1] = prefixed("two", rule.Unknown{})
	require.Empty(t, list(kafkaSecretUnique.Violations("dev", nil, graph)), "a preview may not know")
}
