package cloudflare_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/scalestack/scalestack/lab/emulators/cloudflare"
	"github.com/scalestack/scalestack/lab/emulators/plugintest"
	"github.com/stretchr/testify/require"
)

const account = "00112233445566778899aabbccddeeff"

var password = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("p", 32)))

func tunnelProps(changes props) props {
	return with(props{"accountId": account, "name": "shop-1c9e02ab", "secret": password, "configSrc": "cloudflare"}, changes)
}

func rulesOf(id string, list ...any) props {
	return props{"accountId": account, "tunnelId": id, "config": props{"ingressRules": list}}
}

// tunnels are the two types on one account.
func tunnels(t *testing.T) (tunnel, rules plugintest.Type) {
	t.Helper()
	env := map[string]string{"CLOUDFLARE_API_TOKEN": token, cloudflare.DirEnv: t.TempDir()}
	definition := cloudflare.Provider(func(name string) string { return env[name] })
	return plugintest.New(t, definition, tokenOf("ZeroTrustTunnelCloudflared")), plugintest.New(t, definition, tokenOf("ZeroTrustTunnelCloudflaredConfig"))
}

func TestATunnelHasANameAndAToken(t *testing.T) {
	x, _ := tunnels(t)
	require.Empty(t, x.Check(tunnelProps(nil)))
	id, state := x.Create(tunnelProps(nil))
	require.Equal(t, id+".cfargotunnel.com", state["cname"].StringValue())
	require.True(t, state["tunnelToken"].IsSecret())
	require.True(t, state["secret"].IsSecret())
	text, err := base64.StdEncoding.DecodeString(state["tunnelToken"].SecretValue().Element.StringValue())
	require.NoError(t, err)
	require.JSONEq(t, `{"a":"`+account+`","t":"`+id+`","s":"`+password+`"}`, string(text))
	require.Empty(t, x.Diff(state, tunnelProps(nil)))
	for _, change := range []props{{"name": "other"}, {"accountId": strings.Repeat("f", 32)}, {"configSrc": "local"}} {
		names, _ := x.Replaces(state, tunnelProps(change))
		require.Len(t, names, 1, change)
	}
	require.NoError(t, x.Delete(id, state))
	require.ErrorContains(t, x.Delete(id, state), "404")
}

func TestWhatTheAPIRefusesOfATunnel(t *testing.T) {
	x, _ := tunnels(t)
	x.Create(tunnelProps(nil))
	for want, change := range map[string]props{
		"the account already has a tunnel shop-1c9e02ab": {},
		"it is not 32 bytes or more in base64":           {"secret": "c2hvcnQ="},
		`accountId: "x" is not 32 hexadecimal digits`:    {"accountId": "x"},
	} {
		require.ErrorContains(t, x.CreateError(tunnelProps(change)), want)
	}
	require.NotEmpty(t, x.Check(tunnelProps(props{"configSrc": "file"})))
	require.NotEmpty(t, x.Check(with(tunnelProps(nil), props{"secret": nil})))
}

func TestRulesOfATunnel(t *testing.T) {
	x, config := tunnels(t)
	id, _ := x.Create(tunnelProps(nil))
	last := props{"service": "http_status:404"}
	web := props{"hostname": "www.example.com", "service": "http://app.shop.svc.cluster.local"}
	made, state := config.Create(rulesOf(id, web, last))
	require.Equal(t, id, made)
	require.Empty(t, config.Diff(state, rulesOf(id, web, last)))
	found, err := config.Read(made, state, rulesOf(id, web, last))
	require.NoError(t, err)
	require.Equal(t, "www.example.com", hostOf(found.Outputs))
	state, err = config.Update(made, state, rulesOf(id, with(web, props{"hostname": "shop.example.com"}), last))
	require.NoError(t, err)
	require.Equal(t, "shop.example.com", hostOf(state))

	for want, in := range map[string]props{
		"there are no ingress rules":                         rulesOf(id),
		"[0]: the last rule must match all requests":         rulesOf(id, web),
		"[0]: it matches all requests":                       rulesOf(id, last, last),
		`[0].service: "app:80" is not the address`:           rulesOf(id, with(web, props{"service": "app:80"}), last),
		`[0].service: "http://app/users" is not the address`: rulesOf(id, with(web, props{"service": "http://app/users"}), last),
		"[0].hostname: \"www.*.com\" has a wildcard":         rulesOf(id, with(web, props{"hostname": "www.*.com"}), last),
		"has no tunnel elsewhere":                            rulesOf("elsewhere", last),
	} {
		require.ErrorContains(t, config.CreateError(in), want)
	}
}

func hostOf(state resource.PropertyMap) string {
	return state["config"].ObjectValue()["ingressRules"].ArrayValue()[0].ObjectValue()["hostname"].StringValue()
}
