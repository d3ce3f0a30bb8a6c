package cdn_test

import (
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
)

const zone = "0123456789abcdef0123456789abcdef"

// recorder keeps what was registered, by type and name, and what each name
// waits for.
type recorder struct {
	mu    sync.Mutex
	seen  map[string]resource.PropertyMap
	after map[string][]string
}

func newRecorder() *recorder {
	return &recorder{seen: map[string]resource.PropertyMap{}, after: map[string][]string{}}
}

func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[args.TypeToken+" "+args.Name] = args.Inputs
	for _, urn := range args.RegisterRPC.GetDependencies() {
		r.after[args.Name] = append(r.after[args.Name], resource.URN(urn).Name())
	}
	return args.Name + "-id", args.Inputs, nil
}

func (r *recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return args.Args, nil
}

func deploy(t *testing.T, args *cdn.Args) map[string]resource.PropertyMap {
	t.Helper()
	return record(t, args).seen
}

func record(t *testing.T, args *cdn.Args) *recorder {
	t.Helper()
	r := newRecorder()
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		c, err := cdn.New(ctx, "cdn", args)
		if err != nil {
			return err
		}
		ctx.Export("rules", c.Rules)
		return nil
	}, pulumi.WithMocks("p", "s", r)))
	return r
}

func TestDefaultEdge(t *testing.T) {
	seen := deploy(t, &cdn.Args{ZoneID: zone})
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
		ZoneID: zone, SkipZoneSettings: true, SkipTieredCache: true, Argo: true,
		Record: &cdn.Record{Name: "www", Type: "A", Content: "192.0.2.1"},
		Rules: []cdn.Rule{{Ref: "fonts", Extensions: []string{"woff2"}, Disabled: true,
			Query: cdn.Query{Mode: cdn.QueryIgnore}}},
	})
	require.Len(t, seen, 4)
	require.Equal(t, "on", seen["cloudflare:index/argo:Argo cdn-argo"]["smartRouting"].StringValue())
	require.True(t, seen["cloudflare:index/record:Record cdn-record"]["proxied"].BoolValue())

	rule := seen["cloudflare:index/ruleset:Ruleset cdn-cache-rules"]["rules"].ArrayValue()[0].ObjectValue()
	require.False(t, rule["enabled"].BoolValue())
	p := rule["actionParameters"].ObjectValue()
	require.Equal(t, "respect_origin", p["edgeTtl"].ObjectValue()["mode"].StringValue())
	query := p["cacheKey"].ObjectValue()["customKey"].ObjectValue()["queryString"].ObjectValue()
	require.Equal(t, "*", query["excludes"].ArrayValue()[0].StringValue())
}

func TestRefusesBeforeRegistering(t *testing.T) {
	r := newRecorder()
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := cdn.New(ctx, "cdn", nil)
		return err
	}, pulumi.WithMocks("p", "s", r))
	require.ErrorContains(t, err, "zoneId")
	require.Empty(t, r.seen)
}
