package main

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/stack"
)

// recordCaches is an environment with three servers of the cache, on the way from one.
func recordCaches(t *testing.T, env string) rule.Graph {
	t.Helper()
	values := settings(t, env)
	body, keep := stack.Program(localImages, someCluster, func(c *stack.Config) { c.Redis.Nodes, c.Redis.AlsoInvalidate = 3, 1 })
	return recordProgram(t, env, body, func(info *pulumi.RunInfo) { info.Config = values }, keep)
}

func TestSeveralServersOfTheCacheAreSilent(t *testing.T) {
	for _, env := range environments {
		require.Empty(t, messages(violations(env, recordCaches(t, env))), env)
	}
}

// What is wrong with any of them is said.
func TestCacheMutations(t *testing.T) {
	const instance, last = `["app.kubernetes.io/instance"]`, "Deployment redis-2"
	recorded := map[string]rule.Graph{"dev": recordCaches(t, "dev"), "prod": recordCaches(t, "prod")}
	for name, m := range map[string]mutation{
		"a Service for nothing":        {policy: "selector-matches", says: "Service scalestack/redis-1: spec.selector is", edits: edits(set("Service redis-1", "spec.selector"+instance, "redis-9"))},
		"another port":                 {policy: "service-port", says: "targetPort is 6381", edits: edits(set("Service redis-2", "spec.ports[0].targetPort", 6381.0))},
		"egress for all":               {policy: "network-covered", says: "Deployment scalestack/redis-1: its traffic is covered by no NetworkPolicy", edits: edits(set("NetworkPolicy redis-1", "spec.policyTypes", []any{"Ingress"}))},
		"a pod that no policy is for":  {policy: "selector-matches", says: "NetworkPolicy scalestack/app-to-redis-2", edits: edits(set("NetworkPolicy app-to-redis-2", "spec.podSelector.matchLabels"+instance, "redis-9"))},
		"a client that is not there":   {policy: "selector-matches", says: "NetworkPolicy scalestack/app-egress-redis-1", edits: edits(set("NetworkPolicy app-egress-redis-1", "spec.podSelector.matchLabels"+instance, "shop"))},
		"no limit of memory":           {policy: "container-resources", says: "limits.memory is not set", edits: edits(unset(last, main0+"resources.limits.memory"))},
		"two pods of one server":       {policy: "budget-required", says: "Deployment scalestack/redis-2", edits: edits(set(last, "spec.replicas", 2.0))},
		"an image without a tag":       {policy: "image-pinned", only: "dev", says: `image is "redis"`, edits: edits(set(last, main0+"image", "redis"))},
		"an image without a digest":    {policy: "image-digest", only: "prod", says: `image is "redis:7.2.4"`, edits: edits(set(last, main0+"image", "redis:7.2.4"))},
		"a server that has no TLS":     {policy: "cache-encrypted", only: "prod", says: "ConfigMap scalestack/redis-2-config", edits: edits(replace("ConfigMap redis-2-config", `data["redis.conf"]`, "tls-port 6380", "tls-port 0"))},
		"a password in another's file": {policy: "plain-secret", says: "redis-1-config", edits: edits(set("ConfigMap redis-1-config", "data.apiToken", "x9"))},
	} {
		for env, graph := range recorded {
			if m.only != "" && m.only != env {
				continue
			}
			t.Run(name+"/"+env, func(t *testing.T) {
				graph := slices.Clone(graph)
				for _, change := range m.edits {
					graph = change(t, graph)
				}
				requireSays(t, m, env, graph)
			})
		}
	}
}
