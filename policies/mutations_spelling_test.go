package main

import (
	"testing"

	"github.com/scalestack/scalestack/policies/rule"
)

// plainGRPC attaches a route of another kind to the listener without TLS.
func plainGRPC(_ *testing.T, g rule.Graph) rule.Graph {
	return append(g, rule.Resource{
		Type: "kubernetes:" + gatewayAPI + "/v1:GRPCRoute", Name: "grpc", URN: "urn:grpc", Properties: map[string]any{
			"metadata": map[string]any{"name": "grpc", "namespace": "scalestack", "labels": map[string]any{
				"app.kubernetes.io/name": "grpc", "app.kubernetes.io/instance": "grpc",
				"app.kubernetes.io/part-of": "scalestack", "app.kubernetes.io/managed-by": "pulumi",
			}},
			"spec": map[string]any{
				"parentRefs": []any{map[string]any{"name": "gateway", "sectionName": "http"}},
				"hostnames":  []any{"www.example.com"},
				"rules":      []any{map[string]any{"backendRefs": []any{map[string]any{"name": "app", "port": 80.0}}}},
			},
		},
	})
}

// spellingMutations break what other mutations do, in a spelling that the API server takes for the same.
var spellingMutations = map[string]mutation{
	// A policy without policyTypes governs Ingress, and Egress where it has rules for it.
	"open without types": {policy: "network-covered", says: "NetworkPolicy scalestack/spare: spec.ingress[0] is {}", edits: edits(
		twin("NetworkPolicy redis", "spare"), unset("NetworkPolicy spare", "spec.policyTypes"), unset("NetworkPolicy spare", "spec.egress"),
		set("NetworkPolicy spare", "spec.ingress", []any{map[string]any{}}))},
	"open outwards without types": {policy: "network-covered", says: "NetworkPolicy scalestack/spare: spec.egress[0] is {}", edits: edits(
		twin("NetworkPolicy redis", "spare"), unset("NetworkPolicy spare", "spec.policyTypes"), unset("NetworkPolicy spare", "spec.ingress"),
		set("NetworkPolicy spare", "spec.egress", []any{map[string]any{}}))},
	"whole namespace open without types": {policy: "network-default-deny", says: "NetworkPolicy scalestack/spare: spec.ingress[0] is", edits: edits(
		twin("NetworkPolicy default-deny", "spare"), unset("NetworkPolicy spare", "spec.policyTypes"),
		set("NetworkPolicy spare", "spec.ingress", []any{map[string]any{"from": []any{map[string]any{"namespaceSelector": map[string]any{}}}}}))},
	"rights for every pod by user name": {policy: "rbac-bindings", says: `is "system:serviceaccount:scalestack:default"`, edits: edits(
		declareAs(rbacAPI+"RoleBinding", binding("view", "User", "system:serviceaccount:scalestack:default")))},
	"workloads changed": {policy: "rbac-rights", says: "is patch of deployments", edits: edits(
		declareAs(rbacAPI+"Role", rights("resources", "deployments", "verbs", "patch")))},
	"plain gRPC": {policy: "gateway-closed", says: `listeners[1].protocol is "HTTP"`, edits: edits(atGateway(), plainGRPC)},
	"workloads of others": {policy: "rbac-rights", says: "is update of rollouts", edits: edits(
		declareAs(rbacAPI+"Role", rights("resources", "rollouts", "verbs", "update")))},
	"restricted as of long ago": {policy: "namespace-restricted", says: "enforce-version", edits: edits(
		set("Namespace scalestack", `metadata.labels["pod-security.kubernetes.io/enforce-version"]`, "v1.18"))},
	"brokers on every node": {policy: "service-exposure", says: "nodeport", edits: edits(
		set("Kafka kafka", "spec.kafka.listeners[0].type", "nodeport"))},
}
