package gateway

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

// attachedTo is a route at a Gateway of somebody else.
func attachedTo() *Args {
	return &Args{
		Namespace: pulumi.String("shop"),
		Host:      pulumi.String("www.example.com"),
		Parent:    &Parent{Name: "public", Namespace: "gateways", Listener: "https"},
		Origin:    Origin{Service: pulumi.String("web"), ServicePort: 80},
	}
}

// owned has a Gateway of its own.
func owned() *Args {
	a := attachedTo()
	a.Parent, a.Own = nil, &Own{Class: "traefik", Secret: pulumi.String("www-tls")}
	return a
}

func run(t *testing.T, args *Args) *kubetest.Recorder {
	t.Helper()
	return kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "gateway", args)
		return err
	})
}

// spec is an object's as JSON, whose types are those of a manifest.
func spec(t *testing.T, r *kubetest.Recorder, kind, name string) string {
	t.Helper()
	text, err := json.Marshal(r.Get(t, kind, name).Inputs["spec"].Mappable())
	require.NoError(t, err)
	return string(text)
}

func TestARouteLeadsOneHostToOneService(t *testing.T) {
	r := run(t, attachedTo())
	r.RequireParented(t, "gateway")
	require.Equal(t, []string{"HTTPRoute gateway"}, r.Names(), "nothing but the route")
	require.JSONEq(t, `{
		"parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public", "namespace": "gateways", "sectionName": "https"}],
		"hostnames": ["www.example.com"],
		"rules": [{
			"matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
			"backendRefs": [{"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1}]
		}]
	}`, spec(t, r, "HTTPRoute", "gateway"))
}

func TestAnOwnGatewayServesHTTPSAlone(t *testing.T) {
	r := run(t, owned())
	r.RequireParented(t, "gateway")
	require.Equal(t, []string{"Gateway gateway", "HTTPRoute gateway"}, r.Names())
	require.JSONEq(t, `{"gatewayClassName": "traefik", "listeners": [{
		"name": "https", "port": 443, "protocol": "HTTPS", "hostname": "www.example.com",
		"tls": {"mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": "www-tls"}]},
		"allowedRoutes": {"namespaces": {"from": "Same"}, "kinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}]}
	}]}`, spec(t, r, "Gateway", "gateway"))
	require.Contains(t, spec(t, r, "HTTPRoute", "gateway"), `"name":"gateway","namespace":"shop","sectionName":"https"`)
	require.NotContains(t, r.Get(t, "Gateway", "gateway").Inputs["metadata"].String(), "cert-manager")
}

func TestPlainHTTPOnlyRedirects(t *testing.T) {
	a := owned()
	a.Own.RedirectPort = 80
	r := run(t, a)
	require.Equal(t, []string{"Gateway gateway", "HTTPRoute gateway", "HTTPRoute gateway-redirect"}, r.Names())
	require.Contains(t, spec(t, r, "Gateway", "gateway"), `"name":"http","port":80,"protocol":"HTTP"`)
	require.JSONEq(t, `{
		"parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gateway", "namespace": "shop", "sectionName": "http"}],
		"hostnames": ["www.example.com"],
		"rules": [{
			"matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
			"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]
		}]
	}`, spec(t, r, "HTTPRoute", "gateway-redirect"))
}

func TestCertManagerKeepsTheCertificate(t *testing.T) {
	a := owned()
	a.Own.Secret, a.Own.Issuer = nil, "letsencrypt"
	made := run(t, a).Get(t, "Gateway", "gateway")
	require.Equal(t, "letsencrypt", kubetest.Text(made, `metadata.annotations["cert-manager.io/cluster-issuer"]`))
	require.Equal(t, "gateway-tls", kubetest.Text(made, "spec.listeners[0].tls.certificateRefs[0].name"))
}

