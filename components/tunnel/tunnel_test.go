package tunnel

import (
	"strings"
	"testing"

	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

func valid() *Args {
	return &Args{
		Namespace: pulumi.String("shop"),
		AccountID: pulumi.String("0123456789abcdef0123456789abcdef"),
		ZoneID:    pulumi.String("fedcba9876543210fedcba9876543210"),
		Host:      pulumi.String("www.example.com"),
		Origin:    Origin{URL: pulumi.String("http://web.shop.svc"), Pods: pulumi.StringMap{"app": pulumi.String("web")}, Port: 8080},
	}
}

func run(t *testing.T, args *Args) *kubetest.Recorder {
	t.Helper()
	return kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "cloudflared", args)
		return err
	})
}

// find is the resource of that Cloudflare type.
func find(t *testing.T, r *kubetest.Recorder, kind string) pulumi.MockResourceArgs {
	t.Helper()
	for _, one := range r.All() {
		if strings.HasSuffix(one.TypeToken, ":"+kind) {
			return one
		}
	}
	require.Failf(t, "not registered", kind)
	return pulumi.MockResourceArgs{}
}

func TestNothingButTheHostIsReached(t *testing.T) {
	r := run(t, valid())
	config := find(t, r, "ZeroTrustTunnelCloudflaredConfig").Inputs["config"].ObjectValue()
	require.Equal(t, resource.NewPropertyValue([]any{
		map[string]any{"hostname": "www.example.com", "service": "http://web.shop.svc"},
		map[string]any{"service": "http_status:404"},
	}), config["ingressRules"])
	require.NotContains(t, config, resource.PropertyKey("warpRouting"), "the cluster's network stays private")
	record := find(t, r, "Record").Inputs
	require.Equal(t, "CNAME", record["type"].StringValue())
	require.True(t, record["proxied"].BoolValue())
	require.Equal(t, "cloudflare", find(t, r, "ZeroTrustTunnelCloudflared").Inputs["configSrc"].StringValue())
}

func TestNobodyConnectsToTheConnectors(t *testing.T) {
	r := run(t, valid())
	for _, name := range r.Names() {
		require.False(t, strings.HasPrefix(name, "Service "), "cloudflared has no port that anybody connects to: %s", name)
	}
	policy := r.Get(t, "NetworkPolicy", "cloudflared").Inputs["spec"].ObjectValue()
	require.Empty(t, policy["ingress"].V, "nobody")
	var ports []float64
	for _, rule := range policy["egress"].ArrayValue() {
		for _, port := range rule.ObjectValue()["ports"].ArrayValue() {
			ports = append(ports, port.ObjectValue()["port"].NumberValue())
		}
	}
	require.Subset(t, ports, []float64{8080, 7844})
	require.NotContains(t, ports, 443.)
}

// A program may open the way to the service by a policy of its own, and has to say so.
func TestTheWayToTheServiceMayBeOpenedByOthers(t *testing.T) {
	a := valid()
	a.Origin.Pods, a.Origin.Port = nil, 0
	require.ErrorContains(t, a.Validate(), "origin: Required value")
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		policy, err := networkingv1.NewNetworkPolicy(ctx, "way", nil)
		if err != nil {
			return err
		}
		a.Opened = []pulumi.Resource{policy}
		_, err = New(ctx, "cloudflared", a)
		return err
	})
	own := r.Get(t, "NetworkPolicy", "cloudflared")
	require.Len(t, own.Inputs["spec"].ObjectValue()["egress"].ArrayValue(), 3, "DNS and Cloudflare")
	require.Contains(t, strings.Join(own.RegisterRPC.GetDependencies(), "\n"), "::way")
}

func TestConnectors(t *testing.T) {
	r := run(t, valid())
	r.RequireParented(t, "cloudflared")
	d := r.Get(t, "Deployment", "cloudflared")
	require.Equal(t, "--token-file", kubetest.Text(d, "spec.template.spec.containers[0].args[7]"))
	require.Equal(t, "cloudflared-token", kubetest.Text(d, "spec.template.spec.volumes[0].secret.secretName"))
	require.Equal(t, "/ready", kubetest.Text(d, "spec.template.spec.containers[0].readinessProbe.httpGet.path"))
	scaler := r.Get(t, "HorizontalPodAutoscaler", "cloudflared").Inputs["spec"].ObjectValue()
	require.Equal(t, 2., scaler["minReplicas"].NumberValue())
	require.Equal(t, 2., scaler["maxReplicas"].NumberValue())
	require.Equal(t, "cloudflared-deployment", lastDependency(t, find(t, r, "Record")), "a name that leads nowhere helps nobody")
}

// lastDependency is the name of the Deployment among a resource's dependencies.
func lastDependency(t *testing.T, one pulumi.MockResourceArgs) string {
	t.Helper()
	for _, urn := range one.RegisterRPC.GetDependencies() {
		if strings.Contains(urn, "apps/v1:Deployment::") {
			return urn[strings.LastIndex(urn, "::")+2:]
		}
	}
	return ""
}

func TestMistakes(t *testing.T) {
	for want, edit := range map[string]func(*Args){
		`accountId: Invalid value: "xyz": must be 32 hexadecimal digits`: func(a *Args) { a.AccountID = pulumi.String("xyz") },
		"zoneId: Required value":                                func(a *Args) { a.ZoneID = nil },
		"host: Invalid value":                                   func(a *Args) { a.Host = pulumi.String("https://www.example.com") },
		`host: Invalid value: "www": must be a whole host name`: func(a *Args) { a.Host = pulumi.String("www") },
		`host: Invalid value: "192.0.2.1": must be a whole`:     func(a *Args) { a.Host = pulumi.String("192.0.2.1") },
		"replicas: Invalid value: 1: must be betw":              func(a *Args) { a.Replicas = 1 },
		"origin: Required value":                                func(a *Args) { a.Origin.Port = 0 },
		`edgeRanges[0]: Invalid value: "edge"`:                  func(a *Args) { a.EdgeRanges = []string{"edge"} },
	} {
		a := valid()
		edit(a)
		err := pulumi.RunErr(func(ctx *pulumi.Context) error {
			_, err := New(ctx, "cloudflared", a)
			return err
		}, pulumi.WithMocks("p", "s", nothing{}))
		require.ErrorContains(t, err, want)
	}
}

type nothing struct{}

func (nothing) NewResource(pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	panic("registered in spite of a mistake")
}

func (nothing) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }
