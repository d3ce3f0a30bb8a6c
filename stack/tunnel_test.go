package stack

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/namespace"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

const someTunnel = `{"enabled":true,"accountId":"0123456789abcdef0123456789abcdef","zoneId":"fedcba9876543210fedcba9876543210","host":"www.example.com","service":"web"}`

// tunnelled is a configuration with a tunnel to the service web.
func tunnelled(web string) map[string]string {
	return map[string]string{"scalestack:tunnel": someTunnel, "scalestack:services": `{"web":{"image":"a:1",` + web + `},"other":{"image":"a:1","port":8081}}`}
}

func TestATunnelOpensOneServiceToItsConnectorsAlone(t *testing.T) {
	c, err := load(t, tunnelled(`"port":8080,"auth":{"public":true}`))
	require.NoError(t, err)
	connectors, web := service.PodLabels("cloudflared"), service.PodLabels("web")
	require.Equal(t, []opening{
		{"cloudflared-to-web", "cloudflared", "web", namespace.Opening{Pods: web, PortName: "http", From: []k8s.Peer{{Pods: connectors}}}},
		{"cloudflared-egress-web-8080", "cloudflared", "web", namespace.Opening{Pods: connectors, To: []k8s.Target{{Peer: k8s.Peer{Pods: web}, Port: 8080}}}},
	}, c.callers(c.Services["web"]))
	require.Empty(t, c.callers(c.Services["other"]))
}

func TestTheTunnelLeadsToTheService(t *testing.T) {
	e := &engine{}
	config := tunnelled(`"port":8080,"auth":{"public":true}`)
	config["scalestack:kubernetes"] = `{"context":"blue","pullSecret":"registry"}`
	config["scalestack:externalSecrets"] = `["registry"]`
	require.NoError(t, e.run(t, &clustertest.Fake{}, config))
	for _, one := range e.registered {
		switch one.TypeToken {
		case "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared":
			require.Regexp(t, "^scalestack-[0-9a-f]{8}$", one.Inputs["name"].StringValue(), "an account has each name once")
			require.True(t, one.Inputs["secret"].IsSecret())
		case "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig":
			rules := one.Inputs["config"].ObjectValue()["ingressRules"].ArrayValue()
			require.Equal(t, "http://web.scalestack.svc.cluster.local", rules[0].ObjectValue()["service"].StringValue())
		case "kubernetes:core/v1:ServiceAccount":
			if one.Inputs["metadata"].ObjectValue()["name"].StringValue() == "cloudflared" {
				require.Len(t, one.Inputs["imagePullSecrets"].ArrayValue(), 1)
			}
		}
	}
	require.Contains(t, e.names(), "scalestack:tunnel:Tunnel")
	require.NotContains(t, e.names(), "scalestack:cdn:CDN", "a tunnel needs no rules")
}

func TestWhatATunnelCannotLeadToIsRefused(t *testing.T) {
	for want, config := range map[string]map[string]string{
		"scalestack:services.web.auth: Required value":                                             tunnelled(`"port":8080`),
		`scalestack:tunnel.service: Invalid value: "web": must be a service with a port`:           tunnelled(`"auth":{"public":true}`),
		"scalestack:services.web.allowEdge: Forbidden: is not needed with a tunnel":                tunnelled(`"port":8080,"allowEdge":true,"auth":{"public":true}`),
		`scalestack:tunnel.service: Not found: "web"`:                                              {"scalestack:tunnel": someTunnel},
		`scalestack:tunnel.accountId: Invalid value: "0123": must be 32 hexadecimal digits`:        {"scalestack:tunnel": `{"enabled":true,"accountId":"0123","zoneId":"fedcba9876543210fedcba9876543210","host":"a.example.com","service":"shardctl"}`},
		`scalestack:tunnel.host: Required value`:                                                   {"scalestack:tunnel": `{"enabled":true}`},
		`scalestack:services.cloudflared: Invalid value: "cloudflared": may be the name of an obj`: {"scalestack:tunnel": someTunnel, "scalestack:services": `{"web":{"image":"a:1","port":80,"auth":{"public":true}},"cloudflared":{"image":"a:1"}}`},
	} {
		_, err := load(t, config)
		require.ErrorContains(t, err, want)
	}
	_, err := load(t, map[string]string{"scalestack:tunnel": `{"enabled":false,"service":"nobody"}`})
	require.NoError(t, err, "what is off is not checked")
}

// Where the world reaches a service, requests that write are limited.
func TestATunnelLimitsRequestsAsTheEdgeDoes(t *testing.T) {
	config := tunnelled(`"port":8080,"auth":{"public":true}`)
	config["scalestack:cdn"] = `{"enabled":true,"zoneId":"fedcba9876543210fedcba9876543210"}`
	c, err := load(t, config)
	require.NoError(t, err)
	require.Equal(t, pulumi.BoolRef(true), c.CDN.RateLimit.Enabled)
}

// The zone's name is in no setting, so a name that may be the host's is refused.
func TestTwoRecordsOfOneNameAreRefused(t *testing.T) {
	const here, elsewhere = "fedcba9876543210fedcba9876543210", "00000000000000000000000000000000"
	for _, one := range []struct {
		name, zone string
		refused    bool
	}{
		{"www.example.com", here, true}, {"WWW.Example.com", here, true}, {"www", here, true}, {"@", here, true},
		{"www.example.com", elsewhere, true}, {"www", elsewhere, false}, {"@", elsewhere, false},
		{"example.com", here, false}, {"ww", here, false}, {"shop", here, false}, {"www.example", here, false},
	} {
		cdn := `{"enabled":true,"zoneId":"` + one.zone + `","record":{"name":"` + one.name + `","type":"A","content":"192.0.2.1"}}`
		record := `,"record":{"zoneId":"` + here + `","target":"192.0.2.1"}`
		for path, config := range map[string]map[string]string{
			"tunnel": tunnelled(`"port":8080,"auth":{"public":true}`), "gateway": routed(openWeb, platform+record),
		} {
			_, err := load(t, with(config, "cdn", cdn))
			if one.refused {
				require.EqualError(t, err, `scalestack:`+path+`.host: Invalid value: "www.example.com": may be the name of cdn.record, "`+one.name+
					`", since no setting has the zone's own name. Fix: leave one of the two records out, or give cdn.record.name in full, such as shop.example.com`)
			} else {
				require.NoError(t, err, "%s: %s", path, one.name)
			}
		}
	}
}
