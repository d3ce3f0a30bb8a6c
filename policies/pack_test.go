package main

import (
	"context"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/policyx"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/policies/rule"
)

func packOf(t *testing.T, stack string) policyx.PolicyPack {
	t.Helper()
	var made policyx.PolicyPack
	recordProgram(t, stack, func(ctx *pulumi.Context) (err error) {
		made, err = newPack(ctx)
		return err
	})
	return made
}

func TestEveryPolicyHasItsLevel(t *testing.T) {
	byName := map[string]policyx.Policy{}
	for _, policy := range packOf(t, "dev").Policies() {
		byName[policy.Name()] = policy
	}
	for _, one := range rules() {
		policy, ok := byName[one.Name]
		require.Equal(t, !one.NeedsOptions, ok, "%s is in the pack", one.Name)
		if !ok {
			continue
		}
		require.NotEmpty(t, policy.Description())
		want := policyx.EnforcementLevelMandatory
		if one.Level == rule.Advisory {
			want = policyx.EnforcementLevelAdvisory
		}
		require.Equal(t, want, policy.EnforcementLevel(), one.Name)
		require.Equal(t, len(one.Settings) > 0, policy.ConfigSchema() != nil, one.Name)
	}
}

// A setting of a policy about the whole stack would never arrive.
func TestSettingsOnlyWhereTheSDKHandsThemOver(t *testing.T) {
	for _, one := range rules() {
		require.NotEqual(t, one.Each == nil, one.All == nil, "%s has Each or All", one.Name)
		if one.All != nil {
			require.Empty(t, one.Settings, one.Name)
		}
	}
}

// reports is the manager of one call.
type reports struct{ messages, urns []string }

func (r *reports) ReportViolation(message, urn string) {
	r.messages, r.urns = append(r.messages, message), append(r.urns, urn)
}

func policy[T policyx.Policy](t *testing.T, stack, name string) T {
	t.Helper()
	for _, one := range packOf(t, stack).Policies() {
		if one.Name() == name {
			return one.(T)
		}
	}
	require.Failf(t, "no such policy", name)
	panic("unreachable")
}

func service(kind property.Value) policyx.AnalyzerResource {
	return policyx.AnalyzerResource{
		Type: "kubernetes:core/v1:Service", Name: "a", URN: "urn:pulumi:dev::scalestack::kubernetes:core/v1:Service::a",
		Properties: property.NewMap(map[string]property.Value{
			"metadata": property.New(map[string]property.Value{"name": property.New("a"), "namespace": property.New("b")}),
			"spec":     property.New(map[string]property.Value{"type": kind}),
		}),
	}
}

func TestResourcePolicyReports(t *testing.T) {
	p := policy[policyx.ResourceValidationPolicy](t, "dev", "service-exposure")
	for name, c := range map[string]struct {
		kind property.Value
		want []string
	}{
		"wrong":   {property.New("NodePort"), []string{`Service b/a: spec.type is "NodePort", allowed: ClusterIP or ExternalName. Fix: use ClusterIP and an Ingress in front of it.`}},
		"secret":  {property.New("NodePort").WithSecret(true), []string{`Service b/a: spec.type is [secret], allowed: ClusterIP or ExternalName. Fix: use ClusterIP and an Ingress in front of it.`}},
		"unknown": {property.New(property.Computed), nil},
		"right":   {property.New("ClusterIP"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := &reports{}
			require.NoError(t, p.Validate(context.Background(), policyx.ResourceValidationArgs{Manager: got, Resource: service(c.kind)}))
			require.Equal(t, c.want, got.messages)
		})
	}
}

func TestStackPolicyReports(t *testing.T) {
	p := policy[policyx.StackValidationPolicy](t, "dev", "one-ruleset-per-phase")
	rules := policyx.AnalyzerResource{Type: "cloudflare:index/ruleset:Ruleset", Name: "a", URN: "urn:a", Properties: property.NewMap(
		map[string]property.Value{"zoneId": property.New("z"), "phase": property.New("p"), "kind": property.New("zone")})}
	other := rules
	other.Name, other.URN = "b", "urn:b"
	got := &reports{}
	require.NoError(t, p.Validate(context.Background(), policyx.StackValidationArgs{
		Manager: got, Resources: []policyx.AnalyzerResource{rules, other}}))
	require.Equal(t, []string{"urn:b"}, got.urns)
	require.Contains(t, got.messages[0], "Ruleset b: phase p of zone z is that of Ruleset a too")
}

func TestSettingsReachTheRule(t *testing.T) {
	p := policy[policyx.ResourceValidationPolicy](t, "dev", "names-and-labels")
	found := func(config map[string]any) string {
		got := &reports{}
		require.NoError(t, p.Validate(context.Background(), policyx.ResourceValidationArgs{Manager: got, Config: config,
			Resource: policyx.AnalyzerResource{Type: "kubernetes:core/v1:Secret", Properties: property.NewMap(map[string]property.Value{
				"metadata": property.New(map[string]property.Value{"name": property.New("a"), "labels": property.New(map[string]property.Value{
					"app.kubernetes.io/name": property.New("a"), "app.kubernetes.io/instance": property.New("a"),
					"app.kubernetes.io/managed-by": property.New("pulumi"), "app.kubernetes.io/part-of": property.New("shop"),
				})}),
			})}}))
		require.LessOrEqual(t, len(got.messages), 1)
		return append(got.messages, "")[0]
	}
	require.Empty(t, found(nil))
	require.Empty(t, found(map[string]any{"partOf": "shop"}))
	require.Contains(t, found(map[string]any{"partOf": "scalestack"}), `is "shop", allowed: scalestack`)
}

// The rules know these figures without importing the components.
func TestFiguresAreTheComponents(t *testing.T) {
	require.Equal(t, postgres.ReservedConnections, reservedConnections)
	require.ElementsMatch(t, cdn.AlwaysBypassed(), privatePaths())
}