// Every object is awaited, and says why where it is awaited in vain.
func TestEveryObjectIsAwaited(t *testing.T) {
	a := owned()
	a.Own.RedirectPort, a.TimeoutSeconds = 80, 7
	r := run(t, a)
	for _, one := range []struct {
		kind, name string
		paths      int
	}{{"Gateway", "gateway", 3}, {"HTTPRoute", "gateway", 2}, {"HTTPRoute", "gateway-redirect", 2}} {
		made := r.Get(t, one.kind, one.name)
		require.Equal(t, "7", kubetest.Text(made, `metadata.annotations["pulumi.com/timeoutSeconds"]`))
		var paths []string
		require.NoError(t, json.Unmarshal([]byte(kubetest.Text(made, `metadata.annotations["pulumi.com/waitFor"]`)), &paths))
		require.Len(t, paths, one.paths)
		for _, path := range paths {
			require.Contains(t, path, "@.observedGeneration==$.metadata.generation", "a condition of the former version proves nothing")
		}
		require.NotEmpty(t, made.RegisterRPC.GetHooks().GetOnError(), "%s %s", one.kind, one.name)
	}
}

// addressed answers as a cluster whose Gateway has these addresses.
type addressed struct {
	kubetest.Recorder
	addresses []any
}

func (a *addressed) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	id, outputs, err := a.Recorder.NewResource(args)
	if args.TypeToken == "kubernetes:gateway.networking.k8s.io/v1:Gateway" {
		outputs["status"] = resource.NewObjectProperty(resource.NewPropertyMapFromMap(map[string]any{"addresses": a.addresses}))
	}
	return id, outputs, err
}

func TestTheRecordLeadsWhereTheGatewayIs(t *testing.T) {
	ip, name := map[string]any{"type": "IPAddress", "value": "203.0.113.7"}, map[string]any{"type": "Hostname", "value": "lb.example.net"}
	six, inside := map[string]any{"type": "IPAddress", "value": "2001:db8::7"}, map[string]any{"type": "IPAddress", "value": "10.0.0.7"}
	for want, c := range map[string]struct {
		addresses []any
		target    string
	}{
		"A 203.0.113.7":        {addresses: []any{name, six, ip}},
		"AAAA 2001:db8::7":     {addresses: []any{name, six}},
		"CNAME lb.example.net": {addresses: []any{name}},
		"AAAA 2001:db8::8":     {addresses: []any{inside, map[string]any{"type": "IPAddress", "value": "2001:db8::8"}}},
		"A 10.0.0.7":           {addresses: []any{inside}},
		"A 198.51.100.1":       {addresses: []any{ip}, target: "198.51.100.1"},
	} {
		a := owned()
		a.Record = &Record{ZoneID: pulumi.String("fedcba9876543210fedcba9876543210")}
		if c.target != "" {
			a.Record.Target = pulumi.String(c.target)
		}
		seen := &addressed{addresses: c.addresses}
		require.NoError(t, deployed(a, seen))
		record := seen.find("cloudflare:index/record:Record").Inputs
		require.Equal(t, want, record["type"].StringValue()+" "+record["content"].StringValue())
		require.Equal(t, "www.example.com", record["name"].StringValue())
		require.True(t, record["proxied"].BoolValue())
	}
}

func (a *addressed) find(token string) pulumi.MockResourceArgs {
	for _, one := range a.All() {
		if one.TypeToken == token {
			return one
		}
	}
	return pulumi.MockResourceArgs{}
}

func deployed(a *Args, mocks pulumi.MockResourceMonitor) error {
	return pulumi.RunErr(func(ctx *pulumi.Context) error {
		made, err := New(ctx, "gateway", a)
		if err == nil {
			ctx.Export("host", made.Host)
		}
		return err
	}, pulumi.WithMocks("p", "s", mocks))
}

func TestAGatewayWithoutAnAddressIsAnError(t *testing.T) {
	a := owned()
	a.Record = &Record{ZoneID: pulumi.String("fedcba9876543210fedcba9876543210")}
	require.ErrorContains(t, deployed(a, &addressed{}), "the Gateway's status has no address. Fix: give record.target")
}
