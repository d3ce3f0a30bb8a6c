package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

// pod is one end of a connection.
type pod struct {
	namespace string
	labels    map[string]string
	// ports that it declares, by name.
	ports map[string]int
}

// policy is a NetworkPolicy's spec.
type policy struct {
	PodSelector     selector
	PolicyTypes     []string
	Ingress, Egress []struct {
		From, To []peer
		Ports    []struct{ Port any }
	}
}

type peer struct {
	PodSelector, NamespaceSelector *selector
}

type selector struct{ MatchLabels map[string]string }

func (s *selector) selects(labels map[string]string) bool {
	if s == nil {
		return true
	}
	for key, value := range s.MatchLabels {
		if labels[key] != value {
			return false
		}
	}
	return true
}

func (p peer) is(other pod) bool {
	if p.NamespaceSelector == nil {
		return other.namespace == home && p.PodSelector.selects(other.labels)
	}
	return p.NamespaceSelector.selects(map[string]string{"kubernetes.io/metadata.name": other.namespace}) && p.PodSelector.selects(other.labels)
}

// home is the stack's namespace.
const home = "scalestack"

// decode reads an object's spec.
func decode(t *testing.T, object resource.PropertyMap, into any) {
	t.Helper()
	text, err := json.Marshal(object["spec"].Mappable())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

// reaches reports whether the policies of this moment let from connect to a port of to.
func (r *rig) reaches(from, to pod, port int) bool {
	return r.allows("Egress", from, to, to, port) && r.allows("Ingress", to, from, to, port)
}

// allows asks one side: the policies about subject, for its connections with other.
func (r *rig) allows(direction string, subject, other, target pod, port int) bool {
	if subject.namespace != home {
		return true
	}
	for key, object := range r.objects {
		if !strings.HasPrefix(key, "NetworkPolicy ") {
			continue
		}
		var p policy
		decode(r.t, object, &p)
		if !p.PodSelector.selects(subject.labels) || !slices.Contains(p.PolicyTypes, direction) {
			continue
		}
		rules := p.Ingress
		if direction == "Egress" {
			rules = p.Egress
		}
		for _, rule := range rules {
			isOther := func(one peer) bool { return one.is(other) }
			opens := func(one struct{ Port any }) bool {
				name, named := one.Port.(string)
				return named && target.ports[name] == port || one.Port == float64(port)
			}
			if slices.ContainsFunc(slices.Concat(rule.From, rule.To), isOther) && slices.ContainsFunc(rule.Ports, opens) {
				return true
			}
		}
	}
	return false
}

// podsOf are the pods of a workload as it is now, which run until it is rolled out anew.
func (r *rig) podsOf(key string) pod {
	r.t.Helper()
	require.NotNil(r.t, r.objects[key], key)
	var workload struct {
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Containers []struct {
					Ports []struct {
						Name          string
						ContainerPort int
					}
				}
			}
		}
	}
	decode(r.t, r.objects[key], &workload)
	found := pod{home, workload.Template.Metadata.Labels, map[string]int{}}
	for _, container := range workload.Template.Spec.Containers {
		for _, port := range container.Ports {
			found.ports[port.Name] = port.ContainerPort
		}
	}
	return found
}

// always holds at every step of what follows.
func (r *rig) always(holds func() bool, says string) {
	r.t.Helper()
	require.True(r.t, holds(), says+", before")
	before := r.each
	r.each = func() {
		if before != nil {
			before()
		}
		if !holds() {
			r.t.Errorf("not after %q: %s", r.done[len(r.done)-1], says)
			r.each = before
		}
	}
}

const (
	webService = `"image":"a:1","port":8080,"auth":{"public":true},"uses":{"cache":true,"produce":["orders"],"shards":{"write":["t"],"pool":1}}`
	someRoute  = `{"enabled":true,"host":"www.example.com","service":"SERVICE","parent":{"name":"public","namespace":"gateways","listener":"https"},
		"from":[{"namespaces":{"kubernetes.io/metadata.name":"gateways"}}]}`
	someTunnel = `{"enabled":true,"accountId":"0123456789abcdef0123456789abcdef","zoneId":"fedcba9876543210fedcba9876543210",
		"host":"www.example.com","service":"SERVICE"}`
	namedKafka = `{"topics":[{"name":"orders"}],"ingressFrom":[{"namespaces":{"team":"bi"}}]}`
)

func to(service, route string) string { return strings.ReplaceAll(route, "SERVICE", service) }

var gatewayPod = pod{namespace: "gateways"}

const webDeployment = "Deployment web-deployment"

// requireKept requires that the pods of web reach what they use as long as they run.
func (r *rig) requireKept() {
	r.t.Helper()
	web, shard, redis := r.podsOf(webDeployment), r.podsOf("StatefulSet postgres-shard-0"), r.podsOf("Deployment redis-deployment")
	broker := pod{home, map[string]string{"strimzi.io/cluster": "kafka", "strimzi.io/name": "kafka-kafka"}, nil}
	for target, way := range map[string]func() bool{
		"the shards": func() bool { return r.reaches(web, shard, 5432) },
		"Redis":      func() bool { return r.reaches(web, redis, 6379) },
		"Kafka":      func() bool { return r.allows("Egress", web, broker, broker, 9093) && r.brokersTake(broker, web) },
	} {
		r.always(func() bool { return r.objects[webDeployment] == nil || way() }, "the old pods reach "+target)
	}
}

