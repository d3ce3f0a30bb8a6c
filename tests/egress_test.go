package tests

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// egressRules are those of a NetworkPolicy.
type egressRules struct {
	Spec struct {
		Egress []struct {
			Ports []struct{ Port int }
			To    []struct{ IPBlock struct{ CIDR string } }
		}
	}
}

func egressOf(t *testing.T, node pulumi.MockResourceArgs) (e egressRules) {
	t.Helper()
	text, err := json.Marshal(node.Inputs.Mappable())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &e))
	return e
}

// What a policy lets out to everybody is what a program that somebody has taken over can use.
func TestResolversAndAPIServersAreNamed(t *testing.T) {
	const resolver, server = "192.0.2.53/32", "192.0.2.64/32"
	peer := func(cidr string) []any { return []any{map[string]any{"cidr": cidr}} }
	var kubernetes map[string]any
	require.NoError(t, json.Unmarshal([]byte(settings(t, "prod")["scalestack:kubernetes"]), &kubernetes))
	kubernetes["resolvers"], kubernetes["apiServers"] = peer(resolver), peer(server)
	g, err := run(t, "prod", encoded(t, map[string]any{"scalestack:kubernetes": kubernetes}))
	require.NoError(t, err)

	found := map[string]int{}
	for _, policy := range g.find("kubernetes:networking.k8s.io/v1:NetworkPolicy") {
		for _, rule := range egressOf(t, policy).Spec.Egress {
			for _, port := range rule.Ports {
				// Port 443 alone is what a service's egressTo asks for.
				wanted := map[int]string{53: resolver, 6443: server}[port.Port]
				if wanted == "" {
					continue
				}
				require.Len(t, rule.To, 1, "%s lets port %d out to everybody", policy.Name, port.Port)
				require.Equal(t, wanted, rule.To[0].IPBlock.CIDR, "%s, port %d", policy.Name, port.Port)
				found[wanted]++
			}
		}
	}
	require.Greater(t, found[resolver], 20)
	require.Greater(t, found[server], 2, "Kafka's pods and the shards")
}
