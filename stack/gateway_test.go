package stack

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/namespace"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

const (
	platform = `"parent":{"name":"public","namespace":"gateways","listener":"https"}`
	gateways = `"from":[{"namespaces":{"kubernetes.io/metadata.name":"gateways"},"pods":{"app":"envoy"}}]`
	webRoute = `"enabled":true,"host":"www.example.com","service":"web",` + gateways
)

// routed is a configuration with a gateway to the service web. More are further
// settings of the gateway.
func routed(web, more string) map[string]string {
	return map[string]string{
		"scalestack:gateway":  `{` + webRoute + `,` + more + `}`,
		"scalestack:services": `{"web":{"image":"a:1",` + web + `},"other":{"image":"a:1","port":8081}}`,
	}
}

const openWeb = `"port":8080,"metricsPort":9090,"auth":{"public":true}`

func with(config map[string]string, key, value string) map[string]string {
	config["scalestack:"+key] = value
	return config
}

func TestAGatewayMayReachOnePortOfOneService(t *testing.T) {
	c, err := load(t, routed(openWeb, platform))
	require.NoError(t, err)
	web := c.serviceArgs(c.Services["web"], wiredHere())
	require.Equal(t, []opening{{"gateway-to-web", "gateway", "web", namespace.Opening{
		Pods: service.PodLabels("web"), PortName: "http", From: []k8s.Peer{{
			Namespaces: pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String("gateways")}, Pods: pulumi.StringMap{"app": pulumi.String("envoy")},
		}},
	}}}, c.callers(c.Services["web"]))
	require.Empty(t, slices.Concat(web.IngressFrom, web.MetricsFrom))
	require.Empty(t, c.callers(c.Services["other"]))
}

// Turning the gateway on adds it and a policy; nothing that was there changes.
func TestTheGatewayChangesNoExistingObject(t *testing.T) {
	before, after := &engine{}, &engine{}
	off := routed(openWeb, platform)
	delete(off, "scalestack:gateway")
	require.NoError(t, before.run(t, &clustertest.Fake{}, off))
	require.NoError(t, after.run(t, &clustertest.Fake{}, routed(openWeb, platform)))
	was := map[string]string{}
	for _, one := range before.registered {
		was[one.TypeToken+" "+one.Name] = resource.NewObjectProperty(one.Inputs).String()
	}
	var added, changed []string
	for _, one := range after.registered {
		key := one.TypeToken + " " + one.Name
		switch old, known := was[key]; {
		case !known:
			added = append(added, key)
		case old != resource.NewObjectProperty(one.Inputs).String():
			changed = append(changed, key)
		}
	}
	require.ElementsMatch(t, []string{
		"kubernetes:networking.k8s.io/v1:NetworkPolicy gateway-to-web", "scalestack:gateway:Gateway gateway", "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute gateway-route",
	}, added)
	require.Empty(t, changed)
	require.NotContains(t, after.names(), "scalestack:cdn:CDN")
}

func TestTheGatewayLeadsToTheService(t *testing.T) {
	e := &engine{}
	config := routed(`"name":"shop","servicePort":8000,`+openWeb, `"own":{"class":"traefik","secret":"www-tls"}`)
	require.NoError(t, e.run(t, &clustertest.Fake{}, with(config, "externalSecrets", `["www-tls"]`)))
	for _, one := range e.registered {
		if one.TypeToken == "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute" {
			backend := one.Inputs["spec"].ObjectValue()["rules"].ArrayValue()[0].ObjectValue()["backendRefs"].ArrayValue()[0].ObjectValue()
			require.Equal(t, "shop", backend["name"].StringValue())
			require.Equal(t, 8000., backend["port"].NumberValue())
		}
	}
	require.Contains(t, e.names(), "kubernetes:gateway.networking.k8s.io/v1:Gateway")
}

// Without a zone of its own the record still has an explicit provider.
func TestTheGatewaysRecordNeedsNoZoneRules(t *testing.T) {
	e := &engine{}
	record := platform + `,"record":{"zoneId":"fedcba9876543210fedcba9876543210","target":"192.0.2.1"}`
	require.NoError(t, e.run(t, &clustertest.Fake{}, routed(openWeb, record)))
	for _, one := range e.registered {
		if one.TypeToken == "cloudflare:index/record:Record" {
			require.Contains(t, one.Provider, "pulumi:providers:cloudflare::cloudflare::")
			require.Equal(t, "192.0.2.1", one.Inputs["content"].StringValue())
		}
	}
	require.Contains(t, e.names(), "cloudflare:index/record:Record")
	require.NotContains(t, e.names(), "scalestack:cdn:CDN")
}

func TestWhatAGatewayCannotServeIsRefused(t *testing.T) {
	const (
		own    = `"own":{"class":"traefik","secret":"www-tls"}`
		zone   = `"zoneId":"fedcba9876543210fedcba9876543210"`
		record = platform + `,"record":{` + zone + `,"target":"192.0.2.1"}`
	)
	for want, config := range map[string]map[string]string{
		"scalestack:services.web.auth: Required value":                                             routed(`"port":8080`, platform),
		`scalestack:gateway.service: Invalid value: "web": must be a service with a port`:          routed(`"auth":{"public":true}`, platform),
		`scalestack:gateway.service: Not found: "nobody"`:                                          routed(openWeb, platform+`,"service":"nobody"`),
		"scalestack:gateway.service: Required value":                                               routed(openWeb, platform+`,"service":""`),
		"scalestack:services.web.allowEdge: Forbidden: is not needed with a gateway":               routed(`"allowEdge":true,`+openWeb, platform),
		"scalestack:gateway.from: Required value":                                                  routed(openWeb, platform+`,"from":[]`),
		"scalestack:gateway.from[0]: Required value: one of pods, namespaces and cidr":             routed(openWeb, platform+`,"from":[{}]`),
		"scalestack:gateway.parent: Required value":                                                routed(openWeb, `"timeoutSeconds":60`),
		"scalestack:gateway.parent.listener: Required value":                                       routed(openWeb, `"parent":{"name":"a","namespace":"b"}`),
		"scalestack:gateway.own: Forbidden":                                                        routed(openWeb, platform+","+own),
		`scalestack:gateway.own.secret: Invalid value: "www-tls": is made by nobody`:               routed(openWeb, own),
		`scalestack:gateway.prent: Forbidden`:                                                      routed(openWeb, `"prent":{}`),
		`scalestack:gateway.host: Invalid value: "www.example.com": is the tunnel's host`:          with(routed(openWeb, platform), "tunnel", someTunnel),
		`scalestack:gateway.host: Invalid value: "www.example.com": may be the name of cdn.record`: with(routed(openWeb, record), "cdn", `{"enabled":true,`+zone+`,"record":{"name":"www.example.com","type":"A","content":"192.0.2.1"}}`),
		`scalestack:services.gateway: Invalid value: "gateway": may be the name of an object of c`: with(routed(openWeb, platform), "services", `{"web":{"image":"a:1",`+openWeb+`},"gateway":{"image":"a:1"}}`),
		`scalestack:gateway.record.target: Required value: the gateway's address: kubernetes.rend`: with(with(routed(openWeb, own+`,"record":{`+zone+`}`), "externalSecrets", `["www-tls"]`), "kubernetes", `{"renderTo":"out","cluster":"a"}`),
	} {
		_, err := load(t, config)
		require.ErrorContains(t, err, want)
	}
	_, err := load(t, map[string]string{"scalestack:gateway": `{"enabled":false,"service":"nobody"}`})
	require.NoError(t, err, "what is off is not checked")
	_, err = load(t, routed(openWeb, `"own":{"class":"traefik","issuer":"letsencrypt"}`))
	require.NoError(t, err, "cert-manager makes the Secret")
}

// Where the world reaches a service, requests that write are limited.
func TestAGatewayLimitsRequestsAsTheEdgeDoes(t *testing.T) {
	c, err := load(t, with(routed(openWeb, platform), "cdn", `{"enabled":true,"zoneId":"fedcba9876543210fedcba9876543210"}`))
	require.NoError(t, err)
	require.Equal(t, pulumi.BoolRef(true), c.CDN.RateLimit.Enabled)
}

func TestTheReasonComesFromTheClusterThatIsDeployedTo(t *testing.T) {
	there := &clustertest.Fake{Statuses: map[string]map[string]any{"httproutes/shop/gateway": {"parents": nil}}}
	d := &deployment{Config: &Config{connect: there.Connect, Kubernetes: Kubernetes{Context: "blue"}}}
	status, err := d.status(t.Context(), "httproutes", "shop", "gateway")
	require.NoError(t, err)
	require.Contains(t, status, "parents")
	require.Equal(t, "blue", there.Asked[0].Context)
}