// brokersTake reports whether the cluster's own listeners, of which Strimzi makes a policy,
// or another policy let a client in.
func (r *rig) brokersTake(broker, client pod) bool {
	var cluster struct {
		Kafka struct {
			Listeners []struct{ NetworkPolicyPeers []peer }
		}
	}
	decode(r.t, r.objects["Kafka kafka-cluster"], &cluster)
	return slices.ContainsFunc(cluster.Kafka.Listeners[0].NetworkPolicyPeers, func(p peer) bool { return p.is(client) }) ||
		r.allows("Ingress", broker, client, broker, 9093)
}

// A service with another name is a new one. The old one works until the new one has
// taken over, or for good if it never does.
func TestARenamedServiceReachesItsStoresToItsEnd(t *testing.T) {
	for name, unready := range map[string]string{"the new one starts": "", "the new one does not": "Deployment"} {
		t.Run(name, func(t *testing.T) {
			config := map[string]string{
				"services": `{"web":{` + webService + `}}`, "gateway": to("web", someRoute), "kafka": namedKafka,
			}
			r := newStack(t, config)
			r.mustRun(update)
			r.mustRun(update)
			require.Empty(t, r.done)
			r.requireKept()
			r.requireRouted()

			config["services"], config["gateway"] = `{"shop":{`+webService+`}}`, to("shop", someRoute)
			r.unready = unready
			_, err := r.run(update, false)
			require.Equal(t, unready != "", err != nil)
			require.Equal(t, unready != "", r.objects[webDeployment] != nil)
		})
	}
}

// requireRouted requires that whoever the route leads to lets the gateway in.
func (r *rig) requireRouted() {
	r.t.Helper()
	r.always(func() bool {
		var route struct {
			Rules []struct{ BackendRefs []struct{ Name string } }
		}
		decode(r.t, r.objects["HTTPRoute gateway-route"], &route)
		service := r.podsOf("Deployment " + route.Rules[0].BackendRefs[0].Name + "-deployment")
		return r.reaches(gatewayPod, service, service.ports["http"])
	}, "the gateway reaches the service of its route")
}

// The gateway goes on to reach the service that its route leads to.
func TestAGatewayIsSwitchedWithoutAGap(t *testing.T) {
	for name, unready := range map[string]string{"the new one starts": "", "the new one does not": "Deployment"} {
		t.Run(name, func(t *testing.T) {
			config := map[string]string{"services": `{"web":{` + webService + `}}`, "gateway": to("web", someRoute), "kafka": namedKafka}
			r := newStack(t, config)
			r.mustRun(update)
			r.requireRouted()

			config["services"] = `{"web":{` + webService + `},"news":{"image":"b:1","port":8081,"auth":{"public":true}}}`
			config["gateway"] = to("news", someRoute)
			r.unready = unready
			_, err := r.run(update, false)
			require.Equal(t, unready != "", err != nil)
			web := r.podsOf(webDeployment)
			require.Equal(t, unready != "", r.reaches(gatewayPod, web, 8080), "open to the end and not longer")
		})
	}
}

// The connectors go on to reach the service that their rules lead to.
func TestATunnelIsSwitchedWithoutAGap(t *testing.T) {
	config := map[string]string{
		"services": `{"web":{` + webService + `},"news":{"image":"b:1","port":8081,"auth":{"public":true}}}`,
		"tunnel":   to("web", someTunnel), "kafka": namedKafka,
	}
	r := newStack(t, config)
	r.mustRun(update)
	connector := r.podsOf("Deployment cloudflared-deployment")
	r.always(func() bool {
		rules := r.objects["ZeroTrustTunnelCloudflaredConfig cloudflared-rules"]["config"].ObjectValue()["ingressRules"].ArrayValue()
		name, _, _ := strings.Cut(strings.TrimPrefix(rules[0].ObjectValue()["service"].StringValue(), "http://"), ".")
		service := r.podsOf("Deployment " + name + "-deployment")
		return r.reaches(connector, service, service.ports["http"])
	}, "the connectors reach the service of their rules")
	config["tunnel"] = to("news", someTunnel)
	r.mustRun(update)
	web, news := r.podsOf(webDeployment), r.podsOf("Deployment news-deployment")
	require.True(t, r.reaches(connector, news, 8081))
	require.False(t, r.reaches(connector, web, 8080), "closed in the end")
}

// Pods with the old port are reached until there are others.
func TestAPortIsChangedWithoutAGap(t *testing.T) {
	config := map[string]string{"services": `{"web":{` + webService + `}}`, "kafka": namedKafka}
	config["gateway"] = to("web", someRoute)
	config["tunnel"] = strings.ReplaceAll(to("web", someTunnel), "www.", "direct.")
	r := newStack(t, config)
	r.mustRun(update)
	old, connector := r.podsOf(webDeployment), r.podsOf("Deployment cloudflared-deployment")
	reached := func(port int) bool { return r.reaches(gatewayPod, old, port) && r.reaches(connector, old, port) }
	r.always(func() bool { return reached(8080) }, "the old pods are reached")

	config["services"] = `{"web":{` + strings.ReplaceAll(webService, "8080", "9000") + `}}`
	r.unready = "Deployment"
	_, err := r.run(update, false)
	require.Error(t, err)

	r.unready, r.each = "", nil
	r.mustRun(update)
	news := r.podsOf(webDeployment)
	require.True(t, r.reaches(gatewayPod, news, 9000) && r.reaches(connector, news, 9000))
	require.False(t, r.reaches(connector, old, 8080), "closed in the end")
}
