package cdn_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

// everything makes every kind of resource that the mode has.
func everything(mode cdn.Mode) *cdn.Args {
	args := &cdn.Args{
		ZoneID: zoneID, Plan: cdn.PlanPro, Argo: pulumi.BoolRef(true),
		Record:      &cdn.Record{Name: pulumi.String("www"), Type: "A", Content: pulumi.String("192.0.2.1")},
		OriginPulls: &cdn.OriginPulls{},
	}
	if mode == cdn.ModePageRules {
		args.Mode, args.Hostname = mode, "www.example.com"
	}
	return args
}

// registrations returns the requests that registered the resources, by name.
func registrations(t *testing.T, args *cdn.Args) map[string]*pulumirpc.RegisterResourceRequest {
	t.Helper()
	all := map[string]*pulumirpc.RegisterResourceRequest{}
	for _, one := range record(t, args).All() {
		if one.Name != "cdn" {
			all[one.Name] = one.RegisterRPC
		}
	}
	return all
}

// The provider's delete writes: the override resets all settings of the zone,
// those set by hand too, and the others turn off what somebody may have turned on.
func TestSettingsOfTheZoneStayAfterDestroy(t *testing.T) {
	stays := map[string]bool{"cdn-zone-settings": true, "cdn-tiered-cache": true, "cdn-url-normalization": true}
	for _, mode := range []cdn.Mode{cdn.ModeCacheRules, cdn.ModePageRules} {
		for name, r := range registrations(t, everything(mode)) {
			require.Equal(t, stays[name], r.GetRetainOnDelete(), name)
		}
	}
}

// Of a zone that another stack has, Cloudflare refuses the rules alone: the rest would write
// over that stack's.
func TestTheRulesComeBeforeWhatCloudflareOverwrites(t *testing.T) {
	all := registrations(t, everything(cdn.ModeCacheRules))
	for name, r := range all {
		first := name == "cdn-cache-rules" || name == "cdn-rate-limit"
		for _, rules := range []string{"cdn-cache-rules", "cdn-rate-limit"} {
			require.Equal(t, !first, strings.Contains(strings.Join(r.GetDependencies(), " "), "::"+rules), "%s after %s", name, rules)
		}
	}
	require.Greater(t, len(all), 5)
}

func TestPreviewSaysWhatStays(t *testing.T) {
	preview := func(info *pulumi.RunInfo) { info.DryRun = true }
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := cdn.New(ctx, "cdn", everything(cdn.ModeCacheRules))
		return err
	}, pulumi.WithMocks("p", "s", &kubetest.Recorder{}), preview))
}

// Deleting Argo turns tiered caching off with it. Argo that is on costs money, and
// must not outlive the stack.
func TestArgo(t *testing.T) {
	for name, c := range map[string]struct {
		argo  *bool
		state string
		stays bool
	}{
		"left out": {nil, "", false},
		"on":       {pulumi.BoolRef(true), "on", false},
		"off":      {pulumi.BoolRef(false), "off", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, made := registrations(t, &cdn.Args{ZoneID: zoneID, Argo: c.argo})["cdn-argo"]
			require.Equal(t, c.state != "", made)
			if made {
				require.Equal(t, c.state, got.GetObject().GetFields()["smartRouting"].GetStringValue())
				require.Equal(t, c.stays, got.GetRetainOnDelete())
			}
		})
	}
}

// Updated in place, a ruleset of the old zone is looked for in the new one, which
// never succeeds, and Argo stays on in the old zone.
func TestAnotherZoneReplacesEverything(t *testing.T) {
	for _, mode := range []cdn.Mode{cdn.ModeCacheRules, cdn.ModePageRules} {
		for name, r := range registrations(t, everything(mode)) {
			require.Contains(t, r.GetReplaceOnChanges(), "zoneId", name)
		}
	}
}

// The state of a failed create lacks what only a create notes.
func TestAHalfMadeOverrideIsMadeAnew(t *testing.T) {
	r := registrations(t, everything(cdn.ModeCacheRules))["cdn-zone-settings"]
	require.ElementsMatch(t, []string{"zoneId", "initialSettings"}, r.GetReplaceOnChanges())
	require.True(t, r.GetRetainOnDelete(), "replacing must write nothing back")
	require.Equal(t, []string{"cdn-zone-settings-written"}, r.GetHooks().GetAfterCreate())
}

// A ruleset that somebody made has another name, and another name forces a
// replacement, which Cloudflare refuses because the first one exists.
func TestWhatTheZoneHasAlreadyCanBeAdopted(t *testing.T) {
	cache, pages := registrations(t, everything(cdn.ModeCacheRules)), registrations(t, everything(cdn.ModePageRules))
	require.Equal(t, []string{"name"}, cache["cdn-cache-rules"].GetIgnoreChanges())
	require.Equal(t, []string{"name"}, cache["cdn-rate-limit"].GetIgnoreChanges())
	for name, r := range map[string]*pulumirpc.RegisterResourceRequest{
		"cdn-cache-rules": cache["cdn-cache-rules"], "cdn-rate-limit": cache["cdn-rate-limit"], "cdn-record": cache["cdn-record"], "cdn-page-rule-/static/*": pages["cdn-page-rule-/static/*"],
	} {
		require.Equal(t, []string{name + "-exists"}, r.GetHooks().GetOnError())
	}
}

// Updated in place, the old certificate or host stays enabled. Made first, the new
// one would be turned off by the delete of the old one: a certificate of the whole
// zone is one switch, and an association is one per host.
func TestOtherOriginPullsReplaceTheOldOnes(t *testing.T) {
	r := registrations(t, everything(cdn.ModeCacheRules))["cdn-origin-pulls"]
	require.ElementsMatch(t, []string{"zoneId", "hostname", "authenticatedOriginPullsCertificate"}, r.GetReplaceOnChanges())
	require.True(t, r.GetDeleteBeforeReplace())
}

// A zone takes one page rule for each URL, and Pulumi creates before it deletes.
func TestARenamedPageRuleStaysTheSame(t *testing.T) {
	for _, ref := range []string{"a", "b"} {
		args := everything(cdn.ModePageRules)
		args.Rules = []cdn.Rule{{Ref: ref, Path: "/a/*", BrowserTTL: cdn.Day}}
		r, made := registrations(t, args)["cdn-page-rule-/a/*"]
		require.True(t, made)
		require.Len(t, r.GetAliases(), 1)
		require.Equal(t, "cdn-page-rule-"+ref, r.GetAliases()[0].GetSpec().GetName(), "what an older release called it")
	}
}
