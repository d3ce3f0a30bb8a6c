package cdn_test

import (
	"net/netip"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
)

const pulls = "cloudflare:index/authenticatedOriginPulls:AuthenticatedOriginPulls cdn-origin-pulls"

func TestOriginPulls(t *testing.T) {
	const id = "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"
	for name, c := range map[string]struct {
		args *cdn.OriginPulls
		want map[string]any
	}{
		"not asked for": {nil, nil},
		"shared":        {&cdn.OriginPulls{}, map[string]any{"zoneId": zone, "enabled": true}},
		"own":           {&cdn.OriginPulls{CertificateID: pulumi.String(id)}, map[string]any{"zoneId": zone, "enabled": true, "authenticatedOriginPullsCertificate": id}},
		"one host": {&cdn.OriginPulls{CertificateID: pulumi.String(id), Hostname: pulumi.String("www.example.com")}, map[string]any{
			"zoneId": zone, "enabled": true, "authenticatedOriginPullsCertificate": id, "hostname": "www.example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, made := deploy(t, &cdn.Args{ZoneID: zoneID, OriginPulls: c.args})[pulls]
			require.Equal(t, c.want != nil, made)
			if made {
				require.Equal(t, resource.NewPropertyMapFromMap(c.want), got)
			}
		})
	}
}

func TestRanges(t *testing.T) {
	var none *cdn.Args
	require.Equal(t, cdn.PublishedRanges(), none.Ranges())
	require.Len(t, none.Ranges(), 22)
	given := []string{"192.0.2.0/24"}
	require.Equal(t, given, (&cdn.Args{EdgeRanges: given}).Ranges())
	for _, address := range []string{"104.16.0.1", "172.64.0.1", "2606:4700::1"} {
		require.True(t, covers(cdn.PublishedRanges(), address), address)
	}
	for _, address := range []string{"10.0.0.1", "8.8.8.8", "104.15.255.255", "104.28.0.1", "2001:db8::1"} {
		require.False(t, covers(cdn.PublishedRanges(), address), address)
	}
}

func covers(ranges []string, address string) bool {
	for _, r := range ranges {
		if netip.MustParsePrefix(r).Contains(netip.MustParseAddr(address)) {
			return true
		}
	}
	return false
}

func TestErrorsAreNotKeptUnlessAsked(t *testing.T) {
	status := func(r cdn.Rule) any {
		r.Ref, r.Path = "a", "/a/*"
		rules := deploy(t, &cdn.Args{ZoneID: zoneID, Rules: []cdn.Rule{r}})["cloudflare:index/ruleset:Ruleset cdn-cache-rules"]["rules"]
		edge := rules.ArrayValue()[0].ObjectValue()["actionParameters"].ObjectValue()["edgeTtl"].ObjectValue().Mappable()
		return edge["statusCodeTtls"]
	}
	codes := func(from, to, ttl float64) any {
		return []any{map[string]any{"statusCodeRanges": []any{map[string]any{"from": from, "to": to}}, "value": ttl}}
	}
	require.Equal(t, codes(400, 599, -1), status(cdn.Rule{EdgeTTL: cdn.Day}))
	require.Nil(t, status(cdn.Rule{}), "the origin's own headers hold for its errors")
	require.Nil(t, status(cdn.Rule{EdgeTTL: cdn.Day, StatusTTLs: []cdn.StatusTTL{}}))
	require.Equal(t, codes(404, 404, 60), status(cdn.Rule{EdgeTTL: cdn.Day, StatusTTLs: []cdn.StatusTTL{{From: 404, To: 404, TTL: pulumi.IntRef(60)}}}))
}

func TestRuleChoices(t *testing.T) {
	parameters := func(r cdn.Rule) map[string]any {
		r.Ref, r.Path = "a", "/a/*"
		rules := deploy(t, &cdn.Args{ZoneID: zoneID, Rules: []cdn.Rule{r}})["cloudflare:index/ruleset:Ruleset cdn-cache-rules"]["rules"]
		all := rules.ArrayValue()[0].ObjectValue()["actionParameters"].ObjectValue().Mappable()
		for _, other := range []string{"cache", "edgeTtl", "browserTtl"} {
			delete(all, other)
		}
		return all
	}
	armor := map[string]any{"cacheDeceptionArmor": true}
	ignored := map[string]any{"queryString": map[string]any{"excludes": []any{"*"}}}
	ignore, no := cdn.Query{Mode: cdn.QueryIgnore}, pulumi.BoolRef(false)

	require.Equal(t, map[string]any{"cacheKey": armor}, parameters(cdn.Rule{}), "the armor is on by default")
	require.Empty(t, parameters(cdn.Rule{DeceptionArmor: no}))
	require.Equal(t, map[string]any{"cacheKey": map[string]any{"cacheDeceptionArmor": true, "customKey": ignored}}, parameters(cdn.Rule{Query: ignore}))
	require.Equal(t, map[string]any{"cacheKey": map[string]any{"customKey": ignored}}, parameters(cdn.Rule{Query: ignore, DeceptionArmor: no}))
	require.Equal(t, map[string]any{"serveStale": map[string]any{"disableStaleWhileUpdating": true}, "respectStrongEtags": true},
		parameters(cdn.Rule{ServeStale: no, StrongETags: true, DeceptionArmor: no}))
}
