package cdn_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

const zone = "0123456789abcdef0123456789abcdef"

var zoneID = pulumi.String(zone)

// record registers an edge against mocks.
func record(t *testing.T, args *cdn.Args) *kubetest.Recorder {
	t.Helper()
	return kubetest.Run(t, func(ctx *pulumi.Context) error {
		c, err := cdn.New(ctx, "cdn", args)
		if err != nil {
			return err
		}
		ctx.Export("rules", c.Rules)
		return nil
	})
}

// deploy returns what was registered, by type and name.
func deploy(t *testing.T, args *cdn.Args) map[string]resource.PropertyMap {
	t.Helper()
	seen := map[string]resource.PropertyMap{}
	for _, one := range record(t, args).All() {
		seen[one.TypeToken+" "+one.Name] = one.Inputs
	}
	return seen
}

func TestDefaultEdge(t *testing.T) {
	seen := deploy(t, &cdn.Args{ZoneID: zoneID})
	ruleset := seen["cloudflare:index/ruleset:Ruleset cdn-cache-rules"]
	require.Equal(t, zone, ruleset["zoneId"].StringValue())
	require.Equal(t, "zone", ruleset["kind"].StringValue())
	require.Equal(t, "http_request_cache_settings", ruleset["phase"].StringValue())

	rules := ruleset["rules"].ArrayValue()
	var refs []string
	ttl := map[string]float64{}
	for _, v := range rules {
		r := v.ObjectValue()
		refs = append(refs, r["ref"].StringValue())
		require.NotEmpty(t, r["description"].StringValue())
		require.True(t, r["enabled"].BoolValue())
		p := r["actionParameters"].ObjectValue()
		if p["cache"].BoolValue() {
			ttl[r["ref"].StringValue()] = p["edgeTtl"].ObjectValue()["default"].NumberValue()
			require.Equal(t, "override_origin", p["browserTtl"].ObjectValue()["mode"].StringValue())
			require.EqualValues(t, 86400, p["browserTtl"].ObjectValue()["default"].NumberValue())
		}
	}
	require.Equal(t, []string{"static", "images", "js", "bypass-api", "bypass-authenticated"}, refs)
	require.EqualValues(t, 30*86400, ttl["static"])
	require.Greater(t, ttl["images"], ttl["js"])

	settings := seen["cloudflare:index/zoneSettingsOverride:ZoneSettingsOverride cdn-zone-settings"]["settings"].ObjectValue()
	require.Equal(t, "aggressive", settings["cacheLevel"].StringValue())
	require.EqualValues(t, 86400, settings["browserCacheTtl"].NumberValue())
	require.Equal(t, "smart", seen["cloudflare:index/tieredCache:TieredCache cdn-tiered-cache"]["cacheType"].StringValue())
	require.Len(t, seen, 4, "no Argo and no record unless asked for: %v", seen)
}

func TestChoices(t *testing.T) {
	seen := deploy(t, &cdn.Args{
		ZoneID: zoneID, ZoneSettings: pulumi.BoolRef(false), TieredCache: pulumi.BoolRef(false), Argo: pulumi.BoolRef(true),
		Record: &cdn.Record{Name: pulumi.String("www"), Type: "A", Content: pulumi.String("192.0.2.1")},
		Rules: []cdn.Rule{{Ref: "fonts", Extensions: []string{"woff2"}, Disabled: true,
			Query: cdn.Query{Mode: cdn.QueryIgnore}}},
	})
	require.Len(t, seen, 5, "the component, its rules, Argo, the record and the rate limit that comes with it")
	require.Equal(t, "on", seen["cloudflare:index/argo:Argo cdn-argo"]["smartRouting"].StringValue())
	require.True(t, seen["cloudflare:index/record:Record cdn-record"]["proxied"].BoolValue())

	rule := seen["cloudflare:index/ruleset:Ruleset cdn-cache-rules"]["rules"].ArrayValue()[0].ObjectValue()
	require.False(t, rule["enabled"].BoolValue())
	p := rule["actionParameters"].ObjectValue()
	require.Equal(t, "respect_origin", p["edgeTtl"].ObjectValue()["mode"].StringValue())
	query := p["cacheKey"].ObjectValue()["customKey"].ObjectValue()["queryString"].ObjectValue()
	require.Equal(t, "*", query["excludes"].ArrayValue()[0].StringValue())
}

func TestRateLimit(t *testing.T) {
	limit := deploy(t, everything(cdn.ModePageRules))["cloudflare:index/ruleset:Ruleset cdn-rate-limit"]
	require.Equal(t, "http_ratelimit", limit["phase"].StringValue())
	require.Equal(t, "zone", limit["kind"].StringValue())
	rule := limit["rules"].ArrayValue()[0].ObjectValue().Mappable()
	require.Equal(t, "block", rule["action"])
	require.Equal(t, "writes", rule["ref"])
	require.Equal(t, true, rule["enabled"])
	require.Equal(t, map[string]any{
		"characteristics": []any{"cf.colo.id", "ip.src"},
		"period":          10.0, "requestsPerPeriod": 100.0, "mitigationTimeout": 10.0,
	}, rule["ratelimit"])
	require.NotContains(t, rule, "actionParameters")
}

func TestRefusesBeforeRegistering(t *testing.T) {
	r := &kubetest.Recorder{}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := cdn.New(ctx, "cdn", nil)
		return err
	}, pulumi.WithMocks("p", "s", r))
	require.ErrorContains(t, err, "zoneId")
	require.Empty(t, r.All())
}

// A zone, a load balancer's host name and a certificate may be made by the same
// program.
func TestValuesKnownOnlyDuringTheDeployment(t *testing.T) {
	later := func(text string) pulumi.StringInput { return pulumi.String(text).ToStringOutput() }
	seen := deploy(t, &cdn.Args{
		ZoneID: later(zone), Argo: pulumi.BoolRef(true),
		Record:      &cdn.Record{Name: later("www"), Type: "CNAME", Content: later("lb.example.net")},
		OriginPulls: &cdn.OriginPulls{CertificateID: later("certificate"), Hostname: later("www.example.com")},
	})
	for key, properties := range seen {
		if key != "scalestack:cdn:CDN cdn" {
			require.Equal(t, zone, properties["zoneId"].StringValue(), key)
		}
	}
	require.Equal(t, "lb.example.net", seen["cloudflare:index/record:Record cdn-record"]["content"].StringValue())
	require.Equal(t, "www", seen["cloudflare:index/record:Record cdn-record"]["name"].StringValue())
	require.Equal(t, "certificate", seen[pulls]["authenticatedOriginPullsCertificate"].StringValue())
	require.Equal(t, "www.example.com", seen[pulls]["hostname"].StringValue())
}

func TestResourcesBelongToTheComponent(t *testing.T) {
	record(t, &cdn.Args{ZoneID: zoneID}).RequireParented(t, "cdn")
	record(t, pageArgs(cdn.PlanPro)).RequireParented(t, "cdn")
}
